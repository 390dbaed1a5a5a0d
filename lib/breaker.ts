import type { BreakerOptions } from './breaker/options.js'
import { AttemptPermit, InertPermit, type Issuer, type Permit } from './breaker/permit.js'
import { Rates, type RateTrip } from './breaker/rates.js'
import { MAX_DURATION_MS, toSettings, type BreakerSettings } from './breaker/settings.js'
import type { CircuitState, TransitionEvent, TransitionFacts, TransitionReason } from './breaker/transition.js'
import { systemClock } from './clock.js'
import { serializeError } from './errors.js'
import { reasonOf, type FailureReason } from './failure.js'

export { breakerDefaults } from './breaker/settings.js'
export type { BreakerOptions } from './breaker/options.js'
export type { Permit } from './breaker/permit.js'
export type { BreakerSettings } from './breaker/settings.js'
export type { CircuitState, TransitionEvent, TransitionReason } from './breaker/transition.js'

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
 * A circuit breaker that trips on consecutive failures and, if these options are set, by the share of recent attempts that
 * failed (`failureRate`) or were slow (`slowMs`). It is pure: it has no timers, and no clock but the one that is handed in. An
 * open breaker turns half-open with the first attempt after its recovery timeout, not before.
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
  /** Counts attempts only while it is closed. */
  readonly #rates: Rates | undefined

  #phase: Phase = { state: 'closed' }
  #generation = 0
  #consecutiveFailures = 0
  #stale = 0

  /** Permits that `shouldAllow()` has taken and no record has settled yet. */
  readonly #unrecorded = { current: 0, inert: 0, late: 0 }

  readonly #issuer: Issuer = {
    takeBack: generation => {
      const isCurrent = generation === this.#generation
      if (!isCurrent) this.#stale++
      else if (this.#phase.state === 'half-open') this.#phase.inFlight--
      return isCurrent
    },
    succeed: tookMs => this.#succeed(tookMs),
    fail: (err, reason) => this.#fail(err, reason)
  }

  readonly #events: TransitionEvent[] = []
  #emitting = false

  /**
   * @param sinkName - Name of the sink in events
   * @throws FanoutError `ERR_FANOUT_OPTIONS`, naming every option that is unknown, NaN, fractional or out of range
   */
  constructor (sinkName: string, options: BreakerOptions = {}, deps: BreakerDeps = {}) {
    this.sinkName = sinkName
    this.settings = toSettings(sinkName, options)
    this.#rates = Rates.of(this.settings)
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

  /**
   * Records that an attempt succeeded: the one that `shouldAllow()` permitted, otherwise one of the current generation.
   *
   * @param tookMs - How long the attempt took, in ms. Without it, the attempt is not slow.
   */
  recordSuccess (tookMs?: number): void {
    if (this.#claimRecord()) this.#succeed(tookMs)
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

  /** Closes it and forgets all failures and slow attempts, even if it is closed. `generation` and `stale` continue. */
  reset (): void {
    this.#consecutiveFailures = 0
    this.#rates?.clear()
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
    return new AttemptPermit(this.#generation, this.#issuer)
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

  #succeed (tookMs: number | undefined): void {
    this.#consecutiveFailures = 0
    const phase = this.#phase
    if (phase.state === 'closed') {
      const trip = this.#rates?.succeed(this.#now(), tookMs)
      if (trip !== undefined) this.#tripBy(trip)
    } else if (phase.state === 'half-open') {
      // A slow probe that closed it would let lines through only until it trips again.
      if (this.#rates?.isSlow(tookMs) === true) this.#open(this.#grown(phase), 'slow', undefined, { tookMs: Math.round(tookMs) })
      else if (++phase.successes >= this.settings.successThreshold) this.#close('probe-succeeded')
    }
  }

  #fail (err: unknown, reason: FailureReason | undefined): void {
    this.#consecutiveFailures++
    const phase = this.#phase
    const { enabled, failureThreshold, recoveryTimeoutMs } = this.settings
    if (phase.state === 'closed') {
      const trip = this.#rates?.fail(this.#now())
      if (enabled && this.#consecutiveFailures >= failureThreshold) this.#open(recoveryTimeoutMs, reason ?? reasonOf(err), err)
      else if (trip !== undefined) this.#tripBy(trip, err)
    } else if (phase.state === 'half-open') {
      this.#open(this.#grown(phase), reason ?? reasonOf(err), err)
    }
  }

  #tripBy ({ reason, ...facts }: RateTrip, err?: unknown): void {
    this.#open(this.settings.recoveryTimeoutMs, reason, err, facts)
  }

  /** The wait after a failed probe. */
  #grown ({ backoffMs }: HalfOpen): number {
    const { recoveryTimeoutMs, backoffMultiplier, maxRecoveryTimeoutMs } = this.settings
    return Math.max(recoveryTimeoutMs, Math.min(backoffMs * backoffMultiplier, maxRecoveryTimeoutMs))
  }

  #open (backoffMs: number, reason: TransitionReason, err?: unknown, facts?: TransitionFacts): void {
    const now = this.#now()
    const jittered = Math.round(backoffMs * (1 + this.settings.jitter * this.#random()))
    this.#enter({
      state: 'open',
      openedAt: now,
      recoveryTimeoutMs: Math.min(jittered, MAX_DURATION_MS),
      trippedAt: this.#phase.state === 'closed' ? now : this.#phase.trippedAt,
      backoffMs
    }, reason, now, err, facts)
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

  #enter (next: Phase, reason: TransitionReason, now: number, err?: unknown, facts?: TransitionFacts): void {
    const previous = this.#phase
    this.#phase = next
    this.#generation++
    this.#rates?.clear()
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
      ...(err === undefined ? undefined : { err: serializeError(err) }),
      ...facts
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

function dueAt ({ openedAt, recoveryTimeoutMs }: Open): number {
  return openedAt + recoveryTimeoutMs
}

function elapsedMs (phase: Phase, now: number): number {
  return phase.state === 'closed' ? 0 : Math.round(now - phase.trippedAt)
}
