import t from 'tap'
import { Conditions } from '#lib/conditions'
import { HandClock, settled } from './support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

t.test('what holds already is not waited for', async t => {
  await new Conditions(clock).until(() => true, clock.now())
  t.pass()
})

t.test('what comes to hold ends the wait, and nothing else does', async t => {
  const conditions = new Conditions(clock)
  let holds = false
  let isOver = false
  const wait = conditions.until(() => holds, clock.now() + 1000).then(() => { isOver = true })
  conditions.changed()
  await settled()
  t.notOk(isOver)
  holds = true
  conditions.changed()
  await wait
  t.ok(isOver)
})

t.test('the deadline ends the wait', async t => {
  const conditions = new Conditions(clock)
  const wait = conditions.until(() => false, clock.now() + 1000)
  clock.advance(1000)
  await wait
  const late = conditions.until(() => false, clock.now() - 1000)
  clock.advance(1)
  await late
  t.pass()
})

t.test('each waits for what it wants', async t => {
  const conditions = new Conditions(clock)
  let value = 0
  const over: number[] = []
  const waits = [1, 2].map(wanted => conditions.until(() => value >= wanted, clock.now() + 1000).then(() => { over.push(wanted) }))
  value = 1
  conditions.changed()
  await settled()
  t.same(over, [1])
  value = 2
  conditions.changed()
  await Promise.all(waits)
  t.same(over, [1, 2])
})
