// An app that has logged a line and is idle. Measures the activity of its threads.
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { recordOf } from '../lines.js'
import { tell } from '../runner/tell.js'

// Some targets stay active for a while after their last line.
const SETTLE_MS = 12000

const { transport: options, seconds } = JSON.parse(process.argv[2])
const transport = pino.transport(options)
const log = pino(transport)
await once(transport, 'ready')
log.info(recordOf(0), 'request completed')
await sleep(SETTLE_MS)

// Measuring costs more CPU time than ten idle seconds, above all the first time.
wakeUps()
const wakeUpsBefore = wakeUps()
const cpuBefore = process.cpuUsage()
await sleep(seconds * 1000)
const { user, system } = process.cpuUsage(cpuBefore)
tell({ idleCpuMsPerSecond: (user + system) / 1000 / seconds, wakeUps: wakeUps() - wakeUpsBefore })
transport.ref()
const closed = once(transport, 'close')
transport.end()
await closed

/** How often the threads of this process have gone to sleep voluntarily, except this one, which wakes up to measure. */
function wakeUps () {
  let count = 0
  for (const thread of readdirSync('/proc/self/task')) {
    if (Number(thread) === process.pid) continue
    count += Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(readFileSync(`/proc/self/task/${thread}/status`, 'utf8'))?.[1])
  }
  return count
}
