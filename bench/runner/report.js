// Writes the report from a file of results. Run by itself: `node bench/runner/report.js [bench/results.json]`.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chartOf, timeline } from './charts.js'
import { describeGoal, formatMeasure, formatNumber, nameOf } from './format.js'

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(`${writeReport(resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '../results.json')))} is written`)
}

/**
 * Writes `REPORT.md` and `charts/` next to the results.
 *
 * @returns the path of the report
 */
export function writeReport (resultsFile) {
  const dir = dirname(resultsFile)
  const { machine, minutes, scenarios } = JSON.parse(readFileSync(resultsFile, 'utf8'))
  mkdirSync(join(dir, 'charts'), { recursive: true })
  const all = Object.entries(scenarios).sort(([a], [b]) => a < b ? -1 : 1)
  const parts = [
    '# How fast it is',
    'Made by `npm run bench`; not to be edited by hand. What was measured stands in [results.json](results.json), run by run.',
    describeMachine(machine, minutes),
    'Every side is a process of its own. The sides of a scenario run in turn, round by round, in changing order. Figures are medians, with the quartiles in brackets. A comparison is made within each round; what stands here is the median of these ratios. A run that loses a line fails the whole.',
    '## What was to be reached',
    goalTable(all.flatMap(([, { goals, sides, title }]) => goals.map(goal => ({ ...goal, sides, title })))),
    ...all.map(([name, scenario]) => section(dir, name, scenario)),
    ...soakSection(dir)
  ]
  const file = join(dir, 'REPORT.md')
  writeFileSync(file, parts.join('\n\n') + '\n')
  return file
}

function describeMachine ({ date, cpu, memoryGb, os, versions }, minutes) {
  const rows = [
    ['last run', date],
    ['command', `\`npm run bench\`, ${minutes} min`],
    ['machine', `${cpu}, ${memoryGb} GB`],
    ['system', os],
    ['versions', Object.entries(versions).map(([name, version]) => `${name} ${version.replace(/^v/, '')}`).join(', ')]
  ]
  return table(['', ''], rows)
}

function goalTable (goals) {
  return table(['scenario', 'goal', 'reached', ''], goals.map(goal => [
    goal.title, describeGoal(goal, goal.sides), `${formatNumber(goal.median)} (${formatNumber(goal.low)}–${formatNumber(goal.high)})`, goal.isReached ? 'yes' : '**no**'
  ]))
}

function section (dir, name, scenario) {
  const { title, what, show, sides, size, rounds, measuredAt } = scenario
  const sizes = Object.entries(size).map(([key, value]) => `${key} ${value.toLocaleString('en')}`).join(', ')
  const parts = [
    `## ${title}`,
    `${what}${sizes === '' ? '' : ` (${sizes}; ${rounds} rounds; ${measuredAt})`}`,
    table(['', ...show.map(nameOf)], Object.values(sides).map(side => [side.label, ...show.map(measure => formatMeasure(side, measure))]))
  ]
  const svg = chartOf(scenario)
  if (svg !== undefined) {
    writeFileSync(join(dir, 'charts', `${name}.svg`), svg)
    parts.push(`![${title}](charts/${name}.svg)`)
  }
  return parts.join('\n\n')
}

/** The result of `npm run bench:soak`, if there is one. */
function soakSection (dir) {
  const file = join(dir, 'soak.json')
  if (!existsSync(file)) return []
  const { machine, minutes, lines, verdict, faults, samples } = JSON.parse(readFileSync(file, 'utf8'))
  const series = (name, key) => ({ name, points: samples.map(sample => [sample.minute, sample[key]]) })
  writeFileSync(join(dir, 'charts', 'soak-memory.svg'), timeline('Memory', 'minutes', [series('RSS [MB]', 'rssMb')]))
  writeFileSync(join(dir, 'charts', 'soak-handles.svg'), timeline('Handles and threads', 'minutes', [series('file descriptors', 'descriptors'), series('threads', 'threads')]))
  return [
    '## Soak',
    `${minutes} minutes on ${machine.date} (\`npm run bench:soak -- --minutes ${minutes}\`): an app logs ${lines.toLocaleString('en')} lines to two healthy sinks, \`file\` and \`http\`, to a pipe whose reader stands still at times (stall), and to sinks that fail and come back at random. The app as a whole is stopped by SIGSTOP at times (stop).`,
    table(['fault', 'times', 'seconds in all'], Object.entries(faults).sort().map(([fault, { times, seconds }]) => [fault, times, Math.round(seconds)])),
    table(['', ''], verdict.map(({ what, value, isGood }) => [what, `${value}${isGood ? '' : ' (**not good**)'}`])),
    '![Memory](charts/soak-memory.svg)',
    '![Handles and threads](charts/soak-handles.svg)'
  ]
}

function table (head, body) {
  return [head, head.map(() => '---'), ...body].map(row => `| ${row.join(' | ')} |`).join('\n')
}
