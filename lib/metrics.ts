import type { CircuitState } from './breaker.js'
import type { SerializedError } from './errors.js'
import type { FailureReason } from './failure.js'

/**
 * Why lines were dropped:
 *
 * - `queue-full`: the queue of the lane was full, and pushing back was out of the question
 * - `too-long`: the line was longer than `maxLineBytes`
 * - `at-most-once`: they had been handed over when the sink failed, and are not to be sent twice
 * - `poison`: the sink could not be given them, and no dead-letter file took them
 * - `spool-full`: the oldest on the disk made room for new ones
 * - `damaged`: what stood in the spool was no line of a log, which is kept in a file beside it; or its folder was removed
 * - `closed`: they were still here when the transport ended
 */
export type DropReason = 'queue-full' | 'too-long' | 'at-most-once' | 'poison' | 'spool-full' | 'damaged' | 'closed'

/** The state of one sink. At any time `linesReceived` is the sum of what was delivered, skipped, dropped, passed to a fallback, dead-lettered, and of what is queued, unsettled and spooled. */
export interface SinkSnapshot {
  name: string
  state: CircuitState
  linesReceived: number
  linesDelivered: number
  /** Dropped because its breaker was not closed, by `whenOpen: 'skip'`. */
  linesSkipped: number
  linesDropped: Partial<Record<DropReason, number>>
  linesFallback: number
  /** Written to the dead-letter file. */
  linesDeadLettered: number
  queueLines: number
  /** Bytes in the queue and unsettled together: what `queue.maxBytes` bounds. */
  queueBytes: number
  /** Lines that are being written to the disk, and are part of `queueLines` until they are there. */
  spoolPendingLines: number
  /** Their bytes, which are part of `queueBytes`. */
  spoolPendingBytes: number
  /** Handed to the sink, and neither proven delivered nor failed; or on their way to the dead-letter file. */
  unsettledLines: number
  spoolLines: number
  spoolBytes: number
  failures: Partial<Record<FailureReason, number>>
  /** Errors of sinks that had been discarded before. */
  lateFaults: number
  restarts: number
  consecutiveFailures: number
  lastError?: SerializedError
}

/** What `transport.on('metrics', …)` gets. */
export interface FanoutSnapshot {
  /** Wall time, in ms since the epoch. */
  time: number
  /** Lines that bore no level that could be used, and went to every target. Not counted where no target filters. */
  linesWithoutLevel: number
  sinks: SinkSnapshot[]
}
