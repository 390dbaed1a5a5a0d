import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { runSide } from './run-side.js'
import { summarize } from './statistics.js'

/** A median of fewer rounds says little. */
const LEAST_ROUNDS = 3

/**
 * Runs all sides of a scenario once in each round, so that other work on the machine affects all of them. The first side
 * changes from round to round. Each run has a directory of its own, and its output is checked before it counts.
 *
 * @param scenario - The export of a file in `scenarios/`.
 * @param {{ rounds: number, ms?: number, isQuick: boolean, onRun?: (round: number, side: string, measures: Record<string, number>) => void }} options
 * With `ms`, no round begins after {@link LEAST_ROUNDS} that would end later.
 *
 * @returns The values of each side, round by round, and the result of each goal.
 */
export async function runScenario (scenario, { rounds, ms = Infinity, isQuick, onRun = () => {} }) {
  const startedAt = performance.now()
  const size = isQuick ? scenario.quick : scenario.full
  const names = Object.keys(scenario.sides)
  const runs = Object.fromEntries(names.map(name => [name, []]))
  const shared = mkdtempSync(join(tmpdir(), 'fanout-bench-'))
  try {
    await scenario.prepare?.(shared, size)
    await runRounds(scenario, names, { rounds, endsAt: startedAt + ms, size, shared, runs, onRun })
  } finally {
    rmSync(shared, { recursive: true, force: true })
  }
  return {
    size,
    rounds: runs[names[0]].length,
    seconds: Math.round((performance.now() - startedAt) / 1000),
    sides: Object.fromEntries(names.map(name => [name, { label: scenario.sides[name].label, x: scenario.sides[name].x, runs: runs[name] }])),
    goals: (scenario.goals ?? []).map(goal => ({ ...goal, ...judge(goal, runs) }))
  }
}

/** Runs all rounds, or as many as fit into the time. */
async function runRounds (scenario, names, { rounds, endsAt, size, shared, runs, onRun }) {
  let roundMs = 0
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now()
    if (round >= LEAST_ROUNDS && startedAt + roundMs > endsAt) return
    for (let i = 0; i < names.length; i++) {
      const name = names[(round + i) % names.length]
      const measures = await runOnce(scenario, name, { size, shared })
      runs[name].push(measures)
      onRun(round, name, measures)
    }
    roundMs = performance.now() - startedAt
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
 * `timesLess` (theirs by ours), `timesMore` (ours by theirs) or `atMostMore` (our value less theirs). A goal without `against` is about our value itself.
 */
function judge ({ measure, of, against, atMost, atLeast, timesLess, timesMore, atMostMore }, runs) {
  const ratios = runs[of].map((run, round) => {
    const value = run[measure]
    if (against === undefined) return value
    const other = runs[against][round][measure]
    if (atMostMore !== undefined) return value - other
    return timesLess === undefined ? value / other : other / value
  })
  const summary = summarize(ratios)
  const most = atMost ?? atMostMore
  const isReached = most === undefined ? summary.median >= (atLeast ?? timesLess ?? timesMore) : summary.median <= most
  return { ...summary, isReached }
}
