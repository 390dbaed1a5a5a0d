import t from 'tap'
import { DurationCounter } from '#lib/durations'
import { quantileLimit } from '#lib/monitor/page/script/quantile'

t.test('a quantile is told by the upper limit of its bucket', async t => {
  const counter = new DurationCounter()
  for (const ms of [0.5, 0.5, 0.5, 30, 30, 30, 30, 30, 30, 60_000]) counter.add(ms)
  t.same([0.3, 0.5, 0.9, 0.95].map(share => quantileLimit(counter.durations, share)), [1, 50, 50, Infinity])
})

t.test('without attempts there is none', async t => {
  t.equal(quantileLimit(new DurationCounter().durations, 0.5), undefined)
})
