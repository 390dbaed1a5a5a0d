import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runSide } from './run-side.js'
import { summarize } from './statistics.js'

/**
 * Runs all sides of a scenario once in each round, so that other work on the machine affects all of them. The first side
 * changes from round to round. Each run has a directory of its own, and its output is checked before it counts.
 *
 * @param scenario - The export of a file in `scenarios/`.
 * @param {{ rounds: number, isQuick: boolean, onRun?: (round: number, side: string, measures: Record<string, number>) => void }} options
 * @returns The values of each side, round by round, and the result of each goal.
 */
export async function runScenario (scenario, { rounds, isQuick, onRun = () => {} }) {
  const size = isQuick ? scenario.quick : scenario.full
  const names = Object.keys(scenario.sides)
  const runs = Object.fromEntries(names.map(name => [name, []]))
  const shared = mkdtempSync(join(tmpdir(), 'fanout-bench-'))
  try {
    await scenario.prepare?.(shared, size)
    await runRounds(scenario, names, { rounds, size, shared, runs, onRun })
  } finally {
    rmSync(shared, { recursive: true, force: true })
  }
  return {
    size,
    rounds,
    sides: Object.fromEntries(names.map(name => [name, { label: scenario.sides[name].label, x: scenario.sides[name].x, runs: runs[name] }])),
    goals: (scenario.goals ?? []).map(goal => ({ ...goal, ...judge(goal, runs) }))
  }
}

async function runRounds (scenario, names, { rounds, size, shared, runs, onRun }) {
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(round + i) % names.length]
      const measures = await runOnce(scenario, name, { size, shared })
      runs[name].push(measures)
      onRun(round, name, measures)
    }
  }
}

async function runOnce (scenario, name, { size, shared }) {
  const dir = mkdtempSync(join(tmpdir(), 'fanout-bench-'))
  const run = { dir, size, shared }
  try {
    const measures = await runSide(scenario.sides[name].command(run))
    scenario.verify?.(name, run, measures)
    return measures
  } catch (error) {
    throw new Error(`${name}: ${error.message}`, { cause: error })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/**
 * Compares two sides round by round; the spread of the ratios shows the noise. A goal is `atMost` or `atLeast` (our value by theirs),
 * `timesLess` (theirs by ours) or `timesMore` (ours by theirs). A goal without `against` is about our value itself.
 */
function judge ({ measure, of, against, atMost, atLeast, timesLess, timesMore }, runs) {
  const ratios = runs[of].map((run, round) => {
    const value = run[measure]
    if (against === undefined) return value
    const other = runs[against][round][measure]
    return timesLess === undefined ? value / other : other / value
  })
  const summary = summarize(ratios)
  const isReached = atMost === undefined ? summary.median >= (atLeast ?? timesLess ?? timesMore) : summary.median <= atMost
  return { ...summary, isReached }
}
