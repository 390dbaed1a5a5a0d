import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type pino from 'pino'
import type { FanoutSnapshot, TransitionEvent } from 'pino-breaker-fanout'
import { spawnAsUser } from './spawn-as-user.js'

/** Instructions for a logging app. */
export interface AppPlan {
  /** The argument of `pino.transport()`. */
  readonly transport: pino.TransportSingleOptions | pino.TransportMultiOptions
  /** How many lines to log, numbered by `id` from 0. */
  readonly lines: number
  /**
   * How many lines to log in each turn of the event loop.
   * @default 100
   */
  readonly linesPerTurn?: number
  /**
   * How long to wait after each turn.
   * @default 5
   */
  readonly turnMs?: number
  /**
   * How many bytes to add to each line.
   * @default 0
   */
  readonly padBytes?: number
  /**
   * How long the app keeps running after its last line.
   * @default 0
   */
  readonly idleMs?: number
  /**
   * Whether it waits for the transport to be ready before it logs.
   * @default false
   */
  readonly awaitsReady?: boolean
  /** A sink. After half of the lines, the app waits for the first event of its breaker. */
  readonly awaitTripOf?: string | undefined
  /** A sink. After half of the lines, the app waits until it has delivered one. Requires `metricsIntervalMs`. */
  readonly awaitDeliveryBy?: string | undefined
  /**
   * How to end: `'loop'` lets the event loop run out, `'exit'` calls `process.exit(0)`, `'close'` ends the transport and
   * waits for its `close`.
   * @default 'loop'
   */
  readonly ending?: 'loop' | 'exit' | 'close'
}

/** A message of the app while it runs. */
export type AppReport =
  | { readonly type: 'logging' }
  | { readonly type: 'uncaught', readonly message: string }
  | { readonly type: 'breaker', readonly event: TransitionEvent }
  | { readonly type: 'metrics', readonly snapshot: FanoutSnapshot }
  | { readonly type: 'ending', readonly time: number }

/** How an app ended, and what it reported. */
export interface AppResult {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Whether it was killed because it had not ended within the limit. */
  readonly timedOut: boolean
  /** Messages of uncaught errors. */
  readonly uncaught: readonly string[]
  readonly breakerEvents: readonly TransitionEvent[]
  readonly lastSnapshot: FanoutSnapshot | undefined
  /** The time from its last line, or the end of `idleMs`, to its exit; `undefined` if it did not get that far. */
  readonly endDelayMs: number | undefined
  /** The most memory that it used, as far as observed; 0 if the system has no `/proc`. */
  readonly peakRssBytes: number
  /** The number of its threads, every 50 ms; empty if the system has no `/proc`. */
  readonly threads: readonly number[]
}

/** A running app. */
export interface RunningApp {
  /** Settles when it begins to log, or ends without having logged. */
  readonly logging: Promise<unknown>
  /** Settles when one of its breakers opens, or when it ends. */
  readonly tripped: Promise<unknown>
  readonly result: Promise<AppResult>
  /** Sends it a signal, unless it has ended. */
  kill (signal: NodeJS.Signals): void
}

const APP = fileURLToPath(new URL('log-app.js', import.meta.url))
const STATUS_POLL_MS = 50

/**
 * Runs an app in a process of its own until it ends, or kills it after `limitMs`.
 *
 * @param node - The path of the Node.js that runs it, and its flags.
 */
export function runApp (plan: AppPlan, limitMs: number, env: NodeJS.ProcessEnv = process.env, node: readonly string[] = []): Promise<AppResult> {
  return startApp(plan, limitMs, { env, node }).result
}

/** Starts an app like {@link runApp}, with `stdout` as its standard output. */
export function startApp (
  plan: AppPlan,
  limitMs: number,
  { env = process.env, node: [node = process.execPath, ...flags] = [], stdout = 'ignore' }: { env?: NodeJS.ProcessEnv, node?: readonly string[], stdout?: number | 'ignore' } = {}
): RunningApp {
  const child = spawnAsUser(node, [...flags, APP, JSON.stringify(plan)], { env, stdio: ['ignore', stdout, 'ignore', 'pipe'] })
  const told: AppReport[] = []
  const reports = createInterface({ input: child.stdio[3] as Readable })
  reports.on('line', line => { told.push(JSON.parse(line) as AppReport) })
  const logging = new Promise<unknown>(resolve => { reports.once('line', resolve).once('close', () => resolve(undefined)) })

  const tripped = new Promise<unknown>(resolve => {
    reports.on('line', () => { if (told.some(report => report.type === 'breaker' && report.event.to === 'open')) resolve(undefined) }).once('close', () => resolve(undefined))
  })

  let peakRssBytes = 0
  const threads: number[] = []
  const poll = setInterval(() => {
    const status = readStatus(child.pid)
    if (status === undefined) return
    peakRssBytes = Math.max(peakRssBytes, status.peakRssBytes)
    threads.push(status.threads)
  }, STATUS_POLL_MS)
  let timedOut = false
  const limit = setTimeout(() => {
    timedOut = true
    child.kill('SIGKILL')
  }, limitMs)

  async function untilEnd (): Promise<AppResult> {
    const [[code, signal, exitedAt]] = await Promise.all([
      once(child, 'exit').then(([code, signal]) => [code as number | null, signal as NodeJS.Signals | null, Date.now()] as const),
      once(reports, 'close')
    ])
    clearInterval(poll)
    clearTimeout(limit)

    const ending = told.find(report => report.type === 'ending')
    return {
      code,
      signal,
      timedOut,
      uncaught: told.flatMap(report => report.type === 'uncaught' ? [report.message] : []),
      breakerEvents: told.flatMap(report => report.type === 'breaker' ? [report.event] : []),
      lastSnapshot: told.findLast(report => report.type === 'metrics')?.snapshot,
      endDelayMs: ending === undefined ? undefined : exitedAt - ending.time,
      peakRssBytes,
      threads
    }
  }

  return { logging, tripped, result: untilEnd(), kill: signal => { child.kill(signal) } }
}

function readStatus (pid: number | undefined): { peakRssBytes: number, threads: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status)!
    const [, threads] = /^Threads:\s+(\d+)$/m.exec(status)!
    return { peakRssBytes: Number(kilobytes) * 1024, threads: Number(threads) }
  } catch {
    return undefined
  }
}
