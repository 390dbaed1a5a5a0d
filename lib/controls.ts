import type { TransitionEvent } from './breaker.js'
import type { FanoutSnapshot } from './metrics.js'
import type { Notice } from './reports/notice.js'

/** An action on one sink: what an operator may ask for by HTTP or from the app. */
export type SinkAction = 'open' | 'close' | 'reset' | 'replay' | 'reopen'

/** Every {@link SinkAction}. */
export const sinkActions: readonly SinkAction[] = ['open', 'close', 'reset', 'replay', 'reopen']

/** Somebody who watches a transport. A fault of a listener costs the transport nothing. */
export interface ControlListener {
  onTransition? (event: TransitionEvent): void
  onNotice? (notice: Notice): void
  /** The transport has ended, with its last counts. Nothing follows. */
  onEnd? (snapshot: FanoutSnapshot): void
}

/** Views and actions of a running transport. `FanoutStream` implements them. The monitor and the app's thread use them. */
export interface Controls {
  /** All counts at this moment; after the end, those of the end. */
  snapshot (): FanoutSnapshot
  /**
   * Acts on one sink:
   *
   * - `open`: opens its breaker, as if it had tripped now (reason `forced`). It probes after `recoveryTimeoutMs`, as always. Lines
   *   in flight stay with the sink: if they arrive they are delivered, if they fail they come back. `whenOpen` decides about others.
   * - `close`: closes its breaker without a probe (reason `forced`)
   * - `reset`: closes its breaker, and forgets its failures (reason `reset`)
   * - `replay`: probes now, and not only after `recoveryTimeoutMs`: lines that wait, in memory or in a spool, are sent if the probe succeeds
   * - `reopen`: ends the sink in good order, and starts it again: it opens its file by its name again
   *
   * @throws {@link FanoutError} `ERR_FANOUT_UNKNOWN_SINK` for a name that no target has, `ERR_FANOUT_BREAKER_OFF` for
   *   `open` if the options turn its breaker off, `ERR_FANOUT_CLOSED` after the end
   */
  act (action: SinkAction, sink: string): Promise<void>
  /**
   * Reopens the files of all targets, after a rotation has renamed them: those of `pino/file` with a path.
   *
   * @returns the names of these targets
   * @throws {@link FanoutError} `ERR_FANOUT_CLOSED` after the end
   */
  reopenFiles (): Promise<string[]>
  /**
   * Sets the lowest level that a sink takes, or that every sink takes which is not standby. The app's logger has a level of its
   * own: lines below that never come.
   *
   * @param level - A number or a label; `'all'` also for lines without a level
   * @throws {@link FanoutError} `ERR_FANOUT_UNKNOWN_LEVEL`, `ERR_FANOUT_UNKNOWN_SINK`, `ERR_FANOUT_CLOSED` after the end
   */
  setLevel (level: number | string, sink?: string): void
  /** @returns a function that stops the calls */
  listen (listener: ControlListener): () => void
}
