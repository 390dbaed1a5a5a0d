/** The times that a program knows, handed in wherever one is needed, so that tests can move them. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start: for intervals that a person plans with. */
  now (): number
  /** Wall time as milliseconds since the epoch: for records only. */
  wallTime (): number
  /**
   * Milliseconds in which this thread could have noticed an answer, since an arbitrary start: for every verdict about a
   * sink. A thread that was stopped, starved or busy has not waited for anybody. Only {@link whenWaited} makes it advance.
   */
  waited (): number
  /**
   * Calls back once {@link waited} has reached this time and everything that had arrived by then has been handled.
   *
   * @returns Cancels the call.
   */
  whenWaited (due: number, callback: () => void): () => void
}

/** A longer gap between two turns of the event loop counts as this long. */
const BEAT_MS = 20

interface Wait {
  readonly due: number
  readonly callback: () => void
}

/**
 * Time that advances only while the event loop of this thread turns. A timer looks at the clock every few milliseconds, as
 * long as somebody waits; each gap between two looks counts as at most {@link BEAT_MS}.
 */
export class WaitedTime {
  readonly #monotonic: () => number
  readonly #afterPoll: (callback: () => void) => void
  readonly #waits = new Set<Wait>()
  #elapsed = 0
  /** What had elapsed before the loop last handled all that had arrived. */
  #polled = 0
  #lookedAt = -Infinity
  #timer: NodeJS.Timeout | undefined

  /**
   * @param monotonic - Monotonic time in milliseconds.
   * @param afterPoll - Calls back once the event loop has handled all I/O that has finished by now.
   */
  constructor (monotonic: () => number, afterPoll: (callback: () => void) => void = setImmediate) {
    this.#monotonic = monotonic
    this.#afterPoll = afterPoll
  }

  /** Milliseconds since an arbitrary start. Stands still while nobody waits. */
  now (): number {
    return this.#elapsed + (this.#timer === undefined ? 0 : this.#sinceLook)
  }

  /** See {@link Clock.whenWaited}. */
  whenReached (due: number, callback: () => void): () => void {
    const wait = { due, callback }
    this.#waits.add(wait)
    if (this.#timer === undefined) {
      this.#lookedAt = this.#monotonic()
      this.#schedule()
    }
    return () => { this.#waits.delete(wait) }
  }

  get #sinceLook (): number {
    return Math.min(BEAT_MS, Math.max(0, this.#monotonic() - this.#lookedAt))
  }

  #schedule (): void {
    let ms = BEAT_MS
    for (const { due } of this.#waits) ms = Math.min(ms, due - this.#elapsed)
    this.#timer = setTimeout(() => this.#look(), Math.max(1, Math.ceil(ms)))
  }

  #look (): void {
    // Timers run before I/O that has finished meanwhile, and one that is set in another may run in the same turn.
    const ripe = [...this.#waits].filter(({ due }) => due <= this.#polled)
    const elapsed = this.#elapsed += this.#sinceLook
    this.#lookedAt = this.#monotonic()
    this.#afterPoll(() => { this.#polled = elapsed })
    for (const wait of ripe) {
      if (this.#waits.delete(wait)) wait.callback()
    }
    if (this.#waits.size > 0) this.#schedule()
    else this.#timer = undefined
  }
}

const waitedTime = new WaitedTime(() => performance.now())

/** The clock of this thread. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  waited: () => waitedTime.now(),
  whenWaited: (due, callback) => waitedTime.whenReached(due, callback)
}
