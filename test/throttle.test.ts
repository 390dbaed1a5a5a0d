import t from 'tap'
import { Throttle } from '#lib/throttle'
import { HandClock } from './support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

function create (): { throttle: Throttle, due: number[] } {
  const due: number[] = []
  return { throttle: new Throttle(clock, () => { due.push(clock.now()) }), due }
}

t.test('the first handover is due at once, and the next one an interval later', async t => {
  const { throttle, due } = create()
  t.ok(throttle.isDue(100))
  throttle.restart()
  const start = clock.now()
  t.notOk(throttle.isDue(100))
  clock.advance(74)
  t.notOk(throttle.isDue(100))
  t.equal(throttle.elapsedMs, 74)
  clock.advance(26)
  t.same(due, [start + 100])
  clock.advance(1000)
  t.equal(clock.timers, 0)
})

t.test('in the last quarter of the interval it is due already', async t => {
  const { throttle } = create()
  throttle.restart()
  clock.advance(75)
  t.ok(throttle.isDue(100))
  t.notOk(throttle.isDue(200))
})

t.test('the shortest interval counts', async t => {
  const { throttle, due } = create()
  throttle.restart()
  const start = clock.now()
  for (const ms of [100, 50, 200]) t.notOk(throttle.isDue(ms))
  t.equal(clock.timers, 1)
  clock.advance(50)
  t.same(due, [start + 50])
})

t.test('a handover, or a stop, cancels the call', async t => {
  for (const cancel of [(throttle: Throttle) => throttle.restart(), (throttle: Throttle) => throttle.stop()]) {
    const { throttle, due } = create()
    throttle.restart()
    throttle.isDue(100)
    cancel(throttle)
    clock.advance(1000)
    t.same(due, [])
    t.equal(clock.timers, 0)
  }
})

t.test('without an interval it is always due', async t => {
  const { throttle } = create()
  throttle.restart()
  t.ok(throttle.isDue(0))
})
