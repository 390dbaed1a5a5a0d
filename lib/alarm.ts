import type { Clock } from './clock.js'

/** One timer for the earliest of many times, in waited time. A later time than the one it is set for does not move it. */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #cancel: (() => void) | undefined
  #due = 0

  constructor (clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /**
   * Rings once at this waited time, or earlier if it was set so; `Infinity` stops it.
   *
   * @param isLazy - See {@link Clock.whenWaited}
   */
  setFor (due: number, isLazy = false): void {
    if (due === Infinity) return this.stop()
    if (this.#cancel !== undefined && this.#due <= due) return
    this.#cancel?.()
    this.#due = due
    this.#cancel = this.#clock.whenWaited(due, () => {
      this.#cancel = undefined
      this.#ring()
    }, isLazy)
  }

  stop (): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}
