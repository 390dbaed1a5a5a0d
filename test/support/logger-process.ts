import { resolve } from 'node:path'
import type { FanoutOptions } from 'pino-breaker-fanout'
import { runProcess, type RunResult } from './run-process.js'

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

/** Runs it to its end; kills it if that does not come. */
export async function runLogger ({ app = 'logs', format = 'esm', ...plan }: LoggerPlan): Promise<RunResult> {
  const path = resolve(`test/fixtures/app-${app}.${format === 'esm' ? 'js' : 'cjs'}`)
  const run = await runProcess(process.execPath, [path, JSON.stringify(plan)], { cwd: process.cwd(), limitMs: LIMIT_MS })
  // What Node itself says where it measures coverage and its thread is gone before that is written.
  return { ...run, stderr: run.stderr.replaceAll('Failed to stringify coverage profile result\n', '') }
}
