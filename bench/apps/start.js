// An app that starts and logs one line. Measures the time until the line is in the file.
import { statSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { recordOf } from '../lines.js'
import { tell } from '../runner/tell.js'

const LIMIT_MS = 20000

const { transport: options, file } = JSON.parse(process.argv[2])
const log = pino(pino.transport(options))
log.info(recordOf(0), 'request completed')
while (!(statSync(file, { throwIfNoEntry: false })?.size > 0)) {
  if (performance.now() > LIMIT_MS) throw new Error('the line did not arrive in time')
  await sleep(1)
}
tell({ firstLineMs: performance.now() })
