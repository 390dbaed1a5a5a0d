// An app that logs single lines at a steady rate. Measures the CPU of the whole process while it does, without its start.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { performance } from 'node:perf_hooks'
import pino from 'pino'
import { recordOf } from '../lines.js'
import { tell } from '../runner/tell.js'

const WARM_UP_MS = 1500

const { transport: options, linesPerSecond, seconds } = JSON.parse(process.argv[2])
const transport = pino.transport(options)
const log = pino(transport)
await once(transport, 'ready')
await sleep(WARM_UP_MS)

const before = process.cpuUsage()
const startedAt = performance.now()
let n = 0
setInterval(() => {
  const due = (performance.now() - startedAt) / 1000 * linesPerSecond
  while (n < due) log.info(recordOf(n++), 'request completed')
}, 1)
await sleep(seconds * 1000)
const { user, system } = process.cpuUsage(before)
tell({ corePercent: (user + system) / 1000 / seconds / 10 })
process.reallyExit(0)
