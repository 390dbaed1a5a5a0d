// An app that logs single lines at a steady rate. Measures the time from `log.info()` until the line is in the file.
import { closeSync, openSync, readSync } from 'node:fs'
import { once } from 'node:events'
import { createHistogram, performance } from 'node:perf_hooks'
import pino from 'pino'
import { tell, tellUsage } from '../runner/tell.js'

const WARM_UP = 1000
const LIMIT_MS = 20000
const NEWLINE = 10

const { transport: options, file, linesPerSecond, seconds } = JSON.parse(process.argv[2])
const transport = pino.transport(options)
const log = pino(transport)
await once(transport, 'ready')

const total = WARM_UP + linesPerSecond * seconds
const loggedAt = []
const arrival = createHistogram()
const memory = Buffer.alloc(1024 * 1024)
const fd = openSync(file, 'a+')
const startedAt = performance.now()
let arrived = 0
const timer = setInterval(() => {
  look()
  const due = Math.min(total, Math.floor((performance.now() - startedAt) / 1000 * linesPerSecond))
  for (let n = loggedAt.length; n < due; n++) {
    loggedAt.push(performance.now())
    log.info({ n }, 'request completed')
  }
  if (arrived === total) finish()
  else if (performance.now() - startedAt > LIMIT_MS + seconds * 1000) throw new Error(`${arrived} of ${total} lines have arrived in time`)
}, 1)

/** Takes what is new in the file. The timer of this process makes a line up to 1 ms late. */
function look () {
  const bytes = memory.subarray(0, readSync(fd, memory))
  const now = performance.now()
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1), arrived++) {
    if (arrived >= WARM_UP) arrival.record(Math.max(1, Math.round((now - loggedAt[arrived]) * 1000)))
  }
}

function finish () {
  clearInterval(timer)
  closeSync(fd)
  tell({ arrivalP50Ms: arrival.percentile(50) / 1000, arrivalP99Ms: arrival.percentile(99) / 1000 })
  tellUsage()
  process.reallyExit(0)
}
