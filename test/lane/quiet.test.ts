import t from 'tap'
import { Quiet } from '#lib/lane/quiet'

t.test('where nothing is sensed an acceptance counts after settleMs', async t => {
  const quiet = new Quiet(6000, false)
  quiet.noteAcceptance(1000)
  t.equal(quiet.endOf(1000, false), 7000)
})

t.test('where a sink is sensed', async t => {
  t.test('nothing counts until there has been time for a request', async t => {
    const quiet = new Quiet(6000, true)
    quiet.noteAcceptance(1000)
    quiet.noteAcceptance(30000)
    t.equal(quiet.endOf(1000, false), 61000)
    t.equal(quiet.endOf(30000, false), 61000)
    t.equal(quiet.endOf(60000, false), 66000, 'and after that settleMs is enough')
  })

  t.test('a probe does not wait for that', async t => {
    const quiet = new Quiet(6000, true)
    quiet.noteAcceptance(1000)
    t.equal(quiet.endOf(1000, true), 7000)
  })

  t.test('a socket that carries no requests tells that none are to be waited for', async t => {
    const quiet = new Quiet(6000, true)
    quiet.noteAcceptance(1000)
    quiet.noteTraffic('sockets')
    t.equal(quiet.endOf(1000, false), 7000)
  })

  t.test('a request makes quiet count only after ten times settleMs, for a probe too, and whatever else is seen', async t => {
    const quiet = new Quiet(6000, true)
    quiet.noteAcceptance(1000)
    quiet.noteTraffic('requests')
    quiet.noteTraffic('sockets')
    t.equal(quiet.endOf(50000, false), 110000)
    t.equal(quiet.endOf(50000, true), 110000)
  })
})

t.test('it can be shortened, and not made longer again', async t => {
  const quiet = new Quiet(6000, false)
  quiet.shorten(1000)
  quiet.shorten(2000)
  t.equal(quiet.ms, 1000)
})
