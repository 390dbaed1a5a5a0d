// An app that finds a spool at its start. With `fills` it makes that spool, by logging to a sink that fails. With `reads` it only
// reads the files, as fast as the disk does. Otherwise it measures how fast the spool is delivered.
import { closeSync, cpSync, openSync, readdirSync, readSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { recordOf } from '../lines.js'
import { tell, tellUsage } from '../runner/tell.js'

const LIMIT_MS = 110000
const METRICS_MS = 50
const READ_BYTES = 512 * 1024

const { folder, from, megabytes, fills = false, reads = false } = JSON.parse(process.argv[2])
if (from !== undefined) cpSync(from, folder, { recursive: true })
const startedAt = performance.now()
if (reads) {
  readAll(folder)
  finish()
}
const transport = pino.transport({
  target: 'pino-breaker-fanout',
  options: {
    targets: [{
      name: 'backend',
      target: new URL('../sinks/delivers.js', import.meta.url).href,
      options: { fails: fills },
      whenOpen: 'spool',
      breaker: { failureThreshold: 1, recoveryTimeoutMs: 3600000 },
      spool: { dir: folder, maxBytes: 4 * 2 ** 30 }
    }],
    metricsIntervalMs: METRICS_MS,
    diagnostics: false
  }
})
let sink
transport.on('metrics', ({ sinks }) => { [sink] = sinks })

if (fills) {
  const log = pino(transport)
  await once(transport, 'ready')
  for (let n = 0; (sink?.spoolBytes ?? 0) < megabytes * 2 ** 20;) {
    for (const end = n + 1000; n < end; n++) log.info(recordOf(n), 'request completed')
    await sleep(1)
  }
  tellUsage()
  process.reallyExit(0)
}

await until(() => sink?.spoolBytes > 0 || sink?.linesDelivered > 0)
await until(() => sink.linesDelivered > 0 && sink.spoolLines === 0 && sink.queueLines === 0 && sink.unsettledLines === 0)
finish()

function finish () {
  tell({ megabytesPerSecond: megabytes / (performance.now() - startedAt) * 1000 })
  tellUsage()
  process.reallyExit(0)
}

function readAll (folder) {
  const memory = Buffer.alloc(READ_BYTES)
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  for (const { parentPath, path, name } of files) {
    const fd = openSync(join(parentPath ?? path, name))
    while (readSync(fd, memory) > 0);
    closeSync(fd)
  }
}

async function until (condition) {
  while (!condition()) {
    if (performance.now() - startedAt > LIMIT_MS) throw new Error('not done in time')
    await sleep(5)
  }
}
