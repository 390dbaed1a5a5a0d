/** All times that the transport uses. It is passed to whatever needs a time, so that tests can move it. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start, for intervals that a person plans with. */
  now (): number
  /** Wall time in milliseconds since the epoch, for records only. */
  wallTime (): number
  /**
   * Milliseconds, since an arbitrary start, in which this thread could have noticed an answer. Every verdict about a sink uses
   * this time: a thread that was stopped, starved or busy has not waited for anybody. It advances only during a {@link whenWaited}.
   */
  waited (): number
  /**
   * Calls back once {@link waited} has reached this time and everything that had arrived by then has been handled.
   *
   * @param isLazy - True if a tenth of a second more makes no difference: then the thread is woken up less often
   * @returns A function that cancels the call.
   */
  whenWaited (due: number, callback: () => void, isLazy?: boolean): () => void
}

/** The default of {@link Pulse.beatMs}. */
const BEAT_MS = 20
/** While nothing is due within this time, the clock is looked at less often: a look wakes the thread. */
const SOON_MS = 1000
const SLOW_BEAT_MS = 100

/** Settings of a {@link WaitedTime}. */
export interface Pulse {
  /**
   * The interval between two looks at the clock, in ms; at least 100 while nothing that is not lazy is due within a second. A
   * longer gap counts as this long.
   * @default 20
   */
  beatMs?: number
  /**
   * True if a wait keeps the thread alive.
   * @default true
   */
  isRef?: boolean
}

interface Wait {
  readonly due: number
  readonly isLazy: boolean
  readonly callback: () => void
}

/**
 * Time that advances only while the event loop of this thread turns. While somebody waits, a timer looks at the clock at each
 * beat. A gap between two looks counts as one beat at most. While nothing is due soon, the beats are slower.
 */
export class WaitedTime {
  readonly #monotonic: () => number
  readonly #afterPoll: (callback: () => void) => void
  readonly #beatMs: number
  readonly #isRef: boolean
  readonly #waits = new Set<Wait>()
  #elapsed = 0
  /** The elapsed time at the last moment when the loop had handled everything that had arrived. */
  #polled = 0
  #lookedAt = -Infinity
  /** The beat at this moment. */
  #beat = 0
  #timer: NodeJS.Timeout | undefined

  /**
   * @param monotonic - Returns monotonic time in milliseconds
   * @param afterPoll - Calls back once the event loop has handled all I/O that has finished by now
   */
  constructor (monotonic: () => number, afterPoll: (callback: () => void) => void = setImmediate, { beatMs = BEAT_MS, isRef = true }: Pulse = {}) {
    this.#monotonic = monotonic
    this.#afterPoll = afterPoll
    this.#beatMs = beatMs
    this.#isRef = isRef
  }

  /** Milliseconds since an arbitrary start. Stands still while nobody waits. */
  now (): number {
    return this.#elapsed + (this.#timer === undefined ? 0 : this.#sinceLook)
  }

  /** See {@link Clock.whenWaited}. */
  whenReached (due: number, callback: () => void, isLazy = false): () => void {
    const wait = { due, isLazy, callback }
    this.#waits.add(wait)
    if (this.#timer === undefined) {
      this.#lookedAt = this.#monotonic()
      this.#schedule()
    } else if (!isLazy && this.#beat > this.#beatMs && due - this.now() <= SOON_MS) {
      clearTimeout(this.#timer)
      this.#elapsed += this.#sinceLook
      this.#lookedAt = this.#monotonic()
      this.#schedule()
    }
    return () => { this.#waits.delete(wait) }
  }

  get #sinceLook (): number {
    return Math.min(this.#beat, Math.max(0, this.#monotonic() - this.#lookedAt))
  }

  #schedule (): void {
    let [nearest, nearestExact] = [Infinity, Infinity]
    for (const { due, isLazy } of this.#waits) {
      nearest = Math.min(nearest, due - this.#elapsed)
      if (!isLazy) nearestExact = Math.min(nearestExact, due - this.#elapsed)
    }
    this.#beat = nearestExact > SOON_MS ? Math.max(this.#beatMs, SLOW_BEAT_MS) : this.#beatMs
    this.#timer = setTimeout(() => this.#look(), Math.max(1, Math.ceil(Math.min(this.#beat, nearest))))
    if (!this.#isRef) this.#timer.unref()
  }

  #look (): void {
    // Timers run before I/O that has finished meanwhile, and a timer that is set in another one may run in the same turn.
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

/** A clock of this thread with a pulse of its own, for waits of many seconds that need no 50 looks in each. */
export function createClock (pulse?: Pulse): Clock {
  const waitedTime = new WaitedTime(monotonic, setImmediate, pulse)
  return {
    now: monotonic,
    wallTime: () => Date.now(),
    waited: () => waitedTime.now(),
    whenWaited: (due, callback, isLazy) => waitedTime.whenReached(due, callback, isLazy)
  }
}

const { hrtime } = process

/** Node.js loads `performance` with its first use, which takes a thread 1 ms at its start. */
function monotonic (): number {
  const [seconds, nanoseconds] = hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}

/** The clock of this thread. */
export const systemClock = createClock()
