import type { Clock } from './clock.js'

/** Waits for conditions, each with a deadline. */
export class Conditions {
  readonly #clock: Clock
  readonly #observers = new Set<() => void>()

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** True while somebody waits for a condition. */
  get areAwaited (): boolean {
    return this.#observers.size > 0
  }

  /** Resolves when the condition holds, or at the deadline on the monotonic clock; returns whether it holds. */
  async until (condition: () => boolean, deadline: number): Promise<boolean> {
    if (condition()) return true
    return await new Promise(resolve => {
      const finish = (): void => {
        clearTimeout(timer)
        this.#observers.delete(observe)
        resolve(condition())
      }
      const observe = (): void => { if (condition()) finish() }
      const timer = setTimeout(finish, Math.max(0, deadline - this.#clock.now()))
      this.#observers.add(observe)
    })
  }

  /** Checks every condition again. */
  changed (): void {
    for (const observe of [...this.#observers]) observe()
  }
}
