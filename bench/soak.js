// Load for half an hour, with sinks that fail and recover at random, a reader that pauses, and an app that is stopped as a
// whole. Checks that memory, handles and threads do not grow, that every line is accounted for at any time, and that healthy
// sinks neither lose a line nor fail. Run it with `npm run bench:soak -- --minutes 30`. A run of at least 10 minutes writes its
// result to bench/soak.json, for the report. `--seed` repeats a sequence of faults. Linux only: it reads /proc, and frees the
// parts of a file that it has read with `fallocate`.
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, fstatSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { finished } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { linesFrom } from './lines.js'
import { Arrivals } from './runner/arrivals.js'
import { fanoutOf, fileTarget, pathOf } from './runner/commands.js'
import { describeMachine } from './runner/machine.js'
import { quantile } from './runner/statistics.js'

const HERE = dirname(fileURLToPath(import.meta.url))
const SAMPLES = 120
const WORTH_KEEPING_MINUTES = 10
/** Limit for the growth of memory from the second to the last quarter of the run. In the first one, buffers are still growing. */
const ALLOWED_GROWTH = 1.1
/** How long the run has no faults at its end, so that all sinks recover. */
const CALM_MS = 15000
/** An upper limit of what the app logs. */
const MOST_LINES_PER_MINUTE = 400000

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' }, seed: { type: 'string', default: String(Date.now() % 1e6) } } })
const minutes = Number(values.minutes)
if (!(minutes * 60000 > CALM_MS)) throw new Error(`--minutes: expected a number > ${CALM_MS / 60000}, got ${values.minutes}`)
const seed = Number(values.seed)
console.log(`${minutes} minutes, seed ${seed}`)

const dir = mkdtempSync(join(tmpdir(), 'fanout-soak-'))
process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
/** The lines that have arrived at the sinks that must not lose any. */
const arrivals = Object.fromEntries(['file', 'http', 'pipe'].map(name => [name, new Arrivals(minutes * MOST_LINES_PER_MINUTE)]))
const levels = { file: 20, http: 30, pipe: 40 }
const healthy = ['file', 'http']

let answer = 200
const server = createServer((request, response) => {
  if (request.url === '/healthy') request.pipe(arrivals.http.newInput())
  request.resume().on('end', () => {
    if (request.url === '/healthy') response.end()
    else if (answer === 'reset') request.socket.destroy()
    else if (answer !== 'hang') response.writeHead(answer).end()
  })
}).listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${server.address().port}`

const fifo = join(dir, 'pipe.ndjson')
execFileSync('mkfifo', [fifo])
const reader = new Socket({ fd: openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK) })
const pipeInput = reader.pipe(arrivals.pipe.newInput())
// Keeps the pipe open: without a writer it would end whenever its sink is restarted.
const writer = openSync(fifo, 'w')

const onDemand = pathOf('sinks/fails-on-demand.js')
const transport = fanoutOf([
  fileTarget(dir, 'file', { name: 'file', level: levels.file }),
  { name: 'http', level: levels.http, target: 'pino-breaker-fanout/http', options: { url: `${url}/healthy` } },
  fileTarget(dir, 'pipe', { name: 'pipe', level: levels.pipe }),
  { name: 'collector', target: pathOf('sinks/posts.js'), options: { url } },
  { name: 'stream', level: 'warn', target: onDemand, options: { dir } },
  { name: 'skipping', target: onDemand, options: { dir }, whenOpen: 'skip' }
], {
  breaker: { failureThreshold: 3, recoveryTimeoutMs: 2000, settleMs: 1000 },
  queue: { maxBytes: 4 * 2 ** 20 },
  writeTimeoutMs: 2000,
  diagnostics: false,
  metricsIntervalMs: 1000
})

const app = fork(pathOf('apps/soak.js'), [JSON.stringify({ transport })])
// SIGKILL, since no other signal ends a stopped process.
process.once('exit', () => app.kill('SIGKILL'))
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
const ended = once(app, 'disconnect')
let snapshots = 0
let unbalanced = 0
const transitions = {}
let lines
let last
app.on('message', ({ snapshot, transition, lines: logged }) => {
  lines = logged ?? lines
  if (transition !== undefined) transitions[transition.sink] = (transitions[transition.sink] ?? 0) + 1
  if (snapshot === undefined) return
  snapshots++
  last = snapshot
  for (const sink of snapshot.sinks) if (accounted(sink) !== sink.linesReceived) unbalanced++
})
await Promise.race([once(app, 'message'), ended])

const answering = status => ({ begin: () => { answer = status }, end: () => { answer = 200 }, mostSeconds: 10 })
const failing = kind => ({ begin: () => writeFileSync(join(dir, kind), ''), end: () => rmSync(join(dir, kind)), mostSeconds: 10 })
const sinkFaults = {
  'collector 503': answering(503),
  'collector reset': answering('reset'),
  'collector hang': answering('hang'),
  exit: failing('exit'),
  error: failing('error'),
  hang: failing('hang'),
  stall: { begin: () => reader.unpipe(), end: () => reader.pipe(pipeInput), mostSeconds: 20 }
}
const appFaults = { stop: { begin: () => app.kill('SIGSTOP'), end: () => app.kill('SIGCONT'), mostSeconds: 20 } }

const file = openSync(join(dir, 'file.ndjson'))
const fileInput = arrivals.file.newInput()
let fileBytes = 0
const faults = {}
const samples = []
const startedAt = performance.now()
const endsAt = startedAt + minutes * 60000
const calmAt = endsAt - CALM_MS
await Promise.race([
  Promise.all([failAtRandom(sinkFaults, 8, randomFrom(seed)), failAtRandom(appFaults, 60, randomFrom(seed + 1)), takeSamples()]),
  ended.then(() => { throw new Error('the app has died') })
])
app.send('end')
await ended
readFile()
closeSync(writer)
await finished(pipeInput)
server.close()
server.closeAllConnections()

const verdict = judge()
for (const [kind, { times, seconds }] of Object.entries(faults)) console.log(`${kind}: ${times} times, ${Math.round(seconds)} s in all`)
for (const { what, value, isGood } of verdict) console.log(`${isGood ? 'good' : 'BAD '}  ${what}: ${value}`)
if (minutes >= WORTH_KEEPING_MINUTES) {
  const result = { machine: describeMachine(), minutes, seed, lines, faults, verdict, samples }
  writeFileSync(join(HERE, 'soak.json'), JSON.stringify(result, null, 1) + '\n')
  console.log('bench/soak.json is written; `npm run bench:report` adds it to the report')
}
process.exitCode = verdict.every(({ isGood }) => isGood) ? 0 : 1

/** Causes one fault after another, each for a while, with a pause in between. */
async function failAtRandom (kinds, restSeconds, random) {
  while (performance.now() < calmAt) {
    const kind = Object.keys(kinds)[Math.floor(random() * Object.keys(kinds).length)]
    const { begin, end, mostSeconds } = kinds[kind]
    const beganAt = performance.now()
    begin()
    await sleepUntil(calmAt, 1000 + random() * (mostSeconds - 1) * 1000)
    end()
    faults[kind] ??= { times: 0, seconds: 0 }
    faults[kind].times++
    faults[kind].seconds += (performance.now() - beganAt) / 1000
    await sleepUntil(calmAt, random() * restSeconds * 1000)
  }
}

async function takeSamples () {
  while (performance.now() < endsAt) {
    await sleepUntil(endsAt, minutes * 60000 / SAMPLES)
    const status = readFileSync(`/proc/${app.pid}/status`, 'utf8')
    const numberOf = key => Number(new RegExp(`^${key}:\\s*(\\d+)`, 'm').exec(status)[1])
    samples.push({
      minute: Number(((performance.now() - startedAt) / 60000).toFixed(3)),
      rssMb: Math.round(numberOf('VmRSS') / 2 ** 10),
      descriptors: readdirSync(`/proc/${app.pid}/fd`).length,
      threads: numberOf('Threads')
    })
    readFile()
  }
}

/** Reads the new lines of the healthy file, and frees their space, since the file would fill the disk. */
function readFile () {
  const bytes = Buffer.alloc(fstatSync(file).size - fileBytes)
  fileBytes += readSync(file, bytes, 0, bytes.length, fileBytes)
  fileInput.write(bytes)
  execFileSync('fallocate', ['--punch-hole', '--length', String(fileBytes), join(dir, 'file.ndjson')])
}

function sleepUntil (limit, ms) {
  return sleep(Math.max(0, Math.min(ms, limit - performance.now())))
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
    ...Object.entries(arrivals).map(([name, { lines: arrived, repeated }]) => ({
      what: `${name}: lines that arrived, are missing, came again`,
      value: counts(arrived, linesFrom(levels[name], lines) - arrived, repeated),
      isGood: arrived === linesFrom(levels[name], lines) && (name === 'pipe' || repeated === 0)
    })),
    ...last.sinks.map(({ name, failures, lateFaults }) => {
      const numbers = [sum(Object.values(failures)), lateFaults, transitions[name] ?? 0]
      return { what: `${name}: failures, late faults, transitions`, value: counts(...numbers), isGood: !healthy.includes(name) || sum(numbers) === 0 }
    }),
    ...last.sinks.map(sink => ({
      what: `${sink.name}: received, delivered, skipped, dropped`,
      value: counts(sink.linesReceived, sink.linesDelivered, sink.linesSkipped, dropped(sink)),
      isGood: sink.linesDelivered > 0 && (!(sink.name in arrivals) || sink.linesDelivered === sink.linesReceived)
    }))
  ]
}

function counts (...numbers) {
  return numbers.map(number => number.toLocaleString('en')).join(', ')
}

function accounted (sink) {
  return sink.linesDelivered + sink.linesSkipped + dropped(sink) + sink.linesFallback + sink.linesDeadLettered + sink.queueLines + sink.unsettledLines + sink.spoolLines
}

function dropped ({ linesDropped }) {
  return sum(Object.values(linesDropped))
}

function sum (numbers) {
  return numbers.reduce((total, number) => total + number, 0)
}

/** Pseudo-random numbers, the same for the same seed (mulberry32). */
function randomFrom (seed) {
  return () => {
    seed = seed + 0x6d2b79f5 | 0
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed)
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t
    return ((t ^ t >>> 14) >>> 0) / 4294967296
  }
}
