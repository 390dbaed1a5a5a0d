import t from 'tap'
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { runProcess } from '../support/run-process.js'

const MEGABYTES = Number(process.env['SPOOL_MEGABYTES'] ?? 200)
const ALLOWANCE_BYTES = 80e6
const LIMIT_MS = Math.max(60000, MEGABYTES * 100)

interface Run {
  lines: number
  bytes: number
  peakRssBytes: number
  seconds: number
}

async function run (plan: object): Promise<Run> {
  const { stdout, stderr } = await runProcess(process.execPath, [resolve('test/fixtures/spool-fills.js'), JSON.stringify(plan)], { cwd: process.cwd(), env: { NODE_V8_COVERAGE: '' }, limitMs: LIMIT_MS })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as Run
}

t.test(`to fill a spool with ${MEGABYTES} MB, and to deliver it after a restart, takes no more memory than a small one`, { timeout: 3 * LIMIT_MS }, async t => {
  const folder = join(t.testdir(), 'spool')
  const small = await run({ folder: join(t.testdirName, 'small'), megabytes: 1 })
  const filled = await run({ folder, megabytes: MEGABYTES })
  const delivered = await run({ folder })
  t.equal(delivered.lines, filled.lines)
  t.ok(delivered.bytes >= MEGABYTES * 1e6)
  for (const [what, { peakRssBytes, lines, seconds }] of Object.entries({ small, filled, delivered })) {
    t.comment(`${what}: ${lines} lines in ${seconds.toFixed(1)} s, ${(peakRssBytes / 1e6).toFixed()} MB at most`)
    t.ok(peakRssBytes <= small.peakRssBytes + ALLOWANCE_BYTES, what)
  }
  t.same(readdirSync(folder).filter(name => !name.startsWith('id.')), ['cursor.json'])
})
