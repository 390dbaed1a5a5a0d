import t from 'tap'
import { Quiet } from '#lib/quiet'

const quietOf = (isSensing: boolean): Quiet => new Quiet({ settleMs: 6000, writeTimeoutMs: 10000, isSensing })

t.test('where nothing is sensed an acceptance counts after settleMs', async t => {
  const quiet = quietOf(false)
  quiet.noteAcceptance(1000)
  t.equal(quiet.endOf(1000, false), 7000)
})

t.test('where a sink is sensed', async t => {
  t.test('nothing counts until there has been time for a request', async t => {
    const quiet = quietOf(true)
    quiet.noteAcceptance(1000)
    quiet.noteAcceptance(30000)
    t.equal(quiet.endOf(1000, false), 71000)
    t.equal(quiet.endOf(30000, false), 71000)
    t.equal(quiet.endOf(70000, false), 76000, 'and after that settleMs is enough')
  })

  t.test('a probe does not wait for that', async t => {
    const quiet = quietOf(true)
    quiet.noteAcceptance(1000)
    t.equal(quiet.endOf(1000, true), 7000)
  })

  t.test('a socket that carries no requests tells that none are to be waited for', async t => {
    const quiet = quietOf(true)
    quiet.noteAcceptance(1000)
    quiet.noteTraffic('sockets')
    t.equal(quiet.endOf(1000, false), 7000)
  })

  t.test('a request makes quiet count only after ten times settleMs and the time of a request, for a probe too, and whatever else is seen', async t => {
    const quiet = quietOf(true)
    quiet.noteAcceptance(1000)
    quiet.noteTraffic('requests')
    quiet.noteTraffic('sockets')
    t.equal(quiet.endOf(50000, false), 120000)
    t.equal(quiet.endOf(50000, true), 120000)
  })
})

t.test('it can be shortened, and not made longer again', async t => {
  const quiet = quietOf(false)
  quiet.shorten(1000)
  quiet.shorten(2000)
  t.equal(quiet.ms, 1000)
})
