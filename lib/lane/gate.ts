import { SinkCircuitBreaker, type BreakerOptions, type Permit, type TransitionEvent } from '../breaker.js'
import { CircuitStatistics } from '../breaker/statistics.js'
import type { Clock } from '../clock.js'
import type { SinkFailure } from '../failure.js'
import type { HealthCheckSettings } from '../options.js'
import { HealthCheck } from '../health-check.js'

/** Dependencies of a {@link Gate}. */
export interface GateDeps {
  sink: string
  breaker: BreakerOptions
  healthCheck: HealthCheckSettings | undefined
  clock: Clock
  random: () => number
}

/** Events of a {@link Gate}. */
export interface GateEvents {
  onTransition (event: TransitionEvent): void
  /** A permit may be available now. */
  onDue (): void
  /** The health check failed while the breaker is not open. */
  onUnhealthy (failure: SinkFailure): void
}

/** The breaker between a lane and its sink, with the health check that comes before a probe. */
export class Gate {
  readonly breaker: SinkCircuitBreaker
  readonly statistics: CircuitStatistics
  readonly #healthCheck: HealthCheck | undefined
  readonly #events: GateEvents
  /** A permit that is kept for the next lines, for instance until the sink has started. */
  #reserved: Permit | undefined
  #recoveryTimer: NodeJS.Timeout | undefined
  #pauseTimer: NodeJS.Timeout | undefined
  readonly #clock: Clock
  #pausedUntil = 0

  constructor ({ sink, breaker, healthCheck, clock, random }: GateDeps, events: GateEvents) {
    this.#events = events
    this.#clock = clock
    this.statistics = new CircuitStatistics(clock)
    this.breaker = new SinkCircuitBreaker(sink, breaker, {
      now: clock.now,
      wallTime: clock.wallTime,
      random,
      onTransition: event => this.#onTransition(event)
    })
    this.#healthCheck = healthCheck && new HealthCheck(sink, healthCheck, clock, {
      onPassed: () => events.onDue(),
      onFailed: failure => {
        // While it is open, this says nothing new: the next probe waits for a check that passes.
        if (!this.breaker.isOpen) events.onUnhealthy(failure)
      }
    })
  }

  /** True while it keeps lines from the sink, or lets them through one probe at a time. */
  get isTripped (): boolean {
    const { enabled, mode } = this.breaker.settings
    return enabled && mode === 'enforce' && this.breaker.state !== 'closed'
  }

  /** True while it lets nothing through at all. */
  get isShut (): boolean {
    return this.isTripped && this.breaker.isOpen
  }

  get hasReserved (): boolean {
    return this.#reserved !== undefined
  }

  start (): void {
    this.#healthCheck?.start()
  }

  stop (): void {
    clearTimeout(this.#recoveryTimer)
    this.resume()
    this.#healthCheck?.stop()
  }

  /** True during a pause that the backend has asked for. */
  get isPaused (): boolean {
    return this.#pauseTimer !== undefined
  }

  /**
   * Gives no permit for a time that the backend has asked for, in ms, and calls `onDue` after it. The pause lasts no longer
   * than `maxRecoveryTimeoutMs`, however much the backend asks for.
   */
  pause (ms: number): void {
    const until = this.#clock.now() + Math.min(ms, this.breaker.settings.maxRecoveryTimeoutMs)
    if (until <= this.#pausedUntil) return
    this.resume()
    this.#pausedUntil = until
    this.#pauseTimer = setTimeout(() => {
      this.resume()
      this.#events.onDue()
    }, Math.ceil(until - this.#clock.now()))
  }

  /** Ends such a pause. */
  resume (): void {
    clearTimeout(this.#pauseTimer)
    this.#pauseTimer = undefined
    this.#pausedUntil = 0
  }

  /** Takes a permit to hand lines over now; `null` where the breaker has no say, `undefined` if there is none. */
  take (): Permit | null | undefined {
    if (this.isPaused) return undefined
    if (!this.isTripped) return this.#takeReserved() ?? this.breaker.tryAcquire()
    this.reserve()
    return this.#takeReserved()
  }

  /** Takes a permit to probe, and keeps it until the sink is ready; returns whether there is one. */
  reserve (): boolean {
    this.#reserved ??= this.#probe()
    return this.#reserved !== undefined
  }

  /** As {@link reserve}, but before the next probe is due, without a health check, and during a pause. */
  reserveEarly (): void {
    this.resume()
    this.#reserved ??= this.breaker.tryProbeEarly() ?? undefined
  }

  /** Keeps a permit for the next lines, because the answer to these lines said nothing about the backend. */
  keep (permit: Permit | null): void {
    if (permit === null) return
    if (this.#reserved === undefined && permit.generation === this.breaker.generation) this.#reserved = permit
    else permit.ignore()
  }

  /** Returns a permit that was kept: there are no lines to probe with. */
  giveBack (): void {
    this.#takeReserved()?.ignore()
  }

  /** Records that an attempt failed, or the sink did while a permit was kept for it. */
  fail (permit: Permit | null | undefined, { err, reason }: SinkFailure): void {
    const failed = this.#takeReserved() ?? permit
    if (failed != null && failed.generation === this.breaker.generation) failed.failure(err, reason)
    else this.breaker.recordFailure(err, reason)
  }

  /** Has `onDue` called when a probe is due. Only a lane that holds lines asks for that. */
  awaitRecovery (): void {
    // A check that is under way, or the next one, calls `onDue` itself.
    const isUpToHealth = this.breaker.retryInMs === 0 && this.#healthCheck?.hasPassed === false
    if (this.breaker.state !== 'open' || isUpToHealth || this.isPaused) return
    this.#recoveryTimer ??= setTimeout(() => {
      this.#recoveryTimer = undefined
      this.#events.onDue()
    }, this.breaker.retryInMs)
  }

  /** A health check comes before a probe: while it fails, no line is risked. */
  #probe (): Permit | undefined {
    if (this.isPaused) return undefined
    const isDue = this.breaker.state === 'open' && this.breaker.retryInMs === 0
    if (isDue && this.#healthCheck?.hasPassed === false) {
      this.#healthCheck.check()
      return undefined
    }
    return this.breaker.tryAcquire() ?? undefined
  }

  #takeReserved (): Permit | undefined {
    const permit = this.#reserved
    this.#reserved = undefined
    return permit
  }

  #onTransition (event: TransitionEvent): void {
    clearTimeout(this.#recoveryTimer)
    this.#recoveryTimer = undefined
    this.statistics.note(event)
    // A permit of an earlier generation permits nothing any more.
    this.giveBack()
    if (event.to === 'open') this.#healthCheck?.forget()
    this.#events.onTransition(event)
  }
}
