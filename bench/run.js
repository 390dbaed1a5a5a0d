// Runs the scenarios, and writes the results to bench/results.json and the report. `--quick` runs each scenario with a small
// size, three times, and writes nothing. `--only routing` runs the scenarios whose name contains that, and replaces only
// their results. `--minutes 20` leaves out rounds, down to three of each scenario, so that the whole takes about that long. `--scenarios` names another folder, and `--results` another file.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine } from './runner/machine.js'
import { formatGoal, formatSides } from './runner/format.js'
import { writeReport } from './runner/report.js'
import { runScenario } from './runner/run-scenario.js'

const HERE = dirname(fileURLToPath(import.meta.url))
const QUICK_ROUNDS = 3
const FULL_ROUNDS = 7

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    minutes: { type: 'string' },
    scenarios: { type: 'string', default: join(HERE, 'scenarios') },
    results: { type: 'string', default: join(HERE, 'results.json') }
  }
})
const rounds = Number(values.rounds ?? (values.quick ? QUICK_ROUNDS : FULL_ROUNDS))
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds: expected a whole number >= 1, got ${values.rounds}`)
const minutes = Number(values.minutes ?? Infinity)
if (!(minutes > 0)) throw new Error(`--minutes: expected a number > 0, got ${values.minutes}`)

const folder = resolve(values.scenarios)
const names = readdirSync(folder).filter(file => file.endsWith('.js')).map(file => file.slice(0, -3)).sort()
  .filter(name => values.only === undefined || name.includes(values.only))
if (names.length === 0) throw new Error(`there is no scenario "${values.only}"`)

const results = values.only === undefined ? { scenarios: {} } : readResults()
const startedAt = Date.now()
for (const [n, name] of names.entries()) {
  const { default: scenario } = await import(pathToFileURL(join(folder, `${name}.js`)).href)
  console.log(`\n${name}: ${scenario.title}`)
  const result = await runScenario(scenario, {
    rounds,
    ms: (startedAt + minutes * 60000 - Date.now()) / (names.length - n),
    isQuick: values.quick,
    onRun: (round, side) => { if (process.stdout.isTTY) process.stdout.write(`\r  ${round + 1}/${rounds} ${side.padEnd(20)}\r`) }
  })
  const { title, what, show, chart } = scenario
  results.scenarios[name] = { title, what, show, chart, measuredAt: describeMachine().date, ...result }
  // Written after each scenario: one that fails costs only itself.
  results.machine = describeMachine()
  if (values.only === undefined || results.minutes === undefined) results.minutes = Math.round((Date.now() - startedAt) / 60000)
  if (!values.quick) write()
  for (const line of [...formatSides(results.scenarios[name]), ...result.goals.map(goal => formatGoal(goal, result.sides)), `${result.rounds} rounds, ${result.seconds} s`]) console.log(`  ${line}`)
}
if (values.quick) console.log('\na quick run: nothing is written')
else console.log(`\n${writeReport(resolve(values.results))} is written`)

function write () {
  mkdirSync(dirname(resolve(values.results)), { recursive: true })
  writeFileSync(values.results, JSON.stringify(results, null, 1) + '\n')
}

/** Results of former runs. Each scenario keeps the time at which it was measured. */
function readResults () {
  try {
    return JSON.parse(readFileSync(values.results, 'utf8'))
  } catch {
    return { scenarios: {} }
  }
}
