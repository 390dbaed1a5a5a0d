import t from 'tap'
import { DURATION_LIMITS_MS, DurationCounter } from '#lib/durations'

t.test('each duration counts in the first bucket whose limit it does not exceed', async t => {
  const counter = new DurationCounter()
  for (const ms of [0, 1, 1.5, 10000, 10001]) counter.add(ms)
  const { count, sumMs, buckets } = counter.durations
  t.equal(count, 5)
  t.equal(sumMs, 20003.5)
  t.equal(buckets.length, DURATION_LIMITS_MS.length + 1)
  t.same(buckets.map(bucket => bucket.count), [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
  t.same(buckets[0], { count: 2, sumMs: 1 })
})

t.test('durations that were read do not change later', async t => {
  const counter = new DurationCounter()
  const { buckets } = counter.durations
  counter.add(1)
  t.same(buckets[0], { count: 0, sumMs: 0 })
})
