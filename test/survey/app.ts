import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { FanoutOptions, FanoutSnapshot, SinkSnapshot, TransitionEvent } from 'pino-breaker-fanout'

/** What an app is to do. */
export interface AppPlan {
  readonly options: FanoutOptions
  readonly linesPerSecond: number
  /** By how much each line is longer than it need be. */
  readonly paddingBytes: number
}

export type AppOrder = { readonly type: 'log' } | { readonly type: 'pause' } | { readonly type: 'end' }
export type AppReport =
  | { readonly type: 'ready' }
  | { readonly type: 'breaker', readonly event: TransitionEvent }
  | { readonly type: 'metrics', readonly snapshot: FanoutSnapshot }
  | { readonly type: 'paused', readonly logged: number }
  | { readonly type: 'ended' }

/** An app in a process of its own. */
export interface App {
  readonly transitions: readonly TransitionEvent[]
  /** The latest there is of the sink with this name. */
  sink (name: string): SinkSnapshot | undefined
  /** Begins to log, or goes on. */
  log (): void
  /** Stops logging; how many lines it has logged so far. */
  pause (): Promise<number>
  /** Waits for a condition, and whether it held within the limit. */
  until (condition: () => boolean, limitMs: number): Promise<boolean>
  /** Ends the transport and the app; whether that came about within the limit. */
  end (limitMs: number): Promise<boolean>
}

const PROCESS = fileURLToPath(new URL('app-process.js', import.meta.url))
const START_LIMIT_MS = 20000
const PAUSE_LIMIT_MS = 20000

/** Starts an app, and waits until its transport is ready. */
export async function startApp (plan: AppPlan): Promise<App> {
  const child = fork(PROCESS, [JSON.stringify(plan)], { serialization: 'advanced', execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  const exited = once(child, 'exit')
  const transitions: TransitionEvent[] = []
  let latest: FanoutSnapshot | undefined
  let logged: number | undefined
  let state: 'starting' | 'ready' | 'ended' | 'gone' = 'starting'
  const waiting = new Set<() => void>()
  child.on('message', (report: AppReport) => {
    if (report.type === 'breaker') transitions.push(report.event)
    else if (report.type === 'metrics') latest = report.snapshot
    else if (report.type === 'paused') logged = report.logged
    else state = report.type
    for (const look of waiting) look()
  })
  exited.then(() => {
    if (state !== 'ended') state = 'gone'
    for (const look of waiting) look()
  })
  const order = (message: AppOrder): void => { if (child.connected) child.send(message) }
  const until = async (condition: () => boolean, limitMs: number): Promise<boolean> => await new Promise(resolve => {
    const settle = (): void => {
      clearTimeout(limit)
      waiting.delete(look)
      resolve(condition())
    }
    const look = (): void => { if (condition() || state === 'gone') settle() }
    const limit = setTimeout(settle, limitMs)
    waiting.add(look)
    look()
  })
  if (!await until(() => state === 'ready', START_LIMIT_MS)) {
    child.kill('SIGKILL')
    throw new Error('the app did not start')
  }
  return {
    transitions,
    until,
    sink: name => latest?.sinks.find(sink => sink.name === name),
    log () {
      logged = undefined
      order({ type: 'log' })
    },
    async pause () {
      order({ type: 'pause' })
      await until(() => logged !== undefined, PAUSE_LIMIT_MS)
      return logged ?? 0
    },
    async end (limitMs) {
      order({ type: 'end' })
      const hasEnded = await until(() => state === 'ended', limitMs)
      child.kill('SIGKILL')
      await exited
      return hasEnded
    }
  }
}
