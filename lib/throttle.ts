import type { Clock } from './clock.js'

/** In this last share of an interval it is time already: this thread is awake, and a timer would wake it up again. */
const LEEWAY = 1 / 4

/** Keeps an interval between two handovers. The first one after a pause is at once. */
export class Throttle {
  readonly #clock: Clock
  readonly #onDue: () => void
  #lastAt = -Infinity
  #timer: NodeJS.Timeout | undefined
  /** When the timer is due. */
  #dueAt = Infinity

  /** @param onDue - Called when it is time for a handover that had to wait */
  constructor (clock: Clock, onDue: () => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  /** The time since the last handover, in ms. */
  get elapsedMs (): number {
    return this.#clock.now() - this.#lastAt
  }

  /** True if it is time for a handover. If not, `onDue` is called when it is, by the shortest interval that was asked for. */
  isDue (intervalMs: number): boolean {
    const dueAt = this.#lastAt + intervalMs
    const leftMs = dueAt - this.#clock.now()
    if (leftMs <= intervalMs * LEEWAY) return true
    if (dueAt < this.#dueAt) {
      clearTimeout(this.#timer)
      this.#dueAt = dueAt
      this.#timer = setTimeout(this.#onDue, leftMs)
    }
    return false
  }

  /** Starts the interval: a handover has just been made. */
  restart (): void {
    this.stop()
    this.#lastAt = this.#clock.now()
  }

  /** Cancels the call of `onDue`. */
  stop (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#dueAt = Infinity
  }
}
