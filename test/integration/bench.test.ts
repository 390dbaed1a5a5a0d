import { existsSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import t from 'tap'
import { runProcess, type RunResult } from '../support/run-process.js'

const LIMIT_MS = 60000
const root = process.cwd()

/** What one goal came to, in the file of results. */
interface GoalResult {
  median: number
  low: number
  high: number
  rounds: number
  isReached: boolean
}

async function bench (folder: string, results: string, ...args: string[]): Promise<RunResult> {
  return await runProcess(process.execPath, ['bench/run.js', '--scenarios', `test/fixtures/${folder}`, '--results', results, '--rounds', '3', ...args], { cwd: root, limitMs: LIMIT_MS })
}

t.test('a scenario yields medians, and ratios within each round, and a report of both', async t => {
  const dir = join(root, 'build', 'bench-test')
  const file = join(dir, 'results.json')
  const { code, stderr } = await bench('bench-good', relative(root, file))
  t.equal(code, 0, stderr)

  const { scenarios: { stub } } = JSON.parse(readFileSync(file, 'utf8')) as { scenarios: { stub: { goals: GoalResult[], sides: { ours: { runs: Array<{ cpuMs: number, wallMs: number }> } } } } }
  t.same(stub.sides.ours.runs.map(({ cpuMs }) => cpuMs), [1000, 3000, 2000])
  t.ok(stub.sides.ours.runs.every(({ wallMs }) => wallMs > 0))
  t.match(stub.goals, [
    { median: 0.5, low: 0.5, high: 0.5, rounds: 3, isReached: true },
    { median: 2, isReached: false },
    { median: 2, isReached: true },
    { median: 2000, low: 1500, high: 2500, isReached: false },
    { median: 2000, low: 1500, high: 2500, isReached: false }
  ])

  const report = readFileSync(join(dir, 'REPORT.md'), 'utf8')
  t.match(report, '| Stubs | CPU time of ours: at most 0.5 times that of theirs | 0.5 (0.5–0.5) | yes |')
  t.match(report, '| Stubs | CPU time of ours: at most 1999 ms | 2,000 (1,500–2,500) | **no** |')
  t.match(report, '| Stubs | CPU time of theirs: at most 1999 ms more than that of ours | 2,000 (1,500–2,500) | **no** |')
  t.match(report, '| ours | 2,000 ms (1,500–2,500) |')
  t.match(report, '![Stubs](charts/stub.svg)')
  t.match(readFileSync(join(dir, 'charts', 'stub.svg'), 'utf8'), /^<svg[^]*ours[^]*<\/svg>\n$/)
})

t.test('a quick look is small, and writes nothing', async t => {
  const file = join('build', 'bench-test-quick', 'results.json')
  const { code, stdout, stderr } = await bench('bench-good', file, '--quick')
  t.equal(code, 0, stderr)
  t.match(stdout, 'CPU time 20 ms (15–25)')
  t.notOk(existsSync(file))
})

t.test('with too little time, each scenario has three rounds', async t => {
  const { code, stdout, stderr } = await bench('bench-good', join('build', 'bench-test-quick', 'results.json'), '--quick', '--rounds', '100', '--minutes', '0.000001')
  t.equal(code, 0, stderr)
  t.match(stdout, /^ +3 rounds, \d+ s$/m)
})

t.test('a run that does not do its work fails the whole, by its name', async t => {
  const file = join('build', 'bench-test-bad', 'results.json')
  const { code, stderr } = await bench('bench-bad', file)
  t.not(code, 0)
  t.match(stderr, 'ours: a line is lost')
  t.notOk(existsSync(file))
})

t.test('a scenario that is not there is told', async t => {
  const { code, stderr } = await bench('bench-good', join('build', 'none.json'), '--only', 'nothing')
  t.not(code, 0)
  t.match(stderr, 'there is no scenario "nothing"')
})
