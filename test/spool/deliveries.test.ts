import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { Deliveries } from '#lib/spool/deliveries'

t.test('deliveries that come in order are one prefix', async t => {
  const deliveries = new Deliveries()
  deliveries.add(0, 10)
  deliveries.add(10, 25)
  t.equal(deliveries.prefix, 25)
  t.equal(deliveries.skip(0), 25)
  t.equal(deliveries.nextFrom(25), Infinity)
})

t.test('a delivery after a gap counts once the gap is closed', async t => {
  const deliveries = new Deliveries(5)
  deliveries.add(10, 20)
  t.equal(deliveries.prefix, 5)
  t.equal(deliveries.nextFrom(5), 10)
  t.equal(deliveries.skip(10), 20)
  deliveries.add(5, 10)
  t.equal(deliveries.prefix, 20)
})

t.test('deliveries agree with a plain set of bytes, whatever their order', async () => {
  const range = fc.record({ from: fc.nat(40), length: fc.integer({ min: 1, max: 8 }) })
  fc.assert(fc.property(fc.nat(10), fc.array(range, { maxLength: 20 }), (prefix, ranges) => {
    const deliveries = new Deliveries(prefix)
    const model = new Set(Array.from({ length: prefix }, (_, i) => i))
    const next = (from: number, holds: (at: number) => boolean): number => {
      let at = from
      while (at < 60 && !holds(at)) at++
      return at
    }
    for (const { from, length } of ranges) {
      deliveries.add(from, from + length)
      for (let i = 0; i < length; i++) model.add(from + i)
      assert.equal(deliveries.prefix, next(0, at => !model.has(at)))
      const gaps = new Set(deliveries.gapsIn(50).flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i)))
      for (let at = 0; at < 50; at++) {
        assert.equal(gaps.has(at), !model.has(at))
        assert.equal(deliveries.skip(at), next(at, at => !model.has(at)))
        if (at >= deliveries.prefix && !model.has(at)) assert.equal(Math.min(60, deliveries.nextFrom(at)), next(at, at => model.has(at)))
      }
    }
  }))
})
