import type { BreakerOptions } from './breaker/options.js'
import { MAX_DURATION_MS, toSettings, type BreakerSettings } from './breaker/settings.js'
import { systemClock } from './clock.js'
import { serializeError, type SerializedError } from './errors.js'
import { reasonOf, type FailureReason } from './failure.js'

export { breakerDefaults } from './breaker/settings.js'
export type { BreakerOptions } from './breaker/options.js'
export type { BreakerSettings } from './breaker/settings.js'

/**
 * What a breaker does with attempts:
 *
 * - `closed`: lets them all through
 * - `open`: refuses them all
 * - `half-open`: lets a few through as probes, whose outcome closes it or opens it again
 */
export type CircuitState = 'closed' | 'open' | 'half-open'

/**
 * Why a breaker changed its state: the reason of the failure that opened it, or
 *
 * - `health-check`: what its health check said
 * - `recovery-due`: it was time for a probe (open → half-open)
 * - `probe-succeeded`: enough probes succeeded (half-open → closed)
 * - `forced`: `forceOpen()` or `forceClose()`
 * - `reset`: `reset()`
 */
export type TransitionReason = FailureReason | 'recovery-due' | 'probe-succeeded' | 'forced' | 'reset'

/** One change of state, told once it has happened. */
export interface TransitionEvent {
  readonly sink: string
  readonly from: CircuitState
  readonly to: CircuitState
  readonly reason: TransitionReason
  /** The generation that this transition began: one more than that of the event before. */
  readonly generation: number
  readonly consecutiveFailures: number
  /** How long the breaker has not been closed, in whole ms: 0 as it trips, the whole outage as it closes. */
  readonly openForMs: number
  /** How long until the next probe, in whole ms; 0 unless it opened. */
  readonly retryInMs: number
  /** Wall time, in ms since the epoch. */
  readonly time: number
  /** The failure that opened it, where the caller told of one. */
  readonly err?: SerializedError
}

/**
 * The leave to make one attempt. It is settled once, by one of its three methods; what comes after that does nothing.
 * Once the breaker has changed its state since, settling only adds to the breaker's `stale`.
 */
export interface Permit {
  /** The generation that it belongs to. */
  readonly generation: number
  success (): void
  /**
   * @param err whatever was thrown, or its serialized form
   * @param reason `reasonOf(err)`, if not given
   */
  failure (err?: unknown, reason?: FailureReason): void
  /** Gives it back: nothing was attempted, or the outcome tells nothing about the sink. */
  ignore (): void
}

/** The outside of a breaker; each part defaults to the real thing. */
export interface BreakerDeps {
  /** Monotonic time in ms. */
  now? (): number
  /** Wall time in ms since the epoch. */
  wallTime? (): number
  /** A number from 0 up to, not including, 1. */
  random? (): number
  /** Is told of every transition, in order; what it throws is dropped. */
  onTransition? (event: TransitionEvent): void
}

/** What an open and a half-open breaker remember of the time since they were closed. */
interface Outage {
  readonly trippedAt: number
  /** The wait of this outage, grown by backoff, before jitter. */
  readonly backoffMs: number
}

interface Closed { readonly state: 'closed' }
interface Open extends Outage { readonly state: 'open', readonly openedAt: number, readonly recoveryTimeoutMs: number }
interface HalfOpen extends Outage { readonly state: 'half-open', inFlight: number, successes: number }
type Phase = Closed | Open | HalfOpen

/**
 * A circuit breaker that trips on consecutive failures. It is pure: it has no timers, and knows no time but the one
 * handed in. An open one turns half-open as the first attempt is made after its recovery timeout, not before.
 *
 * Every transition begins a new generation, and an attempt counts only in the generation that permitted it: a write that
 * fails a minute late can neither open a breaker that has closed since, nor close one that has opened. (The design of
 * sony/gobreaker's two-step breaker.)
 *
 * @example
 * const permit = breaker.tryAcquire()
 * if (permit === null) return
 * send(batch).then(() => permit.success(), (err) => permit.failure(err))
 */
export class SinkCircuitBreaker {
  readonly sinkName: string
  readonly settings: BreakerSettings

  readonly #now: () => number
  readonly #wallTime: () => number
  readonly #random: () => number
  readonly #onTransition: ((event: TransitionEvent) => void) | undefined

  #phase: Phase = { state: 'closed' }
  #generation = 0
  #consecutiveFailures = 0
  #stale = 0

  /** What `shouldAllow()` has granted and no record has settled yet. */
  readonly #unrecorded = { current: 0, inert: 0, late: 0 }

  readonly #events: TransitionEvent[] = []
  #emitting = false

  /**
   * @param sinkName stands in the events
   * @throws FanoutError `ERR_FANOUT_OPTIONS`, naming every option that is unknown, NaN, fractional or out of range
   */
  constructor (sinkName: string, options: BreakerOptions = {}, deps: BreakerDeps = {}) {
    this.sinkName = sinkName
    this.settings = toSettings(sinkName, options)
    this.#now = deps.now ?? systemClock.now
    this.#wallTime = deps.wallTime ?? systemClock.wallTime
    this.#random = deps.random ?? Math.random
    this.#onTransition = deps.onTransition
  }

  /** The state as the last transition left it. Reading it has no effect: an open breaker that is due still reads `open`. */
  get state (): CircuitState {
    return this.#phase.state
  }

  get isOpen (): boolean {
    return this.#phase.state === 'open'
  }

  /** How many transitions there have been. */
  get generation (): number {
    return this.#generation
  }

  /** Failures since the last success, `forceClose()` or `reset()`. */
  get consecutiveFailures (): number {
    return this.#consecutiveFailures
  }

  /** How many permits were settled after a transition had made them void. */
  get stale (): number {
    return this.#stale
  }

  /** How long an open breaker stays so, in whole ms, rounded up so that a timer set to it never comes early; else 0. */
  get retryInMs (): number {
    return this.#phase.state === 'open' ? Math.max(0, Math.ceil(dueAt(this.#phase) - this.#now())) : 0
  }

  /** How long the breaker has not been closed, half-open included, in whole ms; 0 while closed. */
  get openForMs (): number {
    return elapsedMs(this.#phase, this.#phase.state === 'closed' ? 0 : this.#now())
  }

  /** A permit for one attempt, or `null` if it is refused. An open breaker that is due turns half-open by this. */
  tryAcquire (): Permit | null {
    const phase = this.#phase
    if (phase.state === 'open') {
      const now = this.#now()
      if (now >= dueAt(phase)) this.#halfOpen(phase, now)
    }
    return this.#acquire()
  }

  /** As `tryAcquire()`, but does not wait for the recovery timeout: for the last probe before the end. */
  tryProbeEarly (): Permit | null {
    const phase = this.#phase
    if (phase.state === 'open') this.#halfOpen(phase, this.#now())
    return this.#acquire()
  }

  /**
   * `tryAcquire()` in the classic shape: whether to attempt. If so, the next `recordSuccess()` or `recordFailure()`
   * settles the permit taken, so every `true` needs one of them: a probe that is never recorded is never over.
   */
  shouldAllow (): boolean {
    const permit = this.tryAcquire()
    if (permit === null) return false
    if (permit instanceof InertPermit) this.#unrecorded.inert++
    else if (permit.generation === this.#generation) this.#unrecorded.current++
    else this.#unrecorded.late++
    return true
  }

  /** Tells that an attempt succeeded: the one that `shouldAllow()` permitted, else one of the current generation. */
  recordSuccess (): void {
    if (this.#claimRecord()) this.#succeed()
  }

  /** Tells that an attempt failed: the one that `shouldAllow()` permitted, else one of the current generation. */
  recordFailure (err?: unknown, reason?: FailureReason): void {
    if (this.#claimRecord()) this.#fail(err, reason)
  }

  /** Opens it, as if it had tripped now. It recovers as always; an open one is left as it is. */
  forceOpen (): void {
    const phase = this.#phase
    if (phase.state === 'open' || !this.settings.enabled) return
    this.#open(phase.state === 'closed' ? this.settings.recoveryTimeoutMs : phase.backoffMs, 'forced')
  }

  /** Closes it without a probe. A closed one is left as it is. */
  forceClose (): void {
    if (this.#phase.state !== 'closed') this.#close('forced')
  }

  /** Closes it and forgets all failures, also if it is closed. `generation` and `stale` go on. */
  reset (): void {
    this.#consecutiveFailures = 0
    if (this.#phase.state !== 'closed') this.#close('reset')
  }

  #acquire (): Permit | null {
    const permit = this.#admits() ? this.#grant() : null
    // A transition made by this attempt is told only now, so that no listener can take the probe from the caller.
    this.#emit()
    return permit ?? (this.settings.mode === 'observe' ? new InertPermit(this.#generation) : null)
  }

  #admits (): boolean {
    const phase = this.#phase
    if (phase.state !== 'half-open') return phase.state === 'closed'
    const { halfOpenMaxCalls, successThreshold } = this.settings
    return phase.inFlight < halfOpenMaxCalls && phase.inFlight + phase.successes < successThreshold
  }

  #grant (): Permit {
    if (this.#phase.state === 'half-open') this.#phase.inFlight++
    return new AttemptPermit(this.#generation, this.#settle)
  }

  readonly #settle: Settle = (generation, outcome, err, reason) => {
    if (generation !== this.#generation) {
      this.#stale++
      return
    }
    if (this.#phase.state === 'half-open') this.#phase.inFlight--
    if (outcome === 'success') this.#succeed()
    if (outcome === 'failure') this.#fail(err, reason)
  }

  /** Takes the permit that a record settles. `false`: its outcome does not count. */
  #claimRecord (): boolean {
    const unrecorded = this.#unrecorded
    // The current generation first: an attempt of an earlier one whose record never came must not swallow a probe's.
    if (unrecorded.current > 0) {
      unrecorded.current--
      if (this.#phase.state === 'half-open') this.#phase.inFlight--
    } else if (unrecorded.inert > 0) {
      unrecorded.inert--
      return false
    } else if (unrecorded.late > 0) {
      unrecorded.late--
      this.#stale++
      return false
    }
    return true
  }

  #succeed (): void {
    this.#consecutiveFailures = 0
    const phase = this.#phase
    if (phase.state === 'half-open' && ++phase.successes >= this.settings.successThreshold) this.#close('probe-succeeded')
  }

  #fail (err: unknown, reason: FailureReason | undefined): void {
    this.#consecutiveFailures++
    const phase = this.#phase
    const { enabled, failureThreshold, recoveryTimeoutMs, backoffMultiplier, maxRecoveryTimeoutMs } = this.settings
    if (phase.state === 'closed' && enabled && this.#consecutiveFailures >= failureThreshold) {
      this.#open(recoveryTimeoutMs, reason ?? reasonOf(err), err)
    } else if (phase.state === 'half-open') {
      const grown = Math.min(phase.backoffMs * backoffMultiplier, maxRecoveryTimeoutMs)
      this.#open(Math.max(recoveryTimeoutMs, grown), reason ?? reasonOf(err), err)
    }
  }

  #open (backoffMs: number, reason: TransitionReason, err?: unknown): void {
    const now = this.#now()
    const jittered = Math.round(backoffMs * (1 + this.settings.jitter * this.#random()))
    this.#enter({
      state: 'open',
      openedAt: now,
      recoveryTimeoutMs: Math.min(jittered, MAX_DURATION_MS),
      trippedAt: this.#phase.state === 'closed' ? now : this.#phase.trippedAt,
      backoffMs
    }, reason, now, err)
    this.#emit()
  }

  #halfOpen ({ trippedAt, backoffMs }: Open, now: number): void {
    this.#enter({ state: 'half-open', inFlight: 0, successes: 0, trippedAt, backoffMs }, 'recovery-due', now)
  }

  #close (reason: TransitionReason): void {
    this.#consecutiveFailures = 0
    this.#enter({ state: 'closed' }, reason, this.#now())
    this.#emit()
  }

  #enter (next: Phase, reason: TransitionReason, now: number, err?: unknown): void {
    const previous = this.#phase
    this.#phase = next
    this.#generation++
    this.#unrecorded.late += this.#unrecorded.current
    this.#unrecorded.current = 0
    this.#events.push({
      sink: this.sinkName,
      from: previous.state,
      to: next.state,
      reason,
      generation: this.#generation,
      consecutiveFailures: this.#consecutiveFailures,
      openForMs: elapsedMs(previous, now),
      retryInMs: next.state === 'open' ? next.recoveryTimeoutMs : 0,
      time: this.#wallTime(),
      ...(err === undefined ? undefined : { err: serializeError(err) })
    })
  }

  /** Tells of what has happened. What a listener brings about waits for its turn, so that the order holds. */
  #emit (): void {
    if (this.#emitting) return
    this.#emitting = true
    for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) {
      try {
        this.#onTransition?.(event)
      } catch {
        // A listener's fault must not reach the lane that made the attempt, and has nowhere else to go.
      }
    }
    this.#emitting = false
  }
}

type Settle = (generation: number, outcome: 'success' | 'failure' | 'ignored', err?: unknown, reason?: FailureReason) => void

class AttemptPermit implements Permit {
  readonly generation: number
  #settle: Settle | null

  constructor (generation: number, settle: Settle) {
    this.generation = generation
    this.#settle = settle
  }

  success (): void {
    this.#take()?.(this.generation, 'success')
  }

  failure (err?: unknown, reason?: FailureReason): void {
    this.#take()?.(this.generation, 'failure', err, reason)
  }

  ignore (): void {
    this.#take()?.(this.generation, 'ignored')
  }

  #take (): Settle | null {
    const settle = this.#settle
    this.#settle = null
    return settle
  }
}

/** What `mode: 'observe'` gives where it would refuse: the attempt goes ahead, and its outcome is none of the breaker's. */
class InertPermit implements Permit {
  readonly generation: number

  constructor (generation: number) {
    this.generation = generation
  }

  success (): void {}
  failure (): void {}
  ignore (): void {}
}

function dueAt ({ openedAt, recoveryTimeoutMs }: Open): number {
  return openedAt + recoveryTimeoutMs
}

function elapsedMs (phase: Phase, now: number): number {
  return phase.state === 'closed' ? 0 : Math.round(now - phase.trippedAt)
}
