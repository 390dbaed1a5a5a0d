import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { spawnAsUser } from './spawn-as-user.js'

/** How a process is run. */
export interface RunOptions {
  cwd: string
  /** Added to the environment of this process. */
  env?: NodeJS.ProcessEnv
  /** After this time it is killed. */
  limitMs: number
  /** Called once it runs; what it returns is awaited, and its failure kills the process. */
  during?: (child: ChildProcess) => Promise<void>
}

/** How a process ended, and what it wrote. */
export interface RunResult {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** Runs a process as a user would, to its end. */
export async function runProcess (command: string, args: readonly string[], { cwd, env, limitMs, during }: RunOptions): Promise<RunResult> {
  const child = spawnAsUser(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => { stdout += text })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  const limit = setTimeout(() => child.kill('SIGKILL'), limitMs)
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  try {
    await during?.(child)
  } catch (error) {
    child.kill('SIGKILL')
    await closed
    throw new Error(`${String(error)}\n${stdout}${stderr}`, { cause: error })
  }
  const [code, signal] = await closed
  clearTimeout(limit)
  return { code, signal, stdout, stderr }
}
