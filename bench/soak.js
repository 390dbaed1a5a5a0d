// Load for half an hour, with sinks that fail and come back at random: do memory, handles and threads stay where they are,
// and is every line accounted for, at any time? `npm run bench:soak -- --minutes 30`; only a run of 10 minutes or more
// writes its result, bench/soak.json, for the report. `--seed` repeats a sequence of faults.
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import pino from 'pino'
import { labelOf, recordOf } from './lines.js'
import { describeMachine } from './runner/machine.js'
import { quantile } from './runner/statistics.js'

const HERE = dirname(fileURLToPath(import.meta.url))
const LINES_PER_TURN = 50
const TURN_MS = 10
const SAMPLES = 120
const WORTH_KEEPING_MINUTES = 10
/** Memory is compared between the second and the last quarter of the run; in the first one buffers reach their size. */
const ALLOWED_GROWTH = 1.1
const FILE_BYTES = 256 * 2 ** 20

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' }, seed: { type: 'string', default: String(Date.now() % 1e6) } } })
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new Error(`--minutes: expected a number > 0, got ${values.minutes}`)
const random = randomFrom(Number(values.seed))
console.log(`${minutes} minutes, seed ${values.seed}`)

const dir = mkdtempSync(join(tmpdir(), 'fanout-soak-'))
const faults = {}
let answer = 200
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    if (answer === 'reset') request.socket.destroy()
    else if (answer !== 'hang') response.writeHead(answer).end()
  })
}).listen(0, '127.0.0.1')
await once(server, 'listening')

const file = join(dir, 'healthy.ndjson')
const onDemand = new URL('sinks/fails-on-demand.js', import.meta.url).href
const transport = pino.transport({
  target: 'pino-breaker-fanout',
  options: {
    targets: [
      { name: 'file', target: 'pino/file', options: { destination: file } },
      { name: 'collector', target: new URL('sinks/posts.js', import.meta.url).href, options: { url: `http://127.0.0.1:${server.address().port}` } },
      { name: 'stream', level: 'warn', target: onDemand, options: { dir } },
      { name: 'skipping', target: onDemand, options: { dir }, whenOpen: 'skip' }
    ],
    breaker: { failureThreshold: 3, recoveryTimeoutMs: 2000, settleMs: 1000 },
    queue: { maxBytes: 4 * 2 ** 20 },
    writeTimeoutMs: 2000,
    diagnostics: false,
    metricsIntervalMs: 1000
  }
})
const log = pino({ level: 'trace' }, transport)
let snapshots = 0
let unbalanced = 0
let last
transport.on('metrics', snapshot => {
  snapshots++
  last = snapshot
  for (const sink of snapshot.sinks) if (accounted(sink) !== sink.linesReceived) unbalanced++
})
await once(transport, 'ready')
transport.ref()

const samples = []
const startedAt = performance.now()
const endsAt = startedAt + minutes * 60000
const isOver = () => performance.now() >= endsAt
let lines = 0
await Promise.all([logEvenly(), failAtRandom(), takeSamples()])
// What is down at the end is not waited for by the hour: the backend is up, and answers from this very thread.
await new Promise(resolve => log.flush(resolve))
const closed = once(transport, 'close')
transport.end()
await closed
await sleep(0)
server.close()
server.closeAllConnections()
rmSync(dir, { recursive: true, force: true })

const verdict = judge()
for (const { what, value, isGood } of verdict) console.log(`${isGood ? 'good' : 'BAD '}  ${what}: ${value}`)
if (minutes >= WORTH_KEEPING_MINUTES) {
  const result = { machine: describeMachine(), minutes, seed: Number(values.seed), lines, faults, verdict, samples }
  writeFileSync(join(HERE, 'soak.json'), JSON.stringify(result, null, 1) + '\n')
  console.log('bench/soak.json is written; `npm run bench:report` takes it into the report')
}
process.exitCode = verdict.every(({ isGood }) => isGood) ? 0 : 1

async function logEvenly () {
  while (!isOver()) {
    for (let i = 0; i < LINES_PER_TURN; i++, lines++) log[labelOf(lines)](recordOf(lines), 'request completed')
    await sleep(TURN_MS)
  }
}

/** One fault after another, each for a while, with a rest between; the last one ends before the run does. */
async function failAtRandom () {
  const kinds = ['http 503', 'http reset', 'http hang', 'exit', 'error', 'hang']
  while (!isOver()) {
    const kind = kinds[Math.floor(random() * kinds.length)]
    faults[kind] = (faults[kind] ?? 0) + 1
    const [, http] = /^http (.*)$/.exec(kind) ?? []
    if (http !== undefined) answer = http === '503' ? 503 : http
    else writeFileSync(join(dir, kind), '')
    await sleepUntilOver(1000 + random() * 9000)
    answer = 200
    if (http === undefined) rmSync(join(dir, kind))
    await sleepUntilOver(random() * 8000)
  }
}

async function takeSamples () {
  while (!isOver()) {
    await sleepUntilOver(minutes * 60000 / SAMPLES)
    samples.push({
      minute: Number(((performance.now() - startedAt) / 60000).toFixed(3)),
      rssMb: Math.round(process.memoryUsage.rss() / 2 ** 20),
      descriptors: readdirSync('/proc/self/fd').length,
      threads: Number(/^Threads:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1])
    })
    // The log is not what is tested: it begins anew before it fills the disk.
    if (statSync(file).size > FILE_BYTES) truncateSync(file)
  }
}

function sleepUntilOver (ms) {
  return sleep(Math.max(0, Math.min(ms, endsAt - performance.now())))
}

function judge () {
  const quarter = n => samples.slice(Math.floor(samples.length * n / 4), Math.ceil(samples.length * (n + 1) / 4))
  const median = (n, key) => quantile(quarter(n).map(sample => sample[key]), 0.5)
  const flat = (key, what, unit = '') => ({
    what: `${what}: median of the second and of the last quarter`,
    value: `${median(1, key)} and ${median(3, key)}${unit}`,
    isGood: median(3, key) <= median(1, key) * ALLOWED_GROWTH
  })
  const left = last.sinks.reduce((sum, { queueLines, unsettledLines }) => sum + queueLines + unsettledLines, 0)
  return [
    flat('rssMb', 'memory', ' MB'),
    flat('descriptors', 'file descriptors'),
    flat('threads', 'threads'),
    { what: 'snapshots in which the sum of a sink did not hold', value: `${unbalanced} of ${snapshots}`, isGood: unbalanced === 0 && snapshots > 0 },
    { what: 'lines that had no place at the end', value: left, isGood: left === 0 },
    ...last.sinks.map(sink => ({
      what: `${sink.name}: received, delivered, skipped, dropped`,
      value: [sink.linesReceived, sink.linesDelivered, sink.linesSkipped, dropped(sink)].map(count => count.toLocaleString('en')).join(', '),
      isGood: sink.linesDelivered > 0 && (sink.name !== 'file' || sink.linesDelivered === sink.linesReceived)
    }))
  ]
}

function accounted (sink) {
  return sink.linesDelivered + sink.linesSkipped + dropped(sink) + sink.linesFallback + sink.linesDeadLettered + sink.queueLines + sink.unsettledLines + sink.spoolLines
}

function dropped ({ linesDropped }) {
  return Object.values(linesDropped).reduce((sum, count) => sum + count, 0)
}

/** Mulberry32: the same numbers for the same seed. */
function randomFrom (seed) {
  return () => {
    seed = seed + 0x6d2b79f5 | 0
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed)
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t
    return ((t ^ t >>> 14) >>> 0) / 4294967296
  }
}
