import t from 'tap'
import { Calls } from '#lib/child/calls'
import { settled } from '../support/hand-clock.js'

t.test('calls are pending until the last of them has come back', async t => {
  const calls = new Calls()
  t.notOk(calls.arePending)
  const [first, second] = [calls.begin(), calls.begin()]
  let isIdle = false
  calls.whenNone().then(() => { isIdle = true })
  first()
  first()
  await settled()
  t.ok(calls.arePending)
  t.notOk(isIdle, 'a call that comes back twice is one call')
  second()
  await settled()
  t.notOk(calls.arePending)
  t.ok(isIdle)
})

t.test('with none pending nobody waits', async t => {
  await new Calls().whenNone()
  t.pass('settled')
})
