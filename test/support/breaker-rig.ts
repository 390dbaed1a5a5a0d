import { SinkCircuitBreaker, type BreakerDeps, type BreakerOptions, type Permit, type TransitionEvent } from '#lib/breaker'

/** A breaker whose clock is moved by hand, with a record of its events. */
export interface BreakerRig {
  readonly breaker: SinkCircuitBreaker
  readonly events: TransitionEvent[]
  /** The events as `from>to reason`. */
  readonly story: () => string[]
  readonly now: () => number
  readonly advance: (ms: number) => void
  /** Acquires a permit; fails if there is none. */
  readonly acquire: () => Permit
  readonly fail: (times?: number) => void
  readonly succeed: (times?: number) => void
  /** Fails calls until the breaker is open. */
  readonly trip: () => void
  /** Waits until a probe is due, and acquires its permit, which makes the breaker half-open. */
  readonly probe: () => Permit
}

export const WALL_START = Date.UTC(2026, 0, 1)

export function breakerRig (options?: BreakerOptions, deps?: BreakerDeps): BreakerRig {
  const start = 1000
  let now = start
  const events: TransitionEvent[] = []
  const breaker = new SinkCircuitBreaker('loki', options, {
    now: () => now,
    wallTime: () => WALL_START + now - start,
    onTransition: (event) => { events.push(event) },
    ...deps
  })
  const acquire = (): Permit => {
    const permit = breaker.tryAcquire()
    if (permit === null) throw new Error(`a permit was refused while ${breaker.state}`)
    return permit
  }
  const fail = (times = 1): void => { for (let i = 0; i < times; i++) acquire().failure(new Error('refused')) }

  return {
    breaker,
    events,
    story: () => events.map(({ from, to, reason }) => `${from}>${to} ${reason}`),
    now: () => now,
    advance: (ms) => { now += ms },
    acquire,
    fail,
    succeed: (times = 1) => { for (let i = 0; i < times; i++) acquire().success() },
    trip: () => fail(breaker.settings.failureThreshold - breaker.consecutiveFailures),
    probe: () => {
      now += breaker.retryInMs
      return acquire()
    }
  }
}

/** The whole observable state of a breaker, in one value. */
export type BreakerSnapshot = Pick<SinkCircuitBreaker, 'state' | 'isOpen' | 'generation' | 'consecutiveFailures' | 'retryInMs' | 'openForMs' | 'stale'>

export function snapshot (breaker: SinkCircuitBreaker): BreakerSnapshot {
  const { state, isOpen, generation, consecutiveFailures, retryInMs, openForMs, stale } = breaker
  return { state, isOpen, generation, consecutiveFailures, retryInMs, openForMs, stale }
}
