// pino-seq is a stream for the app's own thread, one line a write: this makes a target of it, as docs/transports.md tells.
import { once } from 'node:events'
import build from 'pino-abstract-transport'
import { createStream } from 'pino-seq'

export default function (options) {
  const seq = createStream(options)
  return build(source => { source.pipe(seq, { end: false }) }, {
    parse: 'lines',
    async close () {
      seq.end()
      await once(seq, 'close')
    }
  })
}
