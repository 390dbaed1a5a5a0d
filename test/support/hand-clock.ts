import type { Clock } from '#lib/clock'

interface Timer {
  readonly callback: () => void
  readonly intervalMs: number | undefined
  dueAt: number
}

const real = { setTimeout, clearTimeout, setInterval, clearInterval }

/**
 * A clock that stands still until it is moved by hand, and the timers of this process with it. Own code, since the mock
 * timers of node:test (v20) go on firing an interval that was cleared in its own callback, and lose another timer for it.
 */
export class HandClock implements Clock {
  #now = 1000
  readonly #timers = new Set<Timer>()

  now = (): number => this.#now
  wallTime = (): number => Date.UTC(2026, 0, 1) + this.#now

  /** Takes over the timers of this process. Whoever does so gives them back by `release`. */
  take (): this {
    this.#timers.clear()
    const set = (callback: (...args: unknown[]) => void, ms: number, isInterval: boolean, args: unknown[]): NodeJS.Timeout => {
      const delayMs = ms >= 1 ? Math.trunc(ms) : 1
      const timer: Timer = { callback: () => callback(...args), intervalMs: isInterval ? delayMs : undefined, dueAt: this.#now + delayMs }
      this.#timers.add(timer)
      return Object.assign(timer, { ref: () => timer, unref: () => timer, hasRef: () => true }) as unknown as NodeJS.Timeout
    }
    const clear = (timer: unknown): void => {
      // Timers that were set before this clock took over belong to the process.
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

  /** How many timers are set. */
  get timers (): number {
    return this.#timers.size
  }

  /** Moves time; each timer finds the clock at the very moment that it was set to. */
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

  #nextBefore (end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.dueAt <= end && (next === undefined || timer.dueAt < next.dueAt)) next = timer
    }
    return next
  }
}

/** Lets everything run that waits for a promise and for nothing else. */
export async function settled (): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}
