// Runs real transports, each next to a healthy file, through outages of their backends and for a minute without any. Writes
// the results to docs/transports.md, and exits with 1 if they are not as required. `--part outages` or `--part healthy` runs
// one of the two. `--only <transport>` and `--outage <name>` run a part of them, and replace only its rows. `--short` makes a
// healthy run last some seconds, and writes nothing.
import { readFileSync, writeFileSync } from 'node:fs'
import { arch, cpus, platform } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGE = join(ROOT, 'docs', 'transports.md')
const AT_ONCE = { outages: 1, healthy: 2 }
const LINES_PER_SECOND = 5000

process.chdir(ROOT)
const { transports } = await import('../build/test/survey/transports.js')
const { outages } = await import('../build/test/survey/outages.js')
const { LANE, LINES_PER_SECOND: OUTAGE_LINES_PER_SECOND, runHealthy, runOutage } = await import('../build/test/survey/cell.js')
const { breaches, closeLimitMs, flaws, openLimitMs, shortcomings } = await import('../build/test/survey/verdict.js')

const { part, only, outage, short } = parseArgs({
  options: { part: { type: 'string' }, only: { type: 'string' }, outage: { type: 'string' }, short: { type: 'boolean', default: false } }
}).values
const surveyed = transports.filter(({ name }) => only === undefined || name.includes(only))
let failures = 0

if (part !== 'healthy') await surveyOutages()
if (part !== 'outages' && outage === undefined) await surveyHealthy()
console.log(failures === 0 ? '\nall results are as required' : `\n${failures} results are not as required`)
process.exit(failures === 0 ? 0 : 1)

async function surveyOutages () {
  const cells = surveyed.flatMap(transport => transport.outages.filter(name => outage === undefined || String(name) === outage).map(name => ({ transport, name })))
  await eachOf(cells, AT_ONCE.outages, async cell => {
    cell.facts = await attempt(() => runOutage(cell.transport, cell.name))
    cell.row = outageRow(cell)
    console.log(cell.row.join(' | '))
  })
  if (!short) {
    write('outages', 2, ['transport', 'outage', 'opens after', 'cause', 'closes after', 'lines logged', 'missing', 'twice', ''], cells.map(({ row }) => row), [
      'with', `\`writeTimeoutMs: ${LANE.writeTimeoutMs}\`, \`failureThreshold: ${LANE.breaker.failureThreshold}\`, \`recoveryTimeoutMs: ${LANE.breaker.recoveryTimeoutMs}\`,`,
    `\`settleMs: ${LANE.breaker.settleMs}\`, ${OUTAGE_LINES_PER_SECOND} lines a second`
    ].join(' '))
  }
}

function outageRow ({ transport, name, facts }) {
  const head = [transport.name, outages[name].name]
  if (facts === undefined || facts instanceof Error) {
    failures++
    return [...head, '', '', '', '', '', '', `**${facts?.message ?? 'not run: its backend is not installed, or may not be started'}**`]
  }
  const limit = transport.limits?.[name]
  const unmet = shortcomings(transport, name, facts)
  const unexpected = breaches(transport, name, facts)
  if (unexpected.length > 0) failures++
  const { code, type, message, reason } = facts
  const cause = [reason, code === undefined ? (type === 'Error' ? message : type) : code.startsWith('ERR_FANOUT') ? undefined : code]
  return [
    ...head,
    mark(unexpected, 'opens', span(facts.openedAfterMs, openLimitMs(transport, name))),
    mark(unexpected, 'cause', cause.filter(Boolean).join(', ')),
    mark(unexpected, 'closes', span(facts.closedAfterMs, closeLimitMs(transport))),
    count(facts.logged),
    mark(unexpected, 'arrives', count(facts.missing)),
    count(facts.duplicates),
    [...(unexpected.includes('file') ? ['**the file is not complete**'] : []), ...(unmet.length > 0 && limit !== undefined ? [limit.why] : [])].join('; ')
  ]
}

async function surveyHealthy () {
  const runs = surveyed.map(transport => ({ transport }))
  await eachOf(runs, AT_ONCE.healthy, async run => {
    const { transport } = run
    const linesPerSecond = transport.healthyLinesPerSecond?.lines ?? LINES_PER_SECOND
    const facts = await attempt(() => runHealthy(transport, { linesPerSecond, ms: short ? 5000 : 60000 }))
    const found = facts === undefined ? ['not run'] : facts instanceof Error ? [facts.message] : flaws(facts)
    if (found.length > 0) failures++
    const notes = [...found.map(flaw => `**${flaw}**`), ...(transport.healthyLinesPerSecond === undefined ? [] : [transport.healthyLinesPerSecond.why])]
    run.row = [transport.name, count(linesPerSecond), ...['logged', 'missing', 'duplicates'].map(key => count(facts?.[key])), Object.values(facts?.failures ?? {}).reduce((sum, n) => sum + n, 0), notes.join('; ')]
    console.log(run.row.join(' | '))
  })
  if (!short) write('healthy', 1, ['transport', 'lines a second', 'lines logged', 'missing', 'twice', 'failures', ''], runs.map(({ row }) => row), `for a minute each, two at a time, with \`settleMs: ${LANE.breaker.settleMs}\``)
}

async function eachOf (items, atOnce, run) {
  const waiting = [...items]
  const work = async () => { for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await run(item) }
  await Promise.all(Array.from({ length: atOnce }, work))
}

async function attempt (run) {
  try {
    return await run()
  } catch (error) {
    return error
  }
}

function mark (unexpected, demand, text) {
  return unexpected.includes(demand) ? `**${text}**` : text
}

function span (ms, limitMs) {
  return ms === undefined ? 'never' : `${(ms / 1000).toFixed(1)} of ${(limitMs / 1000).toFixed(1)} s`
}

function count (n) {
  return n === undefined ? '' : n.toLocaleString('en')
}

/** Writes a table. A row replaces the earlier one that has the same first `keys` cells. */
function write (name, keys, head, rows, how) {
  const [begin, end] = [`<!-- ${name}: begin -->\n`, `<!-- ${name}: end -->\n`]
  const page = readFileSync(PAGE, 'utf8')
  const [before, rest] = page.split(begin)
  const [written, after] = rest.split(end)
  const all = new Map(written.split('\n').filter(line => line.startsWith('| ')).slice(2).map(line => line.slice(2, -2).split(' | ')).map(row => [row.slice(0, keys).join(), row]))
  for (const row of rows) all.set(row.slice(0, keys).join(), row)
  const versions = [...new Set(transports.map(transport => transport.package))].map(packageName => `${packageName} ${JSON.parse(readFileSync(join('node_modules', packageName, 'package.json'), 'utf8')).version}`)
  const text = [
    `Measured on ${new Date().toISOString().slice(0, 10)} by \`npm run survey\`, ${how}; node ${process.version}, ${platform()} ${arch()}, ${cpus().length} CPUs. ${versions.join(', ')}.`,
    [head, head.map(() => '---'), ...all.values()].map(row => `| ${row.join(' | ')} |`).join('\n')
  ]
  writeFileSync(PAGE, `${before}${begin}\n${text.join('\n\n')}\n\n${end}${after}`)
  console.log(`\n${relative(ROOT, PAGE)} is written`)
}
