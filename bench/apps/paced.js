// An app that logs at a steady rate, as a server does, and looks at what that costs it: how long `log.info()` takes, and
// how late its event loop is.
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
// What waits for a slow sink is of no interest any more, and pino would wait for it, at its exit too, for 10 s.
if (endsAtOnce) {
  tellUsage()
  process.reallyExit(0)
}
transport.ref()
const closed = once(transport, 'close')
transport.end()
await closed

/** Logs evenly for so many seconds: what is due comes in turns of some milliseconds. */
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
