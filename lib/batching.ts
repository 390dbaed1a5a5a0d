import type { Clock } from './clock.js'
import type { Amount } from './queue.js'

/** The complete option `batch`. */
export interface BatchSettings {
  /** How long lines are gathered, from the first of them; 0: not at all. */
  readonly maxMs: number
  /** This many bytes are sent at once, and no more together. */
  readonly maxBytes: number
}

/**
 * Gathers lines for a delivery sink, so that an app that logs now and then does not make a request for each line. How long lines
 * are gathered is planned by a person, and so is real time.
 */
export class Batching {
  readonly #settings: BatchSettings
  readonly #clock: Clock
  readonly #onDue: () => void
  #since: number | undefined
  #timer: NodeJS.Timeout | undefined

  constructor (settings: BatchSettings, clock: Clock, onDue: () => void) {
    this.#settings = settings
    this.#clock = clock
    this.#onDue = onDue
  }

  get isOn (): boolean {
    return this.#settings.maxMs > 0
  }

  /** Lines wait from now on. */
  begin (): void {
    this.#since ??= this.#clock.now()
  }

  /** True if the lines that wait are to be sent now. Otherwise `onDue` is called when they are. */
  isDue ({ bytes }: Pick<Amount, 'bytes'>): boolean {
    if (!this.isOn || bytes >= this.#settings.maxBytes) return true
    this.begin()
    const left = this.#since as number + this.#settings.maxMs - this.#clock.now()
    if (left <= 0) return true
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#onDue()
    }, Math.ceil(left))
    return false
  }

  /** Lines wait that are due now: somebody waits for them, or they have been sent before. */
  hurry (): void {
    this.#since = -Infinity
  }

  /**
   * Lines are being sent. Those that are left have waited for as long as the first of them, as far as is known.
   *
   * @param isLast - No more lines wait
   */
  take (isLast: boolean): void {
    this.stop()
    if (isLast) this.#since = undefined
  }

  stop (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
