import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { LineCounter } from './line-counter.js'
import { nodes } from './nodes.js'
import { runProcess } from './run-process.js'

const LIMIT_MS = 60 * 1000
const isCI = process.env['CI'] !== undefined && process.env['CI'] !== 'false'

/** A program that runs an app. */
export interface Runtime {
  name: string
  command: string
  /** What comes before the script. */
  args: readonly string[]
  /** Options of a test that needs it. The test is skipped if it is not installed, but not in CI. */
  needed: { skip: string | false }
}

/** What an app of the matrix does, and what must be true after it. */
export interface RuntimeCase {
  name: string
  title: string
  /** The lines that have to be in each place: a file, `http` or `spool`. */
  lines: Readonly<Record<string, number>>
  /** What the first file has to tell. */
  tells?: string
  /** True if the app ends by an error. */
  crashes?: boolean
}

export const runtimeCases: readonly RuntimeCase[] = [
  { name: 'files', title: 'three files', lines: { 'one.log': 100, 'two.log': 100, 'three.log': 100 } },
  { name: 'failing', title: 'a failing sink', lines: { 'one.log': 100 }, tells: 'sink circuit open' },
  { name: 'thread', title: 'a package in a thread', lines: { 'one.log': 100, 'pretty.log': 100 } },
  { name: 'process', title: '`isolation: \'process\'`', lines: { 'one.log': 100, http: 100 } },
  { name: 'spool', title: 'a spool', lines: { 'one.log': 100, spool: 100 } },
  { name: 'http', title: 'HTTP', lines: { 'one.log': 100, http: 100 } },
  { name: 'sense', title: 'seeing a failure that a transport hides', lines: { 'one.log': 100 }, tells: 'sink circuit open' },
  { name: 'crash', title: 'a crash', lines: { 'one.log': 100 }, crashes: true }
]

/** What a runtime cannot do, and what the transport says of it at its start. */
export const shortfalls: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  bun: { process: 'Bun cannot run a sink in a process of its own', sense: 'Bun does not show the requests of a sink' },
  deno: { sense: 'Deno does not show the requests of a sink', crash: 'Deno runs no exit handlers' }
}

/** All versions of Node.js that are installed, Bun and Deno. */
export function runtimes (): Runtime[] {
  const own = nodes().map(({ name, path, needed }) => ({ name, command: path, args: [], needed }))
  const others = [
    { name: 'bun', command: resolve('.runtimes/node_modules/bun/bin/bun.exe'), args: [] },
    { name: 'deno', command: resolve('.runtimes/node_modules/deno/deno'), args: ['run', '--allow-all', '--quiet', '--no-lock'] }
  ].map(runtime => ({ ...runtime, needed: { skip: !existsSync(runtime.command) && !isCI && `${runtime.name} is not installed: scripts/install-runtimes.sh` } }))
  return [...own, ...others]
}

/** The version of a runtime, such as `24.1.0`. */
export function versionOf ({ command }: Runtime): string {
  return /\d+\.\d+\.\d+/.exec(execFileSync(command, ['--version'], { encoding: 'utf8' }))?.[0] ?? 'unknown'
}

/**
 * Runs the app of a case in a project of its own.
 *
 * @returns what was not as required; nothing if all was
 */
export async function runCase ({ command, args }: Runtime, { name, lines, tells, crashes = false }: RuntimeCase): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'fanout-runtime-'))
  mkdirSync(join(folder, 'node_modules'))
  for (const name of ['pino', 'pino-loki', 'pino-pretty']) symlinkSync(resolve('node_modules', name), join(folder, 'node_modules', name))
  symlinkSync(resolve('.'), join(folder, 'node_modules', 'pino-breaker-fanout'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }')
  await cp(resolve('test/fixtures/app-on-any-runtime.mjs'), join(folder, 'app.mjs'))
  await cp(resolve('test/fixtures/sink-errors-at-once.js'), join(folder, 'failing-sink.mjs'))
  const counter = await LineCounter.open('from any runtime')
  try {
    const { code, signal, stdout, stderr } = await runProcess(command, [...args, join(folder, 'app.mjs'), name, folder, counter.url], { cwd: folder, limitMs: LIMIT_MS })
    const problems = Object.entries(lines).flatMap(([place, expected]) => {
      const found = place === 'http' ? counter.arrived : counter.in(join(folder, place))
      return found === expected ? [] : [`${found} of ${expected} lines in ${place}`]
    })
    if (tells !== undefined && !read(join(folder, 'one.log')).includes(tells)) problems.push(`no record "${tells}"`)
    if ((code !== 0) !== crashes || signal !== null) problems.push(`it ended with ${signal ?? `code ${code}`}`)
    return problems.length === 0 ? [] : [...problems, `${stdout}${stderr}`.trim()].filter(text => text !== '')
  } finally {
    counter.close()
    rmSync(folder, { recursive: true })
  }
}

function read (file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}
