import t from 'tap'
import { Series, valueAt, WINDOW_MS, type Sample } from '#lib/monitor/page/script/series'

const sample = (time: number, delivered = 0, { lost = 0, backlog = 0 } = {}): Sample => ({ time, delivered, lost, backlog })

t.test('rates are lines a second between one sample and the next', async t => {
  const series = Series.of([0, 2000, 4000], { delivered: [0, 100, 100], lost: [0, 0, 0], backlog: [0, 5, 7] }, 2000)
  t.same(series.rates, [{ time: 2000, value: 50 }, { time: 4000, value: 0 }])
  t.same(series.backlog, [{ time: 0, value: 0 }, { time: 2000, value: 5 }, { time: 4000, value: 7 }])
})

t.test('snapshots of each second are thinned out to the step of the history, and the last one is always there', async t => {
  const series = new Series(2000)
  for (let second = 0; second <= 7; second++) series.add(sample(second * 1000, second * 10))
  t.same(series.rates.map(({ time }) => time), [2000, 4000, 6000, 7000])
  t.same(series.rates.map(({ value }) => value), [10, 10, 10, 10])
})

t.test('the rate of now is taken over some seconds', async t => {
  const series = new Series(2000)
  for (const [second, delivered] of [[0, 0], [2, 0], [4, 0], [6, 400], [8, 400]] as const) series.add(sample(second * 1000, delivered))
  t.equal(series.rate, 100)
  t.equal(new Series(2000).rate, 0)
})

t.test('a counter that begins anew gives no negative rate', async t => {
  const series = new Series(2000)
  series.add(sample(0, 5000))
  series.add(sample(2000, 10))
  t.equal(series.rate, 0)
  t.same(series.rates, [{ time: 2000, value: 0 }])
})

t.test('samples that come late or twice, and what is no number, are ignored', async t => {
  const series = Series.of([1000, 3000, 5000], { delivered: [1, null as unknown as number, 3], lost: [0, 0, 0], backlog: [0, 0, 0] }, 2000)
  series.add(sample(5000, 99))
  series.add(sample(4000, 99))
  t.same(series.backlog.map(({ time }) => time), [1000, 5000])
})

t.test('what is older than ten minutes is forgotten', async t => {
  const series = new Series(2000)
  for (let time = 0; time <= 2 * WINDOW_MS; time += 2000) series.add(sample(time))
  t.equal(series.backlog.length, WINDOW_MS / 2000 + 3)
})

t.test('losses within a time are told from older ones', async t => {
  const series = new Series(2000)
  for (const [time, lost] of [[0, 0], [2000, 8], [60_000, 8], [62_000, 8]] as const) series.add(sample(time, 0, { lost }))
  t.equal(series.hasLost(61_000), false)
  t.equal(series.hasLost(62_000), true)
  t.equal(new Series(2000).hasLost(60_000), false)
})

t.test('the value at a time is that of the nearest sample, if one is near', async t => {
  const points = [{ time: 0, value: 1 }, { time: 2000, value: 2 }]
  t.same([valueAt(points, 900, 5000), valueAt(points, 1100, 5000), valueAt(points, 7001, 5000), valueAt([], 0, 5000)], [1, 2, undefined, undefined])
})
