import t from 'tap'
import { HandClock, settled } from './support/hand-clock.js'
import { LaneRig, type LaneRigOptions } from './support/lane-rig.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

/** A lane whose sink has started. */
function startedRig (options: LaneRigOptions = {}): LaneRig {
  const rig = new LaneRig({ clock, ...options })
  rig.lane.start()
  rig.child.ready()
  return rig
}

t.test('a breaker that is opened by hand', async t => {
  t.test('holds new lines back, and lets the sink keep those in flight', async t => {
    const rig = startedRig()
    rig.offer('a')
    rig.lane.steer(breaker => breaker.forceOpen())
    rig.offer('b')
    t.match(rig.snapshot(), { state: 'open', stateReason: 'forced', queueLines: 1, unsettledLines: 1 })
    rig.child.deliver()
    t.match(rig.snapshot(), { state: 'open', linesDelivered: 1, queueLines: 1 })
    t.equal(rig.children.length, 1, 'the sink is not restarted')
    rig.check()
  })

  t.test('takes lines back that fail in flight', async t => {
    const rig = startedRig()
    rig.offer('a')
    rig.lane.steer(breaker => breaker.forceOpen())
    rig.child.fail()
    t.match(rig.snapshot(), { state: 'open', queueLines: 1, unsettledLines: 0 })
    rig.check()
  })

  t.test('probes after its recovery timeout, as always', async t => {
    const rig = startedRig({ breaker: { recoveryTimeoutMs: 30000, jitter: 0 } })
    rig.lane.steer(breaker => breaker.forceOpen())
    rig.offer('a')
    rig.advance(30000)
    rig.child.deliver()
    t.match(rig.snapshot(), { state: 'closed', linesDelivered: 1 })
  })
})

t.test('a permit that was kept for a probe is void once the breaker is opened by hand', async t => {
  const rig = new LaneRig({ clock, breaker: { failureThreshold: 1, recoveryTimeoutMs: 30000, jitter: 0 } })
  rig.lane.start()
  rig.child.fail()
  rig.offer('a')
  rig.lane.probeNow()
  t.match(rig.snapshot(), { state: 'half-open' })
  rig.lane.steer(breaker => breaker.forceOpen())
  rig.child.ready()
  t.equal(rig.child.text, '')
  rig.advance(29999)
  t.equal(rig.child.text, '')
  rig.advance(1)
  rig.child.deliver()
  t.match(rig.snapshot(), { state: 'closed', linesDelivered: 1 })
})

t.test('a breaker that is closed by hand sends what waits, with no probe', async t => {
  const rig = startedRig({ breaker: { failureThreshold: 1 } })
  rig.child.fail()
  rig.offer('a', 'b')
  t.match(rig.snapshot(), { state: 'open', queueLines: 2 })
  rig.lane.steer(breaker => breaker.forceClose())
  rig.child.ready()
  rig.child.deliver()
  t.match(rig.snapshot(), { state: 'closed', stateReason: 'forced', linesDelivered: 2, queueLines: 0 })
})

t.test('a reset breaker is closed, and has forgotten its failures', async t => {
  const rig = startedRig({ breaker: { failureThreshold: 2 } })
  rig.child.fail()
  t.match(rig.snapshot(), { consecutiveFailures: 1 })
  rig.lane.steer(breaker => breaker.reset())
  t.match(rig.snapshot(), { state: 'closed', consecutiveFailures: 0 })
})

t.test('a probe by hand does not wait for the recovery timeout', async t => {
  const rig = startedRig({ breaker: { failureThreshold: 1 } })
  rig.child.fail()
  rig.offer('a')
  rig.lane.probeNow()
  rig.child.ready()
  rig.child.deliver()
  t.match(rig.snapshot(), { state: 'closed', linesDelivered: 1 })
})

t.test('a probe by hand does nothing while the breaker is closed, or nothing waits', async t => {
  const rig = startedRig({ breaker: { failureThreshold: 1 } })
  rig.lane.probeNow()
  t.match(rig.snapshot(), { state: 'closed', transitions: [] })
  rig.child.fail()
  rig.lane.probeNow()
  t.match(rig.snapshot(), { state: 'open' })
})

t.test('a lane that has ended is not steered', async t => {
  const rig = startedRig()
  const ended = rig.lane.end(clock.now() + 1000)
  rig.child.listener.onEnded()
  await ended
  rig.lane.steer(() => { t.fail('called') })
  rig.lane.probeNow()
  await rig.lane.reopen()
  t.match(rig.snapshot(), { state: 'closed', transitions: [] })
})

t.test('a sink that is reopened', async t => {
  t.test('ends in good order, and starts again; lines wait meanwhile', async t => {
    const rig = startedRig()
    rig.offer('a')
    const reopened = rig.lane.reopen()
    t.ok(rig.child.isAskedToEnd)
    rig.offer('b')
    t.equal(rig.child.text, 'a\n')
    rig.child.listener.onEnded()
    await reopened
    t.equal(rig.children.length, 2)
    t.match(rig.snapshot(), { linesDelivered: 1, queueLines: 1, restarts: 0, failures: {} })
    rig.child.ready()
    t.equal(rig.child.text, 'b\n')
    rig.check()
  })

  t.test('is asked to end only once, however often it is reopened', async t => {
    const rig = startedRig()
    const both = Promise.all([rig.lane.reopen(), rig.lane.reopen()])
    rig.child.listener.onEnded()
    await both
    t.equal(rig.children.length, 2)
  })

  t.test('and fails while it ends is restarted, and gets its lines again', async t => {
    const rig = startedRig()
    rig.offer('a')
    const reopened = rig.lane.reopen()
    rig.child.fail()
    await reopened
    rig.advance(1000)
    rig.child.ready()
    t.equal(rig.child.text, 'a\n')
    t.match(rig.snapshot(), { failures: { 'stream-error': 1 }, restarts: 1, restartReasons: { 'stream-error': 1 } })
    rig.check()
  })

  t.test('and does not end in time has failed', async t => {
    const rig = startedRig({ writeTimeoutMs: 500 })
    const reopened = rig.lane.reopen()
    rig.advance(500)
    await reopened
    t.ok(rig.children[0]?.isDestroyed)
    t.match(rig.snapshot(), { failures: { 'write-timeout': 1 } })
    rig.advance(1000)
    t.equal(rig.children.length, 2)
  })

  t.test('while it starts is reopened once it has started, since it may have its file open already', async t => {
    const rig = startedRig()
    const first = rig.lane.reopen()
    rig.child.listener.onEnded()
    await first
    rig.offer('a')
    let isDone = false
    const reopened = rig.lane.reopen().then(() => { isDone = true })
    await settled()
    t.notOk(isDone)
    rig.child.ready()
    t.ok(rig.child.isAskedToEnd)
    t.equal(rig.child.text, '')
    rig.child.listener.onEnded()
    await reopened
    t.equal(rig.children.length, 3)
    rig.child.ready()
    t.notOk(rig.child.isAskedToEnd)
    t.equal(rig.child.text, 'a\n')
    t.match(rig.snapshot(), { failures: {}, restarts: 0 })
    rig.check()
  })

  t.test('while it starts and fails to start is not reopened after its restart', async t => {
    const rig = startedRig()
    const first = rig.lane.reopen()
    rig.child.listener.onEnded()
    await first
    const reopened = rig.lane.reopen()
    rig.child.fail()
    await reopened
    rig.advance(1000)
    rig.child.ready()
    t.notOk(rig.child.isAskedToEnd)
  })

  t.test('and whose send hangs, and which does not end either, is replaced', async t => {
    const rig = new LaneRig({ clock, writeTimeoutMs: 500 })
    rig.lane.start()
    rig.child.ready('delivery')
    rig.offer('a')
    const reopened = rig.lane.reopen()
    rig.advance(500)
    await reopened
    t.ok(rig.children[0]?.isDestroyed)
    rig.advance(1000)
    rig.child.ready('delivery')
    t.equal(rig.child.text, 'a\n')
    rig.child.settle()
    t.match(rig.snapshot(), { linesDelivered: 1, failures: { 'write-timeout': 1 } })
  })

  t.test('while its breaker is open and it is not running is left alone', async t => {
    const rig = startedRig({ breaker: { failureThreshold: 1 } })
    rig.child.fail()
    await rig.lane.reopen()
    t.equal(rig.children.length, 1)
    t.match(rig.snapshot(), { failures: { 'stream-error': 1 } })
  })

  t.test('as the transport ends is ended once, and not started again', async t => {
    const rig = startedRig()
    rig.offer('a')
    const reopened = rig.lane.reopen()
    const ended = rig.lane.end(clock.now() + 1000)
    rig.child.listener.onEnded()
    await Promise.all([reopened, ended, settled()])
    t.equal(rig.children.length, 1)
    t.match(rig.snapshot(), { linesDelivered: 1 })
  })
})

t.test('attempts are counted with their duration, from hand-over to acceptance', async t => {
  const rig = startedRig()
  rig.offer('a')
  rig.advance(30)
  rig.child.accept()
  t.match(rig.snapshot().attempts, { count: 1, sumMs: 30 })
  rig.child.deliver()
  t.match(rig.snapshot().attempts, { count: 1 }, 'once')
})

t.test('attempts of a delivery sink last until it has answered, and those that failed are not counted', async t => {
  const rig = new LaneRig({ clock })
  rig.lane.start()
  rig.child.ready('delivery')
  rig.offer('a')
  rig.advance(40)
  rig.child.settle('network')
  t.match(rig.snapshot().attempts, { count: 0 })
  rig.advance(1000)
  rig.child.settle()
  t.match(rig.snapshot().attempts, { count: 1 })
})
