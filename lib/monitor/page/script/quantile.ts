import { DURATION_LIMITS_MS, type Durations } from '../../../durations.js'

/** The bound below which a share of the durations lies, in ms; `undefined` if there are none, `Infinity` beyond the last bound. */
export function quantileLimit ({ count, buckets }: Durations, share: number): number | undefined {
  if (count === 0) return undefined
  let sum = 0
  for (const [i, bucket] of buckets.entries()) {
    sum += bucket.count
    if (sum >= count * share) return DURATION_LIMITS_MS[i] ?? Infinity
  }
  return Infinity
}
