import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Test } from 'tap'
import { spawnAsUser } from './spawn-as-user.js'

/** Limit of a run of the command. */
export const LIMIT_MS = 60000
/** The command, as it is published. */
export const BIN = resolve('dist/cjs/cli.cjs')

/** How the command ended, and its output. */
export interface CommandResult { code: number | null, signal: NodeJS.Signals | null, stdout: string, stderr: string }

/** A command in a process of its own that reads what the test writes. */
export class RunningCommand {
  readonly child: ChildProcess
  readonly result: Promise<CommandResult>
  stdout = ''
  stderr = ''

  /** @param command - The command line; by default the command itself with these arguments */
  constructor (t: Test, cwd: string, args: readonly string[], { command = [process.execPath, BIN], env = {}, keepsStdout = true }: { command?: readonly string[], env?: NodeJS.ProcessEnv, keepsStdout?: boolean } = {}) {
    const [file = '', ...first] = command
    const child = this.child = spawnAsUser(file, [...first, ...args], { cwd, env: { ...process.env, ...env }, stdio: 'pipe' })
    if (keepsStdout) child.stdout?.setEncoding('utf8').on('data', (text: string) => { this.stdout += text })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => { this.stderr += text })
    // It may end before it has read everything.
    child.stdin?.on('error', () => {})
    const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
    this.result = once(child, 'close').then(([code, signal]) => {
      clearTimeout(limit)
      return { code: code as number | null, signal: signal as NodeJS.Signals | null, stdout: this.stdout, stderr: this.stderr }
    })
    t.teardown(() => child.kill('SIGKILL'))
  }

  get stdin (): Writable {
    return this.child.stdin as Writable
  }

  /** Writes lines, and ends the input. */
  async send (lines: Iterable<string>): Promise<CommandResult> {
    await pipeline(Readable.from(lines), this.stdin).catch(() => {})
    return await this.result
  }

  /** The most memory that it has used so far, in bytes; 0 where there is no `/proc`. */
  get peakRssBytes (): number {
    try {
      return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))?.[1]) * 1024
    } catch {
      return 0
    }
  }
}

/** Starts `run` with a config. */
export function startRun (t: Test, cwd: string, config: object, args: readonly string[] = [], options: { keepsStdout?: boolean } = {}): RunningCommand {
  writeFileSync(join(cwd, 'fanout.json'), JSON.stringify(config))
  return new RunningCommand(t, cwd, ['run', '--config', 'fanout.json', ...args], options)
}

/** A target that appends to a file in the working directory. */
export function fileTarget (name: string, fields: object = {}): object {
  return { name, target: 'pino/file', options: { destination: `${name}.log` }, ...fields }
}

/** A line with a number. */
export function numbered (n: number, level = 30): string {
  return `{"level":${level},"time":1795514400000,"n":${n},"msg":"ünïcode"}\n`
}

/** The numbers of the lines in a file, each of which must be whole. */
export function numbersIn (path: string): number[] {
  if (!existsSync(path)) return []
  const text = readFileSync(path, 'utf8')
  if (text !== '' && !text.endsWith('\n')) throw new Error(`${path} does not end with a line`)
  return text.split('\n').slice(0, -1).map(line => (JSON.parse(line) as { n: number }).n)
}
