import { resolve } from 'node:path'
import type { FanoutOptions } from 'pino-breaker-fanout'
import { runProcess, type RunResult } from './run-process.js'

const LIMIT_MS = 30000

/** Instructions for an app in a process of its own. */
export interface LoggerPlan {
  options: FanoutOptions
  /**
   * The app: `test/fixtures/app-<app>`.
   * @default 'logs'
   */
  app?: string
  /** @default 'esm' */
  format?: 'esm' | 'cjs'
  /** Options of the logger, in addition to `base: null` and no time. */
  logger?: object
  /** How many lines it logs, with `id`s from 0. */
  lines: number
  /** How it ends once it has logged. */
  ending: 'loop' | 'exit' | 'end' | 'throw' | 'reject' | 'sigterm' | 'flush'
  /**
   * Whether it waits for the transport to be ready before it logs.
   * @default false
   */
  awaitsReady?: boolean
  /**
   * After logging, it waits until this many breakers have opened.
   * @default 0
   */
  awaitsOpen?: number
}

/** Runs the app to its end. Kills it if it does not end in time. */
export async function runLogger ({ app = 'logs', format = 'esm', ...plan }: LoggerPlan): Promise<RunResult> {
  const path = resolve(`test/fixtures/app-${app}.${format === 'esm' ? 'js' : 'cjs'}`)
  const run = await runProcess(process.execPath, [path, JSON.stringify(plan)], { cwd: process.cwd(), limitMs: LIMIT_MS })
  // Node prints this when it measures coverage and a thread ends before its coverage is written.
  return { ...run, stderr: run.stderr.replaceAll('Failed to stringify coverage profile result\n', '') }
}
