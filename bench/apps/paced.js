// An app that logs at a steady rate, as a server does. Measures what that costs the app: how long `log.info()` takes, and the
// delay of its event loop.
import { once } from 'node:events'
import { createHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks'
import pino from 'pino'
import { recordOf } from '../lines.js'
import { tell, tellUsage } from '../runner/tell.js'

const TURN_MS = 5
const WARM_UP_SECONDS = 1

const { transport: options, linesPerSecond, seconds, endsAtOnce = false } = JSON.parse(process.argv[2])
const transport = pino.transport(options)
const log = pino(transport)
await once(transport, 'ready')

await logFor(WARM_UP_SECONDS)
const calls = createHistogram()
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
await logFor(seconds, calls)
delay.disable()
tell({
  logP50Us: calls.percentile(50) / 1e3,
  logP99Us: calls.percentile(99) / 1e3,
  logP999Us: calls.percentile(99.9) / 1e3,
  loopP99Ms: delay.percentile(99) / 1e6
})
// The lines that wait for a slow sink are not needed, and pino would wait up to 10 s for them, even at its exit.
if (endsAtOnce) {
  tellUsage()
  process.reallyExit(0)
}
transport.ref()
const closed = once(transport, 'close')
transport.end()
await closed

/** Logs at a steady rate for some seconds. The lines that are due are logged every few milliseconds. */
async function logFor (seconds, histogram) {
  const startedAt = performance.now()
  const total = linesPerSecond * seconds
  let n = 0
  await new Promise(resolve => {
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor((performance.now() - startedAt) / 1000 * linesPerSecond))
      for (; n < due; n++) {
        const before = process.hrtime.bigint()
        log.info(recordOf(n), 'request completed')
        histogram?.record(process.hrtime.bigint() - before || 1n)
      }
      if (n < total) return
      clearInterval(timer)
      resolve()
    }, TURN_MS)
  })
}
