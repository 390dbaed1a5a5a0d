// An app that has logged a line and is idle: what its threads do all the same.
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { recordOf } from '../lines.js'
import { tell } from '../runner/tell.js'

// Some look after their last line for a while.
const SETTLE_MS = 12000

const { transport: options, seconds } = JSON.parse(process.argv[2])
const transport = pino.transport(options)
const log = pino(transport)
await once(transport, 'ready')
log.info(recordOf(0), 'request completed')
await sleep(SETTLE_MS)

// To look costs more than to be idle for ten seconds, the first time above all.
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

/** How often the threads of this process have gone to sleep of their own will, but for this one, which wakes to look. */
function wakeUps () {
  let count = 0
  for (const thread of readdirSync('/proc/self/task')) {
    if (Number(thread) === process.pid) continue
    count += Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(readFileSync(`/proc/self/task/${thread}/status`, 'utf8'))?.[1])
  }
  return count
}
