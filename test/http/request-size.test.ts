import fc from 'fast-check'
import t from 'tap'
import { RequestSize } from '#lib/http/request-size'

const KIB = 1024

function takeOften (size: RequestSize, bytes: number, times: number): void {
  for (let i = 0; i < times; i++) size.take(Math.min(bytes, size.limit))
}

t.test('the size of requests is unlimited until one is too large, then limited to half of that one', async t => {
  const size = new RequestSize()
  t.equal(size.limit, Infinity)
  size.refuse(100 * KIB)
  t.equal(size.limit, 50 * KIB)
  size.refuse(512 * KIB)
  t.equal(size.limit, 50 * KIB, 'a larger request that is refused teaches nothing new')
  for (let i = 0; i < 40; i++) size.refuse(size.limit)
  t.equal(size.limit, 1)
})

t.test('the limit is doubled once enough requests were taken, until there is none', async t => {
  const size = new RequestSize()
  size.refuse(128 * KIB)
  takeOften(size, 64 * KIB, 15)
  t.equal(size.limit, 64 * KIB)
  takeOften(size, 10 * KIB, 100)
  t.equal(size.limit, 64 * KIB, 'small requests teach nothing about large ones')
  takeOften(size, 64 * KIB, 1)
  t.equal(size.limit, 128 * KIB)
  takeOften(size, 512 * KIB, 16 * 4)
  t.equal(size.limit, Infinity)
})

t.test('a limit that the backend still has is tested less and less often', async t => {
  const size = new RequestSize()
  const refusedAt: number[] = []
  for (let request = 0; request < 20000; request++) {
    const bytes = Math.min(512 * KIB, size.limit)
    if (bytes <= 100 * KIB) {
      size.take(bytes)
    } else {
      refusedAt.push(request)
      size.refuse(bytes)
    }
  }
  t.ok(refusedAt.length < 16, String(refusedAt))
})

t.test('a break is not blamed on a size that was taken before, unless it happens again and again', async t => {
  const size = new RequestSize()
  t.equal(size.breakOff(10), true)
  size.take(100)
  t.equal(size.breakOff(101), true)
  t.equal(size.breakOff(100), false)
  size.take(1)
  t.same([1, 2, 3].map(() => size.breakOff(100)), [false, false, true])
  t.equal(size.breakOff(50), true)
})

t.test('after any history something can still be sent, and after many successes the limit is gone', async () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom('take', 'refuse', 'breakOff'), fc.integer({ min: 1, max: 1e6 })), { maxLength: 50 }), events => {
    const size = new RequestSize()
    for (const [event, bytes] of events) {
      size[event as 'take' | 'refuse' | 'breakOff'](Math.min(bytes, size.limit))
      if (size.limit < 1) return false
    }
    for (let i = 0; i < 21 * 16 * 1024 && size.limit < Infinity; i++) size.take(Math.min(1e6, size.limit))
    return size.limit === Infinity
  }))
})
