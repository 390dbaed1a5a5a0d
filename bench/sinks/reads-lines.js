import build from 'pino-abstract-transport'

/** A sink made by pino-abstract-transport, which parses each line, and keeps only the last one. */
export default function readsLines () {
  return build(async lines => {
    let last
    for await (const line of lines) last = line
    return last
  })
}
