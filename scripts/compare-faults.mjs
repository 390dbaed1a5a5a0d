// Runs each faulty sink beside a file, under pino's own targets and under ours, and writes what became of the app and its
// lines into docs/faults.md. `--only <fixture>` runs one fault, `--short` a tenth of the lines; neither writes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, platform, arch, tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import pino from 'pino'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGE = join(ROOT, 'docs', 'faults.md')
const BEGIN = '<!-- measured: begin -->\n'
const END = '<!-- measured: end -->\n'
const LIMIT_MS = 45000

process.chdir(ROOT)
const { faults, fixturePath } = await import('../build/test/support/faults.js')
const { readLogFile } = await import('../build/test/support/log-file.js')
const { runApp } = await import('../build/test/support/run-app.js')

const { only, short } = parseArgs({ options: { only: { type: 'string' }, short: { type: 'boolean', default: false } } }).values
const lines = short ? 1000 : 10000

const rows = []
for (const fault of [undefined, ...faults]) {
  if (only !== undefined && fault?.fixture !== only) continue
  const row = {
    does: fault === undefined ? '(is healthy: a second file)' : fault.does,
    pino: fault?.isDelivery ? undefined : await measure(fault, targets => ({ targets, worker: fault?.worker })),
    fanout: await measure(fault, targets => ({ target: 'pino-breaker-fanout', options: { targets } })),
    inline: fault?.inline
      ? await measure(fault, ([file, faulty]) => ({ target: 'pino-breaker-fanout', options: { targets: [file, { ...faulty, isolation: 'inline' }] } }))
      : undefined
  }
  rows.push(row)
  console.log(row.does)
  for (const way of ['pino', 'fanout', 'inline']) if (row[way]) console.log(`  ${way.padEnd(8)}${cells(row[way]).join(' | ')}`)
}
if (only === undefined && !short) writePage()

async function measure (fault, transportOf) {
  const dir = mkdtempSync(join(tmpdir(), 'compare-faults-'))
  const destination = join(dir, 'healthy.ndjson')
  const second = fault === undefined
    ? { target: 'pino/file', options: { destination: join(dir, 'second.ndjson') } }
    : { name: 'faulty', target: fixturePath(fault), options: fault.options ?? {}, ...(fault.worker && { worker: fault.worker }) }
  try {
    const result = await runApp({ transport: transportOf([{ target: 'pino/file', options: { destination } }, second]), lines }, LIMIT_MS)
    return { ...result, ids: readLogFile(destination).ids }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function cells ({ ids, code, signal, timedOut, uncaught, endDelayMs, peakRssBytes }) {
  const distinct = new Set(ids).size
  const inOrder = ids.every((id, n) => n === 0 || id >= ids[n - 1])
  const written = [distinct.toLocaleString('en'), !inOrder && 'out of order', distinct < ids.length && 'twice'].filter(Boolean).join(', ')
  return [
    distinct < lines ? `**${written}**` : written,
    timedOut ? '**hangs**' : code === 0 ? 'ends' : `**crashes** (${signal ?? code})${uncaught.length > 0 ? `: ${shorten(uncaught[0])}` : ''}`,
    timedOut || endDelayMs === undefined ? '' : `${endDelayMs.toLocaleString('en')} ms`,
    peakRssBytes === 0 ? '' : `${Math.round(peakRssBytes / 2 ** 20)} MB`
  ]
}

function shorten (message) {
  const text = message.split('\n')[0].replaceAll(ROOT, '').replaceAll('|', '\\|')
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}

function writePage () {
  const heads = way => ['lines', 'app', 'end', 'memory'].map(head => `${way}: ${head}`)
  const blank = ['—', '', '', '']
  const tables = [
    `Measured on ${new Date().toISOString().slice(0, 10)} by \`npm run compare:faults\`: ${lines.toLocaleString('en')} lines, node ${process.version}, pino ${pino.version}, ${platform()} ${arch()}, ${cpus().length} CPUs. ` +
    `A run was killed after ${LIMIT_MS / 1000} s.`,
    '## In a thread of its own, the default',
    table(['a sink that …', ...heads('pino'), ...heads('fanout')], rows.map(row => [row.does, ...(row.pino ? cells(row.pino) : blank), ...cells(row.fanout)])),
    '## Inline',
    table(['a sink that …', ...heads('fanout')], rows.filter(row => row.inline).map(row => [row.does, ...cells(row.inline)]))
  ]
  const page = readFileSync(PAGE, 'utf8')
  const [before, rest] = page.split(BEGIN)
  writeFileSync(PAGE, `${before}${BEGIN}\n${tables.join('\n\n')}\n\n${END}${rest.split(END)[1]}`)
  console.log(`\n${relative(ROOT, PAGE)} is written`)
}

function table (head, body) {
  return [head, head.map(() => '---'), ...body].map(row => `| ${row.join(' | ')} |`).join('\n')
}
