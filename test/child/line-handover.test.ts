import t from 'tap'
import { LineHandover } from '#lib/child/line-handover'
import { LineRing } from '#lib/child/line-ring'
import { HandClock } from '../support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

/** A handover, and what the other thread was told. */
class Rig {
  readonly told: string[] = []
  readonly ring: LineRing
  readonly handover: LineHandover

  constructor (ringBytes = 100000, maxWaitMs = 1000) {
    const ring = this.ring = new LineRing(new SharedArrayBuffer(ringBytes))
    const memory = Buffer.from(ring.memory)
    this.handover = new LineHandover(ring, {
      clock,
      maxWaitMs,
      tell: lines => {
        this.told.push(lines instanceof Uint8Array ? `own ${Buffer.from(lines).toString()}` : memory.subarray(lines.at, lines.at + lines.length).toString())
      }
    })
  }

  put (...lines: string[]): void {
    for (const text of lines) this.handover.put(Buffer.from(text))
  }
}

/** Enough for many lines. */
const many = 'm'.repeat(4096)

t.test('lines that come after a pause are told at once', async t => {
  const rig = new Rig()
  rig.put('a')
  clock.advance(100)
  rig.put('b')
  t.same(rig.told, ['a', 'b'])
  t.equal(clock.timers, 0)
})

t.test('a few lines of 100 ms are told together', async t => {
  const rig = new Rig()
  rig.put('a', 'b')
  clock.advance(74)
  rig.put('c')
  clock.advance(25)
  t.same(rig.told, ['a'])
  clock.advance(1)
  t.same(rig.told, ['a', 'bc'])
  rig.put('d')
  clock.advance(99)
  t.same(rig.told, ['a', 'bc'])
  clock.advance(1)
  t.same(rig.told, ['a', 'bc', 'd'])
  clock.advance(100)
  t.equal(clock.timers, 0)
})

t.test('lines that come when others would soon be told of take them with them', async t => {
  const rig = new Rig()
  rig.put('a', 'b')
  clock.advance(75)
  rig.put('c')
  t.same(rig.told, ['a', 'bc'])
  rig.put(many)
  clock.advance(48)
  rig.put('d')
  t.same(rig.told.at(-1), `${many}d`)
  t.equal(clock.timers, 0)
})

t.test('once lines have come for a second, a few of 200 ms are told together', async t => {
  const rig = new Rig()
  const flow = (ms: number): void => {
    for (let n = 0; n < ms; n += 10) {
      rig.put('x')
      clock.advance(10)
    }
  }
  flow(1000)
  t.same(rig.told.slice(-3), ['x'.repeat(8), 'x'.repeat(8), 'x'.repeat(8)])
  flow(1000)
  t.same(rig.told.slice(-3), ['x'.repeat(15), 'x'.repeat(15), 'x'.repeat(15)])
  rig.handover.tellNow()
  clock.advance(200)
  rig.told.length = 0
  rig.put('a', 'b')
  clock.advance(100)
  t.same(rig.told, ['a', 'b'], 'not after a break')
  const short = new Rig(100000, 50)
  for (let n = 0; n < 200; n++) {
    short.put('x')
    clock.advance(10)
  }
  t.equal(short.told.at(-1)?.length, 4, 'a shorter limit holds')
})

t.test('many lines are told 64 ms after the last', async t => {
  const rig = new Rig()
  rig.put('a', 'b', many)
  clock.advance(63)
  t.same(rig.told, ['a'])
  clock.advance(1)
  t.same(rig.told, ['a', `b${many}`])
  rig.put('c')
  clock.advance(70)
  rig.put(many)
  t.equal(rig.told.at(-1), `c${many}`, 'at once if that was before')
  t.equal(clock.timers, 0)
})

t.test('a shorter time is one for many lines too', async t => {
  const rig = new Rig(10000, 5)
  rig.put('a', 'b', many)
  clock.advance(5)
  t.equal(rig.told.length, 2)
})

t.test('much is told at once', async t => {
  const rig = new Rig()
  rig.put('a', 'b', 'c'.repeat(16 * 1024))
  t.same(rig.told.map(({ length }) => length), [1, 1 + 16 * 1024])
  t.equal(clock.timers, 0)
})

t.test('somebody who cannot wait is told of everything so far, once', async t => {
  const rig = new Rig()
  rig.put('a', 'b')
  rig.handover.tellNow()
  rig.handover.tellNow()
  t.same(rig.told, ['a', 'b'])
  t.equal(clock.timers, 0)
  rig.put('c')
  t.same(rig.told, ['a', 'b'], 'the next lines wait again')
})

t.test('without a wait every handover is told', async t => {
  const rig = new Rig(100, 0)
  rig.put('a', 'b', 'c')
  t.same(rig.told, ['a', 'b', 'c'])
})

t.test('order is kept where the ring has no room, and where it begins again', async t => {
  const rig = new Rig(10)
  rig.put('abc', 'def', 'ghijk', 'l')
  t.same(rig.told, ['abc', 'def', 'own ghijk'])
  rig.ring.free(6)
  rig.put('mnopq')
  clock.advance(100)
  t.equal(rig.told.join('').replaceAll('own ', ''), 'abcdefghijklmnopq')
})

t.test('nothing is told of a sink that is gone', async t => {
  const rig = new Rig()
  rig.put('a', 'b')
  rig.handover.stop()
  t.equal(clock.timers, 0)
  clock.advance(100)
  t.same(rig.told, ['a'])
})
