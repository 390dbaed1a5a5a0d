// An app that logs to a backend by HTTP, as fast as it can or at a steady rate. Measures what a line costs until it has arrived.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { recordOf } from '../lines.js'
import { tell, tellUsage } from '../runner/tell.js'
import { startRsyslog } from '../servers/rsyslog.js'

const TURN_MS = 5
const WARM_UP = 2000
const LIMIT_MS = 60000
const SINKS = {
  loki: url => fanoutTo({ url, format: 'loki', labels: { app: 'bench' } }),
  elasticsearch: url => fanoutTo({ url, format: 'elasticsearch', elasticsearch: { index: 'logs' } }),
  otlp: url => fanoutTo({ url, format: 'otlp', otlp: { resource: { 'service.name': 'bench' } } }),
  'pino-loki': url => ({ target: 'pino-loki', options: { host: url, labels: { app: 'bench' }, batching: { interval: 1, maxBufferSize: 1e6 } } }),
  'pino-elasticsearch': url => ({ target: 'pino-elasticsearch', options: { node: url, index: 'logs', esVersion: 8, flushBytes: 512 * 1024, flushInterval: 1000 } }),
  rsyslog: () => ({ target: 'pino/file', options: { destination: logFile } }),
  none: () => ({ target: 'pino/file', options: { destination: '/dev/null' } }),
  'pino-opentelemetry-transport': url => opentelemetryTo({ protocol: 'http', httpExporterOptions: { url: `${url}/v1/logs` } }),
  'pino-opentelemetry-transport, protobuf': url => opentelemetryTo({ protocol: 'http/protobuf', protobufExporterOptions: { url: `${url}/v1/logs` } })
}

// With `none` nothing is sent: what an app and a thread cost by themselves.
const { sink, dir, lines, linesPerSecond = Infinity } = JSON.parse(process.argv[2])
const logFile = join(dir, 'app.ndjson')
const backend = fork(new URL('../servers/takes-everything.js', import.meta.url))
const [{ port }] = await once(backend, 'message')
let arrived = { lines: 0, requests: 0, bytes: 0 }
backend.on('message', counts => { arrived = counts })

const daemon = sink === 'rsyslog' ? startRsyslog({ dir, file: logFile, port }) : undefined
const begun = performance.now()
const transport = pino.transport(SINKS[sink](`http://127.0.0.1:${port}`))
const log = pino(transport)
await once(transport, 'ready')
const readyMs = performance.now() - begun
await logLines(WARM_UP, Infinity)
await untilArrived(WARM_UP)

const before = { ...arrived, cpuMs: cpuMs(), time: performance.now() }
await logLines(lines, linesPerSecond)
await untilArrived(WARM_UP + lines)
const usedMs = cpuMs() - before.cpuMs
tell({
  readyMs,
  linesPerSecond: lines / (performance.now() - before.time) * 1000,
  cpuUsPerLine: usedMs * 1000 / lines,
  requests: arrived.requests - before.requests,
  bytesPerLine: (arrived.bytes - before.bytes) / lines
})
// Everything has arrived. The end of pino-loki would take more than the 10 s that pino waits for it.
tellUsage(daemon?.peakRssKb())
daemon?.kill()
process.reallyExit(0)

/** The CPU time of the app with its transport, and of the daemon that reads what it logs. */
function cpuMs () {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000 + (daemon?.cpuMs() ?? 0)
}

function fanoutTo (options) {
  return { target: 'pino-breaker-fanout', options: { targets: [{ target: 'pino-breaker-fanout/http', options, queue: { overflow: 'block' } }] } }
}

function opentelemetryTo (exporterOptions) {
  const processorConfig = { scheduledDelayMillis: 1000, maxQueueSize: 1e6, maxExportBatchSize: 2000 }
  return { target: 'pino-opentelemetry-transport', options: { loggerName: 'bench', serviceVersion: '1', resourceAttributes: { 'service.name': 'bench' }, logRecordProcessorOptions: { recordProcessorType: 'batch', exporterOptions, processorConfig } } }
}

/** Logs lines, those that are due every few milliseconds; at full speed as fast as the transport takes them. */
async function logLines (count, rate) {
  const startedAt = performance.now()
  for (let n = 0; n < count;) {
    const due = rate === Infinity ? Math.min(count, n + 1000) : Math.min(count, Math.floor((performance.now() - startedAt) / 1000 * rate))
    for (; n < due; n++) log.info(recordOf(n), 'request completed')
    if (transport.writableNeedDrain) await once(transport, 'drain')
    await sleep(rate === Infinity ? 0 : TURN_MS)
  }
}

async function untilArrived (count) {
  if (sink === 'none') return
  const limit = performance.now() + LIMIT_MS
  while (arrived.lines < count) {
    if (performance.now() > limit) throw new Error(`${arrived.lines} of ${count} lines have arrived in time`)
    await sleep(5)
  }
}
