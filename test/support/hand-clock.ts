import type { Clock } from '#lib/clock'

interface Timer {
  readonly callback: () => void
  readonly intervalMs: number | undefined
  readonly isOfWaitedTime?: boolean
  dueAt: number
}

const real = { setTimeout, clearTimeout, setInterval, clearInterval }

/**
 * A clock that is moved by hand, together with the timers of this process. The mock timers of node:test (v20) cannot be
 * used: after an interval was cleared in its own callback, they keep firing it and lose another timer.
 */
export class HandClock implements Clock {
  #now = 1000
  readonly #timers = new Set<Timer>()

  /** The total time for which this thread was stopped. */
  #stoppedMs = 0

  now = (): number => this.#now
  wallTime = (): number => Date.UTC(2026, 0, 1) + this.#now
  waited = (): number => this.#now - this.#stoppedMs

  whenWaited: Clock['whenWaited'] = (due, callback) => {
    const timer: Timer = { callback, intervalMs: undefined, isOfWaitedTime: true, dueAt: Math.max(this.#now + 1, Math.ceil(due + this.#stoppedMs)) }
    this.#timers.add(timer)
    return () => { this.#timers.delete(timer) }
  }

  /** Takes over the timers of this process, until {@link release}. */
  take (): this {
    this.#timers.clear()
    const set = (callback: (...args: unknown[]) => void, ms: number, isInterval: boolean, args: unknown[]): NodeJS.Timeout => {
      const delayMs = ms >= 1 ? Math.trunc(ms) : 1
      const timer: Timer = { callback: () => callback(...args), intervalMs: isInterval ? delayMs : undefined, dueAt: this.#now + delayMs }
      this.#timers.add(timer)
      return Object.assign(timer, { ref: () => timer, unref: () => timer, hasRef: () => true }) as unknown as NodeJS.Timeout
    }
    const clear = (timer: unknown): void => {
      // Timers that were set before belong to the process.
      if (!this.#timers.delete(timer as Timer)) real.clearTimeout(timer as NodeJS.Timeout)
    }
    Object.assign(globalThis, {
      setTimeout: (callback: () => void, ms: number, ...args: unknown[]) => set(callback, ms, false, args),
      setInterval: (callback: () => void, ms: number, ...args: unknown[]) => set(callback, ms, true, args),
      clearTimeout: clear,
      clearInterval: clear
    })
    return this
  }

  release (): void {
    Object.assign(globalThis, real)
  }

  /** The number of timers that are set. */
  get timers (): number {
    return this.#timers.size
  }

  /** Advances time. Each timer runs with the clock at exactly its due time. */
  advance (ms: number): void {
    const end = this.#now + ms
    for (let next = this.#nextBefore(end); next !== undefined; next = this.#nextBefore(end)) {
      this.#now = next.dueAt
      if (next.intervalMs === undefined) this.#timers.delete(next)
      else next.dueAt += next.intervalMs
      next.callback()
    }
    this.#now = end
  }

  /** Advances time while this thread stands still, as in a stopped process: timers that became due run at the end. */
  stop (ms: number): void {
    this.#now += ms
    this.#stoppedMs += ms
    for (const timer of this.#timers) {
      if (timer.isOfWaitedTime === true) timer.dueAt += ms
      else timer.dueAt = Math.max(timer.dueAt, this.#now)
    }
    this.advance(0)
  }

  #nextBefore (end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.dueAt <= end && (next === undefined || timer.dueAt < next.dueAt)) next = timer
    }
    return next
  }
}

/** Runs everything that waits only for promises. */
export async function settled (): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}
