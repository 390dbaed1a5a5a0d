import t from 'tap'
import { Alarm } from '#lib/alarm'
import { HandClock } from './support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

function createAlarm (): { alarm: Alarm, rung: number[] } {
  const rung: number[] = []
  return { alarm: new Alarm(clock, () => { rung.push(clock.now()) }), rung }
}

t.test('an alarm rings once, at its time', async t => {
  const { alarm, rung } = createAlarm()
  const due = clock.now() + 100
  alarm.setFor(due)
  clock.advance(99)
  t.same(rung, [])
  clock.advance(1000)
  t.same(rung, [due])
})

t.test('the earliest of many times counts', async t => {
  const { alarm, rung } = createAlarm()
  const start = clock.now()
  alarm.setFor(start + 100)
  alarm.setFor(start + 300)
  alarm.setFor(start + 50)
  t.equal(clock.timers, 1)
  clock.advance(1000)
  t.same(rung, [start + 50])
})

t.test('an alarm that has rung can be set again, for a time that is over too', async t => {
  const { alarm, rung } = createAlarm()
  alarm.setFor(clock.now() + 100)
  clock.advance(100)
  alarm.setFor(clock.now() - 50)
  clock.advance(1)
  t.equal(rung.length, 2)
})

t.test('an alarm is never set for ever, and rings no more once it is stopped', async t => {
  const { alarm, rung } = createAlarm()
  alarm.setFor(Infinity)
  t.equal(clock.timers, 0)
  alarm.setFor(clock.now() + 100)
  alarm.stop()
  t.equal(clock.timers, 0)
  clock.advance(1000)
  t.same(rung, [])
})
