import t from 'tap'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readSync, openSync, closeSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { runProcess } from '../support/run-process.js'

const MEGABYTES = Number(process.env['OUTAGE_MEGABYTES'] ?? 100)
/** At which pace the app logs as its lines are spooled; 0 for as fast as it can. */
const SPOOLING_LINES_PER_SECOND = Number(process.env['OUTAGE_LINES_PER_SECOND'] ?? 0)
/** And as its past is replayed. */
const REPLAYING_LINES_PER_SECOND = Number(process.env['OUTAGE_REPLAYING_LINES_PER_SECOND'] ?? 5000)
const MOST_BYTES = 150e6
/** Of the transport's thread and the sink's, as docs/spool.md has it for where memory is scarce; 0 for what they have by default. */
const YOUNG_MEGABYTES = Number(process.env['OUTAGE_YOUNG_MEGABYTES'] ?? 6)
const worker = YOUNG_MEGABYTES === 0 ? undefined : { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEGABYTES } }
/** An app that logs as fast as it can takes that much more by itself, with whatever transport. */
const MOST_BYTES_FLAT_OUT = 175e6
/** As much as is logged while its past is replayed at 100 MB a second. */
const NEW_MEGABYTES = MEGABYTES / 100 * REPLAYING_LINES_PER_SECOND * 270 / 1e6
const LIMIT_MS = 60000 + MEGABYTES * 300
// Measured as a user would have it, and not with what counts coverage.
const env = { NODE_V8_COVERAGE: '' }

interface Told { to: number, seconds: number, peakRssBytes: number, snapshot: { linesReceived: number, linesDelivered: number, spoolLines: number } }

async function run (plan: object): Promise<Told> {
  const { code, stdout, stderr } = await runProcess(process.execPath, [resolve('test/fixtures/app-outlasts.js'), JSON.stringify(plan)], { cwd: process.cwd(), env, limitMs: LIMIT_MS })
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as Told
}

t.test(`an outage of ${MEGABYTES} MB is spooled and replayed by the next life, in order, before new lines, and takes little memory`, { timeout: 3 * LIMIT_MS }, async t => {
  const dir = join(t.testdir(), 'spool')
  const sink = 'pino-breaker-fanout/http'
  const server = fork(resolve('test/fixtures/collector-counts.js'))
  t.teardown(() => { server.kill('SIGKILL') })
  const [port] = await once(server, 'message') as [number]

  const down = await run({ url: 'http://127.0.0.1:1/', sink, worker, dir, from: 0, megabytes: MEGABYTES, linesPerSecond: SPOOLING_LINES_PER_SECOND || undefined, drains: false })
  t.ok(down.peakRssBytes < (SPOOLING_LINES_PER_SECOND === 0 ? MOST_BYTES_FLAT_OUT : MOST_BYTES), `${mb(down.peakRssBytes)} to spool ${down.to} lines in ${down.seconds.toFixed(1)} s`)
  const folder = join(dir, 'collector')
  const { bytes, seconds } = readAll(folder)
  t.ok(bytes > MEGABYTES * 0.95e6, `${mb(bytes)} are on the disk; reading them takes ${seconds.toFixed(1)} s`)

  const up = await run({ url: `http://127.0.0.1:${port}/`, sink, worker, dir, from: down.to, megabytes: NEW_MEGABYTES, linesPerSecond: REPLAYING_LINES_PER_SECOND, drains: true })
  t.ok(up.peakRssBytes < MOST_BYTES, `${mb(up.peakRssBytes)} to replay them, and ${up.to - down.to} new ones, in ${up.seconds.toFixed(1)} s: ${mb((bytes + NEW_MEGABYTES * 1e6) / up.seconds)} a second`)
  server.send('counts')
  const [counts] = await once(server, 'message') as [object]
  t.match(counts, { next: up.to, gaps: 0, duplicates: 0, lines: up.to })
  t.same(readdirSync(folder).filter(name => name.endsWith('.ndjson')), [])
})

/** Reads all segments, as fast as the disk gives them. */
function readAll (folder: string): { bytes: number, seconds: number } {
  const buffer = Buffer.alloc(1024 * 1024)
  const begin = performance.now()
  let bytes = 0
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.ndjson')) continue
    const fd = openSync(join(folder, name), 'r')
    for (let read = -1; read !== 0;) read = readSync(fd, buffer, 0, buffer.length, null)
    closeSync(fd)
    bytes += statSync(join(folder, name)).size
  }
  return { bytes, seconds: (performance.now() - begin) / 1000 }
}

function mb (bytes: number): string {
  return `${(bytes / 1e6).toFixed()} MB`
}
