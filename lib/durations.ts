/** Upper limits of the buckets of {@link Durations}, in ms. The last bucket has none. */
export const DURATION_LIMITS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000] as const

/** A histogram of durations. */
export interface Durations {
  count: number
  sumMs: number
  /** The durations up to each of {@link DURATION_LIMITS_MS} that are longer than the limit before, and then the longer ones. */
  buckets: Array<{ count: number, sumMs: number }>
}

/** Counts durations by their length. */
export class DurationCounter {
  readonly #counts = new Float64Array(DURATION_LIMITS_MS.length + 1)
  readonly #sums = new Float64Array(DURATION_LIMITS_MS.length + 1)

  add (ms: number): void {
    let bucket = 0
    while (bucket < DURATION_LIMITS_MS.length && ms > (DURATION_LIMITS_MS[bucket] as number)) bucket++
    this.#counts[bucket] = this.#counts[bucket] as number + 1
    this.#sums[bucket] = this.#sums[bucket] as number + ms
  }

  /** The counts at this moment. */
  get durations (): Durations {
    const buckets = Array.from(this.#counts, (count, bucket) => ({ count, sumMs: this.#sums[bucket] as number }))
    return { count: sum(this.#counts), sumMs: sum(this.#sums), buckets }
  }
}

function sum (values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0)
}
