import { once } from 'node:events'
import { readFileSync } from 'node:fs'
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
  /** From its last line to its exit; `undefined` if it did not come so far. */
  readonly endDelayMs: number | undefined
  /** The most memory that was seen in use; 0 where the system has no `/proc`. */
  readonly peakRssBytes: number
}

const APP = fileURLToPath(new URL('log-app.js', import.meta.url))
const RSS_POLL_MS = 50

/**
 * Runs an app in a process of its own until it ends, or kills it after `limitMs`.
 *
 * @param node - The Node.js that runs it, and its flags
 */
export async function runApp (plan: AppPlan, limitMs: number, env: NodeJS.ProcessEnv = process.env, [node = process.execPath, ...flags]: readonly string[] = []): Promise<AppResult> {
  const child = spawnAsUser(node, [...flags, APP, JSON.stringify(plan)], { env, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  let text = ''
  const reports = child.stdio[3] as Readable
  reports.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })

  let peakRssBytes = 0
  const poll = setInterval(() => { peakRssBytes = Math.max(peakRssBytes, readPeakRss(child.pid)) }, RSS_POLL_MS)
  let timedOut = false
  const limit = setTimeout(() => {
    timedOut = true
    child.kill('SIGKILL')
  }, limitMs)

  const [[code, signal, exitedAt]] = await Promise.all([
    once(child, 'exit').then(([code, signal]) => [code as number | null, signal as NodeJS.Signals | null, Date.now()] as const),
    once(reports, 'close')
  ])
  clearInterval(poll)
  clearTimeout(limit)

  const told = text.split('\n').slice(0, -1).map(line => JSON.parse(line) as AppReport)
  const ending = told.find(report => report.type === 'ending')
  return {
    code,
    signal,
    timedOut,
    uncaught: told.flatMap(report => report.type === 'uncaught' ? [report.message] : []),
    breakerEvents: told.flatMap(report => report.type === 'breaker' ? [report.event] : []),
    lastSnapshot: told.findLast(report => report.type === 'metrics')?.snapshot,
    endDelayMs: ending === undefined ? undefined : exitedAt - ending.time,
    peakRssBytes
  }
}

function readPeakRss (pid: number | undefined): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}
