import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnAsUser } from './spawn-as-user.js'

/** Options of {@link runProcess}. */
export interface RunOptions {
  cwd: string
  /** Added to the environment of this process. */
  env?: NodeJS.ProcessEnv
  /** After this time the process is killed, and what its threads were waiting for is appended to `stderr`. */
  limitMs: number
  /** Called once the process runs. Its promise is awaited, and a rejection kills the process. */
  during?: (child: ChildProcess) => Promise<void>
}

/** How a process ended, and its output. */
export interface RunResult {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** The name of each thread of a process, and the system call that it waits in. On Linux only. */
function threadsOf (pid: number): string {
  try {
    return readdirSync(`/proc/${pid}/task`).map(id => {
      const read = (name: string): string => readFileSync(`/proc/${pid}/task/${id}/${name}`, 'utf8').trim()
      return `${read('comm')} in ${read('wchan')} (${read('syscall')})`
    }).join(', ')
  } catch (error) {
    return `unknown: ${String(error)}`
  }
}

/** Node.js says so on stderr where it is to collect coverage and its process ends early. A user's process collects none. */
const COVERAGE_FAILED = 'Failed to stringify coverage profile result\n'

/** Runs a process as a user would, to its end. */
export async function runProcess (command: string, args: readonly string[], { cwd, env, limitMs, during }: RunOptions): Promise<RunResult> {
  const child = spawnAsUser(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => { stdout += text })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  const killLate = async (): Promise<void> => {
    stderr += `\nlate, and killed; its threads: ${threadsOf(child.pid as number)}\n`
    // Asks an app with test/fixtures/tells-what-it-waits-for.js to report more.
    child.kill('SIGUSR2')
    await sleep(1000)
    child.kill('SIGKILL')
  }
  const limit = setTimeout(killLate, limitMs)
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  try {
    await during?.(child)
  } catch (error) {
    await killLate()
    await closed
    clearTimeout(limit)
    throw new Error(`${String(error)}\n${stdout}${stderr}`, { cause: error })
  }
  const [code, signal] = await closed
  clearTimeout(limit)
  return { code, signal, stdout, stderr: stderr.replaceAll(COVERAGE_FAILED, '') }
}
