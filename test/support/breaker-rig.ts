import { SinkCircuitBreaker, type BreakerDeps, type BreakerOptions, type Permit, type TransitionEvent } from '#lib/breaker'

/** A breaker whose time stands still until it is moved, and all that it has told. */
export interface BreakerRig {
  readonly breaker: SinkCircuitBreaker
  readonly events: TransitionEvent[]
  /** The events as `from>to reason`. */
  readonly story: () => string[]
  readonly now: () => number
  readonly advance: (ms: number) => void
  /** A permit that has to be there. */
  readonly acquire: () => Permit
  readonly fail: (times?: number) => void
  readonly succeed: (times?: number) => void
  /** Fails until it is open. */
  readonly trip: () => void
  /** Lets it become due, and takes the probe that makes it half-open. */
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

/** All that can be read of a breaker's course, in one value. */
export type BreakerSnapshot = Pick<SinkCircuitBreaker, 'state' | 'isOpen' | 'generation' | 'consecutiveFailures' | 'retryInMs' | 'openForMs' | 'stale'>

export function snapshot (breaker: SinkCircuitBreaker): BreakerSnapshot {
  const { state, isOpen, generation, consecutiveFailures, retryInMs, openForMs, stale } = breaker
  return { state, isOpen, generation, consecutiveFailures, retryInMs, openForMs, stale }
}
