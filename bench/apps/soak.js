// An app that logs at a steady rate until its parent ends it, and reports the state of its sinks. Its parent makes the sinks
// fail, and stops the app for a while.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { labelOf, recordOf } from '../lines.js'

const LINES_PER_TURN = 50
const TURN_MS = 10

const { transport: options } = JSON.parse(process.argv[2])
const transport = pino.transport(options)
transport.on('metrics', snapshot => process.send({ snapshot }))
transport.on('breaker', transition => process.send({ transition }))
const ending = new AbortController()
process.once('message', () => ending.abort())
process.once('disconnect', () => process.exit(1))
await once(transport, 'ready')
transport.ref()

const log = pino({ level: 'trace' }, transport)
let lines = 0
while (!ending.signal.aborted) {
  for (let i = 0; i < LINES_PER_TURN; i++, lines++) log[labelOf(lines)](recordOf(lines), 'request completed')
  await sleep(TURN_MS)
}
const closed = once(transport, 'close')
transport.end()
await closed
// The last snapshot comes in the same turn of the event loop.
await sleep(0)
process.removeAllListeners('disconnect')
process.send({ lines }, () => process.disconnect())
