import type { CircuitState, TransitionReason } from './breaker.js'
import type { TransitionCount } from './breaker/statistics.js'
import type { Durations } from './durations.js'
import type { SerializedError } from './errors.js'
import type { FailureReason } from './failure.js'

/**
 * The reason why lines were dropped:
 *
 * - `queue-full`: the queue of the lane was full, and the app could not be held back any longer
 * - `too-long`: the line was longer than `maxLineBytes`
 * - `at-most-once`: the sink failed after they had been handed over, and they may not be sent twice
 * - `poison`: the sink could not take them, and no dead-letter file took them, or the backend did not name them
 * - `spool-full`: they were the oldest on a full disk spool, and made room for new lines
 * - `damaged`: the spool held something that is no line of a log, which is kept in a file beside it; or its folder was removed
 * - `closed`: the lane still had them when the transport ended
 */
export type DropReason = 'queue-full' | 'too-long' | 'at-most-once' | 'poison' | 'spool-full' | 'damaged' | 'closed'

/**
 * The state of one sink. At any time `linesReceived` is the sum of the lines that were delivered, skipped, dropped, passed to a
 * fallback or dead-lettered, and of those that are queued, unsettled or spooled.
 */
export interface SinkSnapshot {
  name: string
  state: CircuitState
  /** How long it has been in this state, in whole ms. */
  stateForMs: number
  /** Why it entered this state; `undefined` before the first transition. */
  stateReason?: TransitionReason
  /** Time until an open breaker may probe, in whole ms; 0 if a probe is due, or it is not open. */
  retryInMs: number
  /** How long the breaker has not been closed, all outages together, in whole ms. */
  openMs: number
  /** How often each transition has happened. Those that have not are left out. */
  transitions: TransitionCount[]
  /** The lowest level that the sink takes. `'all'`: also lines without a level. `'silent'`: none. */
  level: number | 'all' | 'silent'
  linesReceived: number
  linesDelivered: number
  /** Lines dropped by `whenOpen: 'skip'` while the breaker was not closed. */
  linesSkipped: number
  linesDropped: Partial<Record<DropReason, number>>
  /** The lines that a full queue dropped although they were at or above `queue.protectLevel`. They are part of `linesDropped`. */
  linesDroppedProtected: number
  linesFallback: number
  /** Who takes these lines: the name of a target, or `'stderr'`; `undefined` without a fallback. */
  fallback?: string
  /** Lines written to the dead-letter file. */
  linesDeadLettered: number
  queueLines: number
  /** Bytes in the queue and unsettled bytes together. `queue.maxBytes` bounds them. */
  queueBytes: number
  /** Lines that are being written to the disk. They are part of `queueLines` until they are there. */
  spoolPendingLines: number
  /** The bytes of these lines. They are part of `queueBytes`. */
  spoolPendingBytes: number
  /** Lines handed to the sink, which are neither proven delivered nor failed, and lines that are being written to the dead-letter file. */
  unsettledLines: number
  spoolLines: number
  spoolBytes: number
  /** `spool.maxBytes`; 0 without a spool. */
  spoolMaxBytes: number
  /** `queue.maxBytes`. */
  queueMaxBytes: number
  failures: Partial<Record<FailureReason, number>>
  /** Errors of sinks that were already discarded. */
  lateFaults: number
  restarts: number
  /** The restarts by the reason of the failure before. */
  restartReasons: Partial<Record<FailureReason, number>>
  /** Attempts that succeeded: from the hand-over to the acceptance by the sink; for a delivery sink, until `send` has resolved. */
  attempts: Durations
  consecutiveFailures: number
  lastError?: SerializedError
}

/** The argument of `transport.on('metrics', …)`. */
export interface FanoutSnapshot {
  /** Wall time, in ms since the epoch. */
  time: number
  /** How long the transport has been running, in whole ms. */
  upMs: number
  /** True once the transport has ended. */
  hasEnded: boolean
  /** Lines without a usable level, which go to every target. They are not counted if no target filters. */
  linesWithoutLevel: number
  sinks: SinkSnapshot[]
}

/** The lines that a sink has lost: skipped, and dropped for any reason. */
export function lostLinesOf ({ linesSkipped, linesDropped }: Pick<SinkSnapshot, 'linesSkipped' | 'linesDropped'>): number {
  return Object.values(linesDropped).reduce((sum, lines) => sum + lines, linesSkipped)
}

/** The lines of a sink that have not arrived yet: in its queue, held by the sink, or on the disk. */
export function waitingLinesOf ({ queueLines, unsettledLines, spoolLines }: Pick<SinkSnapshot, 'queueLines' | 'unsettledLines' | 'spoolLines'>): number {
  return queueLines + unsettledLines + spoolLines
}
