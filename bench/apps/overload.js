// Logs twice as many lines as its sink takes, one in 50 of them an error, and reports what the sink has lost, as JSON on standard
// output.
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'

const { seconds, linesPerSecond, padBytes, target } = JSON.parse(process.argv[2])
/** A machine may be busy: what waits is waited for, and this is far away. */
const DRAIN_LIMIT_MS = 120000

const transport = pino.transport({ target: 'pino-breaker-fanout', options: { targets: [target], metricsIntervalMs: 200, closeTimeoutMs: 9000, diagnostics: false } })
const log = pino({ base: undefined, level: 'debug' }, transport)
let last
transport.on('metrics', snapshot => { last = snapshot.sinks[0] })
transport.on('ready', () => transport.ref())

const pad = 'x'.repeat(padBytes)
// The time begins once the sink has started and taken the first line.
log.debug({ id: 0, pad })
while (!(last?.linesDelivered > 0)) await sleep(20)
const begin = performance.now()
let logged = 1
let errors = 0
for (;;) {
  const elapsed = (performance.now() - begin) / 1000
  for (const due = 1 + Math.min(elapsed, seconds) * linesPerSecond; logged < due; logged++) {
    const isError = logged % 50 === 49
    if (isError) errors++
    log[isError ? 'error' : 'debug']({ id: logged, pad })
  }
  if (elapsed >= seconds) break
  await sleep(10)
}
const limit = performance.now() + DRAIN_LIMIT_MS
const isDrained = () => last?.linesReceived >= logged && last.queueLines + last.unsettledLines === 0
while (performance.now() < limit && !isDrained()) await sleep(100)
transport.end()
await new Promise(resolve => transport.on('close', resolve))
process.stdout.write(JSON.stringify({ logged, errors, sink: last }))
