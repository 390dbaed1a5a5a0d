import build from 'pino-abstract-transport'

/** A sink made by pino-abstract-transport, which parses each line, and does nothing with it. */
export default function readsLines () {
  return build(async lines => {
    // eslint-disable-next-line no-unused-vars
    for await (const line of lines) continue
  })
}
