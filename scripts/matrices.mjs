// Runs the matrix of bundlers and that of runtimes, and writes their tables into docs/bundlers.md and docs/runtimes.md, with
// versions and date. `--only bundlers` or `--only runtimes` runs one of them. Exits with 1 if a bundler loses lines.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MARKS = ['<!-- matrix -->', '<!-- /matrix -->']

process.chdir(ROOT)
const { bundlers, installBesideBundlers, runBundled, versionsOf } = await import('../build/test/support/bundles.js')
const { runCase, runtimeCases, runtimes, versionOf } = await import('../build/test/support/runtimes.js')
const { only } = parseArgs({ options: { only: { type: 'string' } } }).values
const today = new Date().toISOString().slice(0, 10)

if (only !== 'runtimes') await bundle()
if (only !== 'bundlers') await runEverywhere()

async function bundle () {
  installBesideBundlers()
  const rows = []
  for (const bundler of bundlers) {
    const { file, thread, http, spool } = await runBundled(bundler)
    const row = [bundler.name, versionsOf(bundler), file, thread, http, spool]
    console.log(row.join(' | '))
    if (![file, thread, http, spool].every(lines => lines === 100)) process.exitCode = 1
    rows.push(row)
  }
  write('bundlers.md', `Of 100 lines, after the output was moved away from \`node_modules\` (${today}, Node.js ${process.versions.node}):`, [
    ['bundler', 'versions', '`pino/file`', 'a package in a thread', '`pino-breaker-fanout/http`', 'a spool'], ...rows
  ])
}

async function runEverywhere () {
  const rows = runtimeCases.map(({ title }) => [title])
  const head = ['']
  for (const runtime of runtimes()) {
    if (typeof runtime.needed.skip === 'string') throw new Error(runtime.needed.skip)
    head.push(`${runtime.name.replace(/^node.*/, 'Node.js').replace('bun', 'Bun').replace('deno', 'Deno')} ${versionOf(runtime)}`)
    for (const [index, runtimeCase] of runtimeCases.entries()) {
      const problems = await runCase(runtime, runtimeCase)
      console.log(head.at(-1), '|', runtimeCase.title, '|', problems.join('\n'))
      rows[index].push(problems.length === 0 ? 'yes' : '**no**')
    }
  }
  write('runtimes.md', `${today}:`, [head, ...rows])
}

function write (page, title, [head, ...rows]) {
  const path = join(ROOT, 'docs', page)
  const text = readFileSync(path, 'utf8')
  const [begin, end] = MARKS.map(mark => text.indexOf(mark))
  const table = [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
  writeFileSync(path, `${text.slice(0, begin)}${MARKS[0]}\n${title}\n\n${table}\n${text.slice(end)}`)
}
