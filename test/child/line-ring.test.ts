import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { LineRing, type RingPlace } from '#lib/child/line-ring'

const ringOf = (bytes: number): LineRing => new LineRing(new SharedArrayBuffer(bytes))
const read = (ring: LineRing, { at, length }: RingPlace): string => Buffer.from(ring.memory, at, length).toString()
const put = (ring: LineRing, text: string): RingPlace | undefined => ring.put(Buffer.from(text))

t.test('lines stand where they are said to stand, in memory that another thread can have too', async t => {
  const ring = ringOf(10)
  const first = put(ring, 'ab\n') as RingPlace
  const second = put(ring, 'cde\n') as RingPlace
  t.same([first, second], [{ at: 0, length: 3 }, { at: 3, length: 4 }])
  t.same([read(ring, first), read(ring, second)], ['ab\n', 'cde\n'])
  t.ok(ring.memory instanceof SharedArrayBuffer)
})

t.test('what would reach over the end stands at the beginning, once that is free', async t => {
  const ring = ringOf(10)
  put(ring, 'abcd\n')
  put(ring, 'ef\n')
  t.equal(put(ring, 'ghi\n'), undefined)
  ring.free(5)
  t.same(put(ring, 'ghi\n'), { at: 0, length: 4 })
  t.equal(put(ring, '\n'), undefined, 'a full ring does not look like an empty one')
})

t.test('what found no room counts as having come in', async t => {
  const ring = ringOf(4)
  put(ring, 'abc\n')
  t.equal(put(ring, 'defgh\n'), undefined)
  t.equal(put(ring, 'i\n'), undefined)
  ring.free(12)
  t.same(put(ring, 'jkl\n'), { at: 0, length: 4 }, 'all that came in before is of no use any more')
})

t.test('a part of some lines frees nothing of them', async t => {
  const ring = ringOf(4)
  put(ring, 'abc\n')
  ring.free(3)
  t.equal(put(ring, '\n'), undefined)
})

t.test('what is of use still is never written over, and an empty ring takes what fits into it', async () => {
  const steps = fc.array(fc.oneof(fc.record({ put: fc.integer({ min: 1, max: 14 }) }), fc.record({ free: fc.nat(4) })), { maxLength: 80 })
  fc.assert(fc.property(steps, steps => {
    const ring = ringOf(12)
    const inUse: Array<{ place: RingPlace | undefined, text: string, mark: number }> = []
    let mark = 0
    for (const [n, step] of steps.entries()) {
      if ('free' in step) {
        const freed = inUse.splice(0, step.free).at(-1)
        if (freed !== undefined) ring.free(freed.mark)
      } else {
        const text = String.fromCharCode(33 + n).repeat(step.put)
        mark += step.put
        const place = put(ring, text)
        if (inUse.every(({ place }) => place === undefined)) assert.equal(place !== undefined, step.put <= 12)
        inUse.push({ place, text, mark })
      }
      for (const { place, text } of inUse) if (place !== undefined) assert.equal(read(ring, place), text)
    }
  }))
})
