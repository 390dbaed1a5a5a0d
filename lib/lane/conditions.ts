import type { Clock } from '../clock.js'

/** Lets somebody wait until something holds of a lane, with a limit. */
export class Conditions {
  readonly #clock: Clock
  readonly #observers = new Set<() => void>()

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** Settles when the condition holds, or at the deadline on the monotonic clock; tells whether the condition holds. */
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

  /** Something has changed: every condition is looked at again. */
  changed (): void {
    for (const observe of [...this.#observers]) observe()
  }
}
