import type { BreakerOptions } from './breaker/options.js'
import { MAX_DURATION_MS, toSettings, type BreakerSettings } from './breaker/settings.js'
import { systemClock } from './clock.js'
import { serializeError, type SerializedError } from './errors.js'
import { reasonOf, type FailureReason } from './failure.js'

export { breakerDefaults } from './breaker/settings.js'
export type { BreakerOptions } from './breaker/options.js'
export type { BreakerSettings } from './breaker/settings.js'

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
 * - `recovery-due`: it was time for a probe (open → half-open)
 * - `probe-succeeded`: enough probes succeeded (half-open → closed)
 * - `forced`: `forceOpen()` or `forceClose()`
 * - `reset`: `reset()`
 */
export type TransitionReason = FailureReason | 'recovery-due' | 'probe-succeeded' | 'forced' | 'reset'

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
}

/**
 * Permission to make one attempt. One of its three methods settles it, once; later calls do nothing. If the breaker has
 * changed its state since, settling only adds to the breaker's `stale`.
 */
export interface Permit {
  /** The generation that it belongs to. */
  readonly generation: number
  success (): void
  /**
   * @param err - The thrown value, or its serialized form
   * @param reason - Default: `reasonOf(err)`
   */
  failure (err?: unknown, reason?: FailureReason): void
  /** Returns it unused: nothing was attempted, or the outcome says nothing about the sink. */
  ignore (): void
}

/** Dependencies of a breaker; the real ones by default. */
export interface BreakerDeps {
  /** Monotonic time in ms. */
  now? (): number
  /** Wall time in ms since the epoch. */
  wallTime? (): number
  /** A number from 0 up to, not including, 1. */
  random? (): number
  /** Called after every transition, in order. Errors that it throws are ignored. */
  onTransition? (event: TransitionEvent): void
}

/** Facts of an outage, which an open and a half-open breaker remember. */
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
 * A circuit breaker that trips on consecutive failures. It is pure: it has no timers, and no clock but the one that is
 * handed in. An open breaker turns half-open with the first attempt after its recovery timeout, not before.
 *
 * Every transition begins a new generation, and an attempt counts only in the generation that permitted it. So a write that
 * fails a minute late cannot open a breaker that has closed since, and one that succeeds late cannot close it. (This is the
 * design of sony/gobreaker's two-step breaker.)
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

  /** Permits that `shouldAllow()` has taken and no record has settled yet. */
  readonly #unrecorded = { current: 0, inert: 0, late: 0 }

  readonly #events: TransitionEvent[] = []
  #emitting = false

  /**
   * @param sinkName - Name of the sink in events
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

  /** The state after the last transition. Reading it has no effect: an open breaker whose probe is due is still `open`. */
  get state (): CircuitState {
    return this.#phase.state
  }

  get isOpen (): boolean {
    return this.#phase.state === 'open'
  }

  /** Number of transitions so far. */
  get generation (): number {
    return this.#generation
  }

  /** Failures since the last success, `forceClose()` or `reset()`. */
  get consecutiveFailures (): number {
    return this.#consecutiveFailures
  }

  /** Number of permits that were settled after a transition had made them void. */
  get stale (): number {
    return this.#stale
  }

  /** Time until an open breaker permits a probe, in whole ms, rounded up so that a timer never fires early; otherwise 0. */
  get retryInMs (): number {
    return this.#phase.state === 'open' ? Math.max(0, Math.ceil(dueAt(this.#phase) - this.#now())) : 0
  }

  /** Time since the breaker was last closed, in whole ms; 0 while it is closed. */
  get openForMs (): number {
    return elapsedMs(this.#phase, this.#phase.state === 'closed' ? 0 : this.#now())
  }

  /** Takes a permit for one attempt; `null` if it is refused. An open breaker whose probe is due turns half-open. */
  tryAcquire (): Permit | null {
    const phase = this.#phase
    if (phase.state === 'open') {
      const now = this.#now()
      if (now >= dueAt(phase)) this.#halfOpen(phase, now)
    }
    return this.#acquire()
  }

  /** As `tryAcquire()`, but does not wait for the recovery timeout: for a last probe before the end. */
  tryProbeEarly (): Permit | null {
    const phase = this.#phase
    if (phase.state === 'open') this.#halfOpen(phase, this.#now())
    return this.#acquire()
  }

  /**
   * `tryAcquire()` in the classic form: returns whether to make an attempt. If so, the next `recordSuccess()` or
   * `recordFailure()` settles the permit. Every `true` needs one of them: a probe without a record never ends.
   */
  shouldAllow (): boolean {
    const permit = this.tryAcquire()
    if (permit === null) return false
    if (permit instanceof InertPermit) this.#unrecorded.inert++
    else if (permit.generation === this.#generation) this.#unrecorded.current++
    else this.#unrecorded.late++
    return true
  }

  /** Records that an attempt succeeded: the one that `shouldAllow()` permitted, otherwise one of the current generation. */
  recordSuccess (): void {
    if (this.#claimRecord()) this.#succeed()
  }

  /** Records that an attempt failed: the one that `shouldAllow()` permitted, otherwise one of the current generation. */
  recordFailure (err?: unknown, reason?: FailureReason): void {
    if (this.#claimRecord()) this.#fail(err, reason)
  }

  /** Opens it, as if it had tripped now. It recovers as always. An open breaker stays as it is. */
  forceOpen (): void {
    const phase = this.#phase
    if (phase.state === 'open' || !this.settings.enabled) return
    this.#open(phase.state === 'closed' ? this.settings.recoveryTimeoutMs : phase.backoffMs, 'forced')
  }

  /** Closes it without a probe. A closed breaker stays as it is. */
  forceClose (): void {
    if (this.#phase.state !== 'closed') this.#close('forced')
  }

  /** Closes it and forgets all failures, even if it is closed. `generation` and `stale` continue. */
  reset (): void {
    this.#consecutiveFailures = 0
    if (this.#phase.state !== 'closed') this.#close('reset')
  }

  #acquire (): Permit | null {
    const permit = this.#admits() ? this.#grant() : null
    // A transition by this attempt is reported only now, so that no listener can take the probe from the caller.
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

  /** Takes the permit that a record settles; `false` if its outcome does not count. */
  #claimRecord (): boolean {
    const unrecorded = this.#unrecorded
    // The current generation comes first: an earlier attempt that was never recorded must not take the record of a probe.
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

  /** Reports transitions. Those that a listener causes wait for their turn, so that the order holds. */
  #emit (): void {
    if (this.#emitting) return
    this.#emitting = true
    for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) {
      try {
        this.#onTransition?.(event)
      } catch {
        // An error of a listener must not reach the lane that made the attempt, and nothing else could handle it.
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

/** The permit that `mode: 'observe'` gives in place of a refusal: the attempt is made, and its outcome does not count. */
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
