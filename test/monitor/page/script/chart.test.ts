import fc from 'fast-check'
import t from 'tap'
import { areaPath, linePath, scaleFor, xOf } from '#lib/monitor/page/script/chart'

const frame = { from: 0, to: 100_000, max: 10, width: 100, height: 20 }

t.test('a line goes from point to point, with zero at the bottom and the largest value at the top', async t => {
  t.equal(linePath([{ time: 0, value: 0 }, { time: 10_000, value: 5 }, { time: 20_000, value: 10 }], frame), 'M0 20L10 10L20 0')
})

t.test('an area is closed along the bottom', async t => {
  t.equal(areaPath([{ time: 0, value: 5 }, { time: 10_000, value: 10 }], frame), 'M0 20L0 10L10 0L10 20Z')
})

t.test('a line is broken where samples are missing', async t => {
  t.equal(linePath([{ time: 0, value: 0 }, { time: 30_000, value: 0 }, { time: 32_000, value: 0 }], frame), 'M0 20M30 20L32 20')
})

t.test('points outside of the time shown are left out, and values are kept within the chart', async t => {
  t.equal(linePath([{ time: -1, value: 5 }, { time: 50_000, value: 99 }, { time: 52_000, value: -3 }, { time: 100_001, value: 5 }], frame), 'M50 0L52 20')
})

t.test('no points make no path', async t => {
  t.equal(linePath([], frame), '')
  t.equal(areaPath([], frame), '')
})

t.test('times before and after the chart are at its edges', async t => {
  t.same([-5, 0, 25_000, 100_000, 999_999].map(time => xOf(time, frame)), [0, 0, 25, 100, 100])
})

t.test('a scale is the next 1, 2 or 5 of its size, and never smaller than the least', async t => {
  const scale = (...values: number[]): number => scaleFor(values.map(value => ({ time: 0, value })))
  t.same([scale(), scale(0), scale(0.4), scale(1), scale(1.1), scale(3), scale(7), scale(1420), scale(68_025)], [1, 1, 1, 1, 2, 5, 10, 2000, 100_000])
})

t.test('no value is above its scale, and none needs less than a fifth of it', async () => {
  fc.assert(fc.property(fc.double({ min: 1, max: 1e12, noNaN: true }), value => {
    const scale = scaleFor([{ time: 0, value }])
    return value <= scale && value > scale / 5.01
  }))
})
