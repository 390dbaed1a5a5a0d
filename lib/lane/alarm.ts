import type { Clock } from '../clock.js'

/** One timer for the earliest of many times: it is set anew only for one that is earlier than the one it waits for. */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #timer: NodeJS.Timeout | undefined
  #due = 0

  constructor (clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Rings at this time on the monotonic clock, or before; never for `Infinity`. */
  setFor (due: number): void {
    if (due === Infinity || (this.#timer !== undefined && this.#due <= due)) return
    clearTimeout(this.#timer)
    this.#due = due
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#ring()
    }, Math.max(1, Math.ceil(due - this.#clock.now())))
  }

  stop (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
