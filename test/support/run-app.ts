import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type pino from 'pino'
import type { FanoutSnapshot, TransitionEvent } from 'pino-breaker-fanout'
import { spawnAsUser } from './spawn-as-user.js'

/** What a logging app is to do. */
export interface AppPlan {
  /** For `pino.transport()`. */
  readonly transport: pino.TransportSingleOptions | pino.TransportMultiOptions
  /** How many lines to log, numbered by `id` from 0. */
  readonly lines: number
  /**
   * How many lines to log in a row, before the event loop has its turn.
   * @default 100
   */
  readonly linesPerTurn?: number
  /**
   * How long to wait after each of these.
   * @default 5
   */
  readonly turnMs?: number
  /**
   * How many bytes to add to each line.
   * @default 0
   */
  readonly padBytes?: number
  /**
   * How long the app goes on after its last line.
   * @default 0
   */
  readonly idleMs?: number
  /**
   * Whether it waits for the transport to be ready before it logs.
   * @default false
   */
  readonly awaitsReady?: boolean
  /** After half of the lines, wait for the first event of this sink's breaker. */
  readonly awaitTripOf?: string | undefined
  /**
   * How to end: `'loop'` lets the event loop come to its end, `'exit'` calls `process.exit(0)`, `'close'` ends the
   * transport and waits for its `close`.
   * @default 'loop'
   */
  readonly ending?: 'loop' | 'exit' | 'close'
}

/** What the app tells as it runs. */
export type AppReport =
  | { readonly type: 'logging' }
  | { readonly type: 'uncaught', readonly message: string }
  | { readonly type: 'breaker', readonly event: TransitionEvent }
  | { readonly type: 'metrics', readonly snapshot: FanoutSnapshot }
  | { readonly type: 'ending', readonly time: number }

/** How an app ended, and what it told. */
export interface AppResult {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** It had not ended within the limit, and was killed. */
  readonly timedOut: boolean
  /** Messages of errors that nothing caught. */
  readonly uncaught: readonly string[]
  readonly breakerEvents: readonly TransitionEvent[]
  readonly lastSnapshot: FanoutSnapshot | undefined
  /** From its last line, or the end of `idleMs`, to its exit; `undefined` if it did not come so far. */
  readonly endDelayMs: number | undefined
  /** The most memory that was seen in use; 0 where the system has no `/proc`. */
  readonly peakRssBytes: number
  /** How many threads it had, every 50 ms; empty where the system has no `/proc`. */
  readonly threads: readonly number[]
}

/** An app that runs. */
export interface RunningApp {
  /** Settles when it begins to log, or has ended without. */
  readonly logging: Promise<unknown>
  readonly result: Promise<AppResult>
  /** Sends it a signal, unless it has ended. */
  kill (signal: NodeJS.Signals): void
}

const APP = fileURLToPath(new URL('log-app.js', import.meta.url))
const STATUS_POLL_MS = 50

/**
 * Runs an app in a process of its own until it ends, or kills it after `limitMs`.
 *
 * @param node - The Node.js that runs it, and its flags
 */
export function runApp (plan: AppPlan, limitMs: number, env: NodeJS.ProcessEnv = process.env, node: readonly string[] = []): Promise<AppResult> {
  return startApp(plan, limitMs, { env, node }).result
}

/** Starts an app as {@link runApp} does, with `stdout` for its own. */
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

  return { logging, result: untilEnd(), kill: signal => { child.kill(signal) } }
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
