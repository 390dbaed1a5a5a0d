// An app whose monitor is asked for its metrics while it logs: `lines` lines as fast as it can, or at a steady rate for some
// seconds. Measures what the process uses from the first line on.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { recordOf } from '../lines.js'
import { tell } from '../runner/tell.js'

const TURN_MS = 5
const WARM_UP_MS = 1000

const { transport: options, lines, linesPerSecond, seconds, requestsPerSecond } = JSON.parse(process.argv[2])
const transport = pino.transport(options)
const log = pino(transport)
const listening = requestsPerSecond === undefined ? [{}] : once(transport, 'monitor')
await once(transport, 'ready')
transport.ref()
const [{ address }] = await listening
const scraper = address && fork(new URL('../servers/scrapes.js', import.meta.url), [address, requestsPerSecond])
if (scraper) await once(scraper, 'message')
await sleep(WARM_UP_MS)

const startedAt = performance.now()
const used = process.cpuUsage()
if (lines === undefined) await logSteadily()
else await logAtOnce()
const { user, system } = process.cpuUsage(used)
tell({ usedCpuMs: (user + system) / 1000, usedMs: performance.now() - startedAt })
scraper?.disconnect()
const closed = once(transport, 'close')
transport.end()
await closed

async function logSteadily () {
  for (let n = 0; performance.now() - startedAt < seconds * 1000;) {
    for (const due = (performance.now() - startedAt) / 1000 * linesPerSecond; n < due; n++) log.info(recordOf(n), 'request completed')
    await sleep(TURN_MS)
  }
}

/** Until the transport has taken all lines. */
async function logAtOnce () {
  for (let n = 0; n < lines; n++) {
    log.info(recordOf(n), 'request completed')
    if (transport.writableNeedDrain) await once(transport, 'drain')
  }
  await new Promise(resolve => log.flush(resolve))
}
