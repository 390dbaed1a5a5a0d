import t from 'tap'
import { GivenUpSend } from '#lib/lane/given-up-send'
import { HandClock } from '../support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

t.test('a send that is given up is pending until it comes to its end, and no other is taken for it', async t => {
  const send = new GivenUpSend(clock)
  t.equal(send.isPending, false)
  send.begin('l:1', () => t.fail('it has come to its end in time'))
  t.equal(send.isPending, true)
  t.equal(send.settle('l:2'), false)
  t.equal(send.settle('l:1'), true)
  t.equal(send.isPending, false)
  clock.advance(5000)
})

t.test('one that does not is stuck after a second, and told once', async t => {
  const send = new GivenUpSend(clock)
  let stuck = 0
  send.begin('l:1', () => { stuck++ })
  clock.advance(999)
  t.equal(stuck, 0)
  clock.advance(1)
  t.same([stuck, send.isPending], [1, false])
  clock.advance(5000)
  t.equal(stuck, 1)
})

t.test('once stopped it has no timer', async t => {
  const send = new GivenUpSend(clock)
  send.begin('l:1', () => t.fail('it was stopped'))
  send.stop()
  t.equal(clock.timers, 0)
})
