import build from 'pino-abstract-transport'

/** A sink made by pino-abstract-transport, which parses each line, and does nothing with it. */
export default function readsLines () {
  return build(async lines => { for await (const line of lines) void line })
}
