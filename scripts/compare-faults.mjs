// Runs each faulty sink and each incident next to a file, with pino's own `targets` and with this package, and writes to
// docs/faults.md what happened to the app and its lines. `--only <name>` runs one fixture or incident. `--short` runs the
// sinks with a tenth of the lines. With either option nothing is written. `--process` runs only sinks in processes of their own,
// and writes only their tables.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, platform, arch, tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import pino from 'pino'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGE = join(ROOT, 'docs', 'faults.md')
const LIMIT_MS = 45000

process.chdir(ROOT)
const { faults, fixturePath, optionsOf, processFaults } = await import('../build/test/support/faults.js')
const { incidents } = await import('../build/test/support/incidents.js')
const { readLogFile } = await import('../build/test/support/log-file.js')
const { startApp } = await import('../build/test/support/run-app.js')

const { only, short, process: onlyProcess } = parseArgs({ options: { only: { type: 'string' }, short: { type: 'boolean', default: false }, process: { type: 'boolean', default: false } } }).values
const lines = short ? 1000 : 10000

let release = () => {}
process.on('exit', () => release())
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1))

const rows = []
for (const fault of onlyProcess ? [] : [undefined, ...faults]) {
  if (only !== undefined && fault?.fixture !== only) continue
  const prepare = dir => ({ target: faultyTarget(fault, dir) })
  tell(rows, cells, {
    does: fault === undefined ? '(is healthy: a second file)' : fault.does,
    pino: fault?.isDelivery ? undefined : await measure({ lines }, prepare, targets => ({ targets, worker: fault?.worker })),
    fanout: await measure({ lines }, prepare, ours),
    inline: fault?.inline ? await measure({ lines }, prepare, ([file, faulty]) => ours([file, { ...faulty, isolation: 'inline' }])) : undefined
  })
}
const incidentRows = []
for (const { name, happens, plan, prepare } of incidents) {
  if (short || onlyProcess || (only !== undefined && name !== only)) continue
  tell(incidentRows, incidentCells, {
    does: `${happens} (${plan.lines.toLocaleString('en')} lines)`,
    pino: await measure(plan, prepare, targets => ({ targets })),
    fanout: await measure(plan, prepare, ([file, other], policy) => ours([file, { ...other, ...policy }]))
  })
}
const processRows = []
const onlyProcessRows = []
for (const fault of [...faults, ...processFaults]) {
  if (only !== undefined && fault.fixture !== only) continue
  const prepare = dir => ({ target: faultyTarget(fault, dir) })
  const isContained = faults.includes(fault)
  tell(isContained ? processRows : onlyProcessRows, cells, {
    does: fault.does,
    pino: isContained || fault.isForProcess ? undefined : await measure({ lines }, prepare, targets => ({ targets, worker: fault.worker })),
    fanout: isContained || fault.isForProcess ? undefined : await measure({ lines }, prepare, ours),
    process: await measure({ lines }, prepare, ([file, faulty]) => ours([file, { ...faulty, isolation: 'process' }]))
  })
}
if (only === undefined && !short) writePage()

function faultyTarget (fault, dir) {
  if (fault === undefined) return { target: 'pino/file', options: { destination: join(dir, 'second.ndjson') } }
  return { name: 'faulty', target: fixturePath(fault), options: optionsOf(fault, dir), ...(fault.worker && { worker: fault.worker }) }
}

function ours (targets) {
  return { target: 'pino-breaker-fanout', options: { targets } }
}

async function measure (plan, prepare, transportOf) {
  const dir = mkdtempSync(join(tmpdir(), 'compare-faults-'))
  const destination = join(dir, 'healthy.ndjson')
  let scene, app
  release = () => {
    app?.kill('SIGKILL')
    scene?.release?.()
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    scene = prepare(dir)
    const transport = transportOf([{ target: 'pino/file', options: { destination } }, scene.target], scene.policy)
    app = startApp({ transport, ...plan }, LIMIT_MS, { stdout: scene.stdout })
    await app.logging
    await scene.happen?.(app)
    const result = await app.result
    await scene.settle?.()
    return { ...result, lines: plan.lines, ids: readLogFile(destination).ids, sinkIds: scene.file && readLogFile(scene.file).ids }
  } catch (error) {
    if (scene !== undefined) throw error
    console.log(`  cannot be measured here: ${error.message}`)
  } finally {
    release()
    release = () => {}
  }
}

function tell (rows, cells, row) {
  rows.push(row)
  console.log(row.does)
  for (const way of ['pino', 'fanout', 'inline', 'process']) if (row[way]) console.log(`  ${way.padEnd(8)}${cells(row[way]).join(' | ')}`)
}

function cells ({ lines, ids, code, signal, timedOut, uncaught, endDelayMs, peakRssBytes }) {
  const written = count(ids)
  return [
    new Set(ids).size < lines ? `**${written}**` : written,
    timedOut ? '**hangs**' : code === 0 ? 'ends' : `**crashes** (${signal ?? code})${uncaught.length > 0 ? `: ${shorten(uncaught[0])}` : ''}`,
    timedOut || endDelayMs === undefined ? '' : `${endDelayMs.toLocaleString('en')} ms`,
    peakRssBytes === 0 ? '' : `${Math.round(peakRssBytes / 2 ** 20)} MB`
  ]
}

function incidentCells (result) {
  const [healthy, app, end, memory] = cells(result)
  const { sinkIds, threads } = result
  return [healthy, sinkIds === undefined ? '' : count(sinkIds), app, end, memory && `${memory}, ${Math.max(...threads)} threads`]
}

function count (ids) {
  const distinct = new Set(ids).size
  const inOrder = ids.every((id, n) => n === 0 || id >= ids[n - 1])
  return [distinct.toLocaleString('en'), !inOrder && 'out of order', distinct < ids.length && 'twice'].filter(Boolean).join(', ')
}

function shorten (message) {
  const text = message.split('\n')[0].replaceAll(ROOT, '').replaceAll('|', '\\|')
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}

function writePage () {
  const heads = (way, ...columns) => columns.map(column => `${way}: ${column}`)
  const headsOfSink = way => heads(way, 'lines', 'app', 'end', 'memory')
  const headsOfIncident = way => heads(way, 'lines', 'sink', 'app', 'end', 'memory')
  const incidentRow = result => result ? incidentCells(result) : ['—', '', '', '', '']
  const measured = `Measured on ${new Date().toISOString().slice(0, 10)} by \`npm run compare:faults\`: ${lines.toLocaleString('en')} lines, node ${process.version}, pino ${pino.version}, ${platform()} ${arch()}, ${cpus().length} CPUs. ` +
    `A run was killed after ${LIMIT_MS / 1000} s.`
  const missing = ['—', '', '', '']
  const ofProcesses = [
    '## In a process of its own',
    measured,
    table(['a sink that …', ...headsOfSink('fanout')], processRows.map(row => [row.does, ...cells(row.process)])),
    '## What only a process contains',
    table(
      ['a sink that …', ...headsOfSink('pino'), ...headsOfSink('thread'), ...headsOfSink('process')],
      onlyProcessRows.map(row => [row.does, ...row.pino ? cells(row.pino) : missing, ...row.fanout ? cells(row.fanout) : missing, ...cells(row.process)])
    )
  ]
  const tables = [
    measured,
    '## In a thread of its own, the default',
    table(['a sink that …', ...headsOfSink('pino'), ...headsOfSink('fanout')], rows.map(row => [row.does, ...(row.pino ? cells(row.pino) : ['—', '', '', '']), ...cells(row.fanout)])),
    '## Inline',
    table(['a sink that …', ...headsOfSink('fanout')], rows.filter(row => row.inline).map(row => [row.does, ...cells(row.inline)])),
    '## What happens while the app runs',
    table(['what happens', ...headsOfIncident('pino'), ...headsOfIncident('fanout')], incidentRows.map(row => [row.does, ...incidentRow(row.pino), ...incidentRow(row.fanout)]))
  ]
  if (!onlyProcess) writePart('measured', tables)
  writePart('processes', ofProcesses)
  console.log(`\n${relative(ROOT, PAGE)} is written`)
}

/** Writes what stands between two marks in the page. */
function writePart (name, parts) {
  const [begin, end] = ['begin', 'end'].map(edge => `<!-- ${name}: ${edge} -->\n`)
  const [before, rest] = readFileSync(PAGE, 'utf8').split(begin)
  writeFileSync(PAGE, `${before}${begin}\n${parts.join('\n\n')}\n\n${end}${rest.split(end)[1]}`)
}

function table (head, body) {
  return [head, head.map(() => '---'), ...body].map(row => `| ${row.join(' | ')} |`).join('\n')
}
