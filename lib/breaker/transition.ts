import type { SerializedError } from '../errors.js'
import type { FailureReason } from '../failure.js'

/**
 * State of a breaker:
 *
 * - `closed`: every attempt is permitted
 * - `open`: every attempt is refused
 * - `half-open`: a few attempts are permitted as probes; their outcome closes the breaker, or opens it again
 */
export type CircuitState = 'closed' | 'open' | 'half-open'

/**
 * Reason of a change of state: that of the failure that opened the breaker, or
 *
 * - `health-check`: a result of its health check
 * - `failure-rate`: a share of its recent attempts had failed (`failureRate`)
 * - `slow`: a share of its recent attempts was slow (`slowMs`, `slowRate`), or a probe was
 * - `recovery-due`: it was time for a probe (open → half-open)
 * - `probe-succeeded`: enough probes succeeded (half-open → closed)
 * - `forced`: `forceOpen()` or `forceClose()`
 * - `reset`: `reset()`
 */
export type TransitionReason = FailureReason | 'failure-rate' | 'slow' | 'recovery-due' | 'probe-succeeded' | 'forced' | 'reset'

/** One change of state, reported after it has happened. */
export interface TransitionEvent {
  readonly sink: string
  readonly from: CircuitState
  readonly to: CircuitState
  readonly reason: TransitionReason
  /** The generation that this transition began: one more than that of the event before. */
  readonly generation: number
  readonly consecutiveFailures: number
  /** Time since the breaker was last closed, in whole ms: 0 when it trips, the length of the outage when it closes. */
  readonly openForMs: number
  /** Time until the next probe, in whole ms; 0 unless the breaker has opened. */
  readonly retryInMs: number
  /** Wall time, in ms since the epoch. */
  readonly time: number
  /** The failure that opened it, if the caller gave one. */
  readonly err?: SerializedError
  /** The number of attempts within `windowMs` that opened it: with `failure-rate`, and with `slow` unless it was a probe. */
  readonly attempts?: number
  /** The share of these attempts that failed, from 0 to 1, with `failure-rate`. */
  readonly failureRate?: number
  /** The share of these attempts that was slow, from 0 to 1, with `slow`. */
  readonly slowRate?: number
  /** How long the last slow attempt took, in whole ms, with `slow`. */
  readonly tookMs?: number
}

/** Fields of a {@link TransitionEvent} that only some reasons have. */
export type TransitionFacts = Pick<TransitionEvent, 'attempts' | 'failureRate' | 'slowRate' | 'tookMs'>
