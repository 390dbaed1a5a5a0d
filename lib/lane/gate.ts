import { SinkCircuitBreaker, type BreakerOptions, type CircuitState, type Permit, type TransitionEvent } from '../breaker.js'
import type { Clock } from '../clock.js'
import type { SinkFailure } from '../failure.js'
import type { HealthCheckSettings } from '../options.js'
import { HealthCheck } from '../health-check.js'

/** What a gate is made of. */
export interface GateOptions {
  sink: string
  breaker: BreakerOptions
  healthCheck: HealthCheckSettings | undefined
  clock: Clock
  random: () => number
}

/** What a gate tells its lane. */
export interface GateEvents {
  onTransition (event: TransitionEvent): void
  /** It is time to ask for leave again. */
  onDue (): void
  /** The health check failed, and the breaker is not open. */
  onUnhealthy (failure: SinkFailure): void
}

/** What stands between a lane and its sink: the breaker, and the health check that comes before a probe. */
export class Gate {
  readonly #breaker: SinkCircuitBreaker
  readonly #healthCheck: HealthCheck | undefined
  readonly #events: GateEvents
  /** Leave to probe, for lines whose sink must start first. */
  #reserved: Permit | undefined
  #recoveryTimer: NodeJS.Timeout | undefined
  #pauseTimer: NodeJS.Timeout | undefined
  readonly #clock: Clock
  #pausedUntil = 0

  constructor ({ sink, breaker, healthCheck, clock, random }: GateOptions, events: GateEvents) {
    this.#events = events
    this.#clock = clock
    this.#breaker = new SinkCircuitBreaker(sink, breaker, {
      now: clock.now,
      wallTime: clock.wallTime,
      random,
      onTransition: event => this.#onTransition(event)
    })
    this.#healthCheck = healthCheck && new HealthCheck(sink, healthCheck, clock, {
      onPassed: () => events.onDue(),
      onFailed: failure => {
        // While it is open nothing new is learned from that: the next probe just waits for a check that passes.
        if (!this.#breaker.isOpen) events.onUnhealthy(failure)
      }
    })
  }

  get state (): CircuitState {
    return this.#breaker.state
  }

  /** Whether it keeps lines from the sink, or lets them through one probe at a time. */
  get isTripped (): boolean {
    const { enabled, mode } = this.#breaker.settings
    return enabled && mode === 'enforce' && this.#breaker.state !== 'closed'
  }

  /** Whether it lets nothing through at all. */
  get isShut (): boolean {
    return this.isTripped && this.#breaker.isOpen
  }

  get settleMs (): number {
    return this.#breaker.settings.settleMs
  }

  get failureThreshold (): number {
    return this.#breaker.settings.failureThreshold
  }

  get generation (): number {
    return this.#breaker.generation
  }

  get consecutiveFailures (): number {
    return this.#breaker.consecutiveFailures
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

  /** Whether the backend has said that it takes nothing for a time that is not over. */
  get isPaused (): boolean {
    return this.#pauseTimer !== undefined
  }

  /**
   * The backend takes nothing for so long, in ms, it says: no leave is given before, and `onDue` comes then. Not longer
   * than `maxRecoveryTimeoutMs`, since it is the backend of a log and not its master.
   */
  pause (ms: number): void {
    const until = this.#clock.now() + Math.min(ms, this.#breaker.settings.maxRecoveryTimeoutMs)
    if (until <= this.#pausedUntil) return
    this.resume()
    this.#pausedUntil = until
    this.#pauseTimer = setTimeout(() => {
      this.resume()
      this.#events.onDue()
    }, Math.ceil(until - this.#clock.now()))
  }

  /** Whatever the backend has said, leave may be given again. */
  resume (): void {
    clearTimeout(this.#pauseTimer)
    this.#pauseTimer = undefined
    this.#pausedUntil = 0
  }

  /** Leave to hand lines over now; `null` where the breaker has no say, `undefined` if it cannot be. */
  take (): Permit | null | undefined {
    if (this.isPaused) return undefined
    if (!this.isTripped) return this.#takeReserved() ?? this.#breaker.tryAcquire()
    this.reserve()
    return this.#takeReserved()
  }

  /** Takes leave to probe, and keeps it until the sink is there; whether there is leave. */
  reserve (): boolean {
    this.#reserved ??= this.#probe()
    return this.#reserved !== undefined
  }

  /** As {@link reserve}, but does not wait for the time of the next probe, for a health check, or for a backend that asked to. */
  reserveEarly (): void {
    this.resume()
    this.#reserved ??= this.#breaker.tryProbeEarly() ?? undefined
  }

  /** Keeps leave that was taken for the next lines, since the answer to these ones told nothing. */
  keep (permit: Permit | null): void {
    if (permit === null) return
    if (this.#reserved === undefined && permit.generation === this.#breaker.generation) this.#reserved = permit
    else permit.ignore()
  }

  /** There is nothing to probe with. */
  giveBack (): void {
    this.#takeReserved()?.ignore()
  }

  /** An attempt failed, or the sink did while leave was reserved for it. */
  fail (permit: Permit | null | undefined, { err, reason }: SinkFailure): void {
    const failed = this.#takeReserved() ?? permit
    if (failed != null && failed.generation === this.#breaker.generation) failed.failure(err, reason)
    else this.#breaker.recordFailure(err, reason)
  }

  /** Sees to it that `onDue` comes when there is leave to probe. Only a lane that holds lines asks for that. */
  awaitRecovery (): void {
    // A check that is under way, or the next one, tells by itself.
    const isUpToHealth = this.#breaker.retryInMs === 0 && this.#healthCheck?.hasPassed === false
    if (this.#breaker.state !== 'open' || isUpToHealth || this.isPaused) return
    this.#recoveryTimer ??= setTimeout(() => {
      this.#recoveryTimer = undefined
      this.#events.onDue()
    }, this.#breaker.retryInMs)
  }

  /** A health check comes before a probe: while it fails, no line is risked. */
  #probe (): Permit | undefined {
    if (this.isPaused) return undefined
    const isDue = this.#breaker.state === 'open' && this.#breaker.retryInMs === 0
    if (isDue && this.#healthCheck?.hasPassed === false) {
      this.#healthCheck.check()
      return undefined
    }
    return this.#breaker.tryAcquire() ?? undefined
  }

  #takeReserved (): Permit | undefined {
    const permit = this.#reserved
    this.#reserved = undefined
    return permit
  }

  #onTransition (event: TransitionEvent): void {
    clearTimeout(this.#recoveryTimer)
    this.#recoveryTimer = undefined
    if (event.to === 'open') this.#healthCheck?.forget()
    this.#events.onTransition(event)
  }
}
