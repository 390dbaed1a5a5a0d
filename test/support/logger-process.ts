import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import type { FanoutOptions } from 'pino-breaker-fanout'

const LIMIT_MS = 30000

/** What an app in a process of its own is to do. */
export interface LoggerPlan {
  options: FanoutOptions
  /**
   * Which app: `test/fixtures/app-<app>`.
   * @default 'logs'
   */
  app?: string
  /** @default 'esm' */
  format?: 'esm' | 'cjs'
  /** Of the logger, beside `base: null` and no time. */
  logger?: object
  /** How many lines, with the `id`s from 0. */
  lines: number
  /** How it ends once it has logged. */
  ending: 'loop' | 'exit' | 'end' | 'throw' | 'reject' | 'sigterm' | 'flush'
  /**
   * Whether it waits for the transport to be ready before it logs.
   * @default false
   */
  awaitsReady?: boolean
  /**
   * For how many breakers to open it waits once it has logged.
   * @default 0
   */
  awaitsOpen?: number
}

export interface LoggerRun {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** Runs it to its end; kills it if that does not come. */
export async function runLogger ({ app = 'logs', format = 'esm', ...plan }: LoggerPlan): Promise<LoggerRun> {
  const path = resolve(`test/fixtures/app-${app}.${format === 'esm' ? 'js' : 'cjs'}`)
  const child = spawn(process.execPath, [path, JSON.stringify(plan)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', text => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', text => { stderr += text })
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
  const [code, signal] = await once(child, 'close') as [number | null, NodeJS.Signals | null]
  clearTimeout(limit)
  // What Node itself says where it measures coverage and its thread is gone before that is written.
  return { code, signal, stdout, stderr: stderr.replaceAll('Failed to stringify coverage profile result\n', '') }
}
