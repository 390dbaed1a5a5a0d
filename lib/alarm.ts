import type { Clock } from './clock.js'

/** One alarm for the earliest of many times, in waited time. It is set again only for a time earlier than the one it waits for. */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #cancel: (() => void) | undefined
  #due = 0

  constructor (clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Rings once at this waited time, or earlier; `Infinity` stops it. */
  setFor (due: number): void {
    if (due === Infinity) return this.stop()
    if (this.#cancel !== undefined && this.#due <= due) return
    this.#cancel?.()
    this.#due = due
    this.#cancel = this.#clock.whenWaited(due, () => {
      this.#cancel = undefined
      this.#ring()
    })
  }

  stop (): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}
