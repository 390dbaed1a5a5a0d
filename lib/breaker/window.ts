/** Counts of the attempts in a window. */
export interface AttemptCounts {
  attempts: number
  failures: number
  slow: number
  /** The time in which at least one slow attempt was under way, in whole ms. */
  slowlyBusyMs: number
}

/** A tenth of the window expires at once. */
const BUCKETS = 10

/**
 * Counts the attempts within a sliding window of time. It counts by buckets of a tenth of the window, so that its memory and the cost of
 * an attempt stay the same however many attempts there are. An attempt that is older than the window is never counted; one
 * that is younger than nine tenths of it always is.
 */
export class AttemptWindow {
  readonly #windowMs: number
  readonly #bucketMs: number
  readonly #buckets = Array.from({ length: BUCKETS }, noAttempts)
  readonly #sum = noAttempts()
  /** The number of the newest bucket, counted from time 0. */
  #newest = -Infinity
  #slowUntil = -Infinity

  constructor (windowMs: number) {
    this.#windowMs = windowMs
    this.#bucketMs = windowMs / BUCKETS
  }

  /**
   * Counts an attempt that ends now.
   *
   * @param now - Monotonic time in ms
   * @param slowForMs - How long it took, if it was slow
   * @returns the counts with this attempt
   */
  add (now: number, outcome: 'fast' | 'slow' | 'failure', slowForMs = 0): Readonly<AttemptCounts> {
    const bucket = this.#bucketAt(now)
    this.#increase(bucket, 'attempts', 1)
    if (outcome === 'failure') this.#increase(bucket, 'failures', 1)
    if (outcome === 'slow') {
      this.#increase(bucket, 'slow', 1)
      // Attempts that overlap were slow in the same time.
      this.#increase(bucket, 'slowlyBusyMs', Math.round(Math.max(0, Math.min(slowForMs, now - this.#slowUntil, this.#windowMs))))
      this.#slowUntil = Math.max(this.#slowUntil, now)
    }
    return this.#sum
  }

  /** Forgets all attempts. */
  clear (): void {
    for (const counts of [this.#sum, ...this.#buckets]) Object.assign(counts, noAttempts())
    this.#newest = this.#slowUntil = -Infinity
  }

  #bucketAt (now: number): AttemptCounts {
    const number = Math.floor(now / this.#bucketMs)
    for (let next = Math.max(this.#newest + 1, number - BUCKETS + 1); next <= number; next++) this.#expire(this.#numbered(next))
    this.#newest = Math.max(this.#newest, number)
    return this.#numbered(this.#newest)
  }

  /** A clock may start anywhere, also below 0. */
  #numbered (number: number): AttemptCounts {
    return this.#buckets[((number % BUCKETS) + BUCKETS) % BUCKETS] as AttemptCounts
  }

  #expire (bucket: AttemptCounts): void {
    for (const key of COUNTS) this.#increase(bucket, key, -bucket[key])
  }

  #increase (bucket: AttemptCounts, key: keyof AttemptCounts, by: number): void {
    bucket[key] += by
    this.#sum[key] += by
  }
}

const COUNTS: ReadonlyArray<keyof AttemptCounts> = ['attempts', 'failures', 'slow', 'slowlyBusyMs']

function noAttempts (): AttemptCounts {
  return { attempts: 0, failures: 0, slow: 0, slowlyBusyMs: 0 }
}
