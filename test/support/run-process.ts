import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnAsUser } from './spawn-as-user.js'

/** How a process is run. */
export interface RunOptions {
  cwd: string
  /** Added to the environment of this process. */
  env?: NodeJS.ProcessEnv
  /** After this time it is killed, and `stderr` ends with what its threads were waiting for. */
  limitMs: number
  /** Called once it runs; what it returns is awaited, and its failure kills the process as the limit does. */
  during?: (child: ChildProcess) => Promise<void>
}

/** How a process ended, and what it wrote. */
export interface RunResult {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** What each thread of a process is, and the call of the system that it waits in; on Linux only. */
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

/** Runs a process as a user would, to its end. */
export async function runProcess (command: string, args: readonly string[], { cwd, env, limitMs, during }: RunOptions): Promise<RunResult> {
  const child = spawnAsUser(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => { stdout += text })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  const killLate = async (): Promise<void> => {
    stderr += `\nlate, and killed; its threads: ${threadsOf(child.pid as number)}\n`
    // An app that knows more tells it now (test/fixtures/tells-what-it-waits-for.js).
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
  return { code, signal, stdout, stderr }
}
