import t from 'tap'
import type { FailureReason, SinkFailure } from '#lib/failure'
import { HandClock } from './support/hand-clock.js'
import { LaneRig, type LaneRigOptions } from './support/lane-rig.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

/** A lane whose sink has started in a thread of its own, where it is sensed. */
function sensedRig (options: LaneRigOptions = {}): LaneRig {
  const rig = new LaneRig({ clock, ...options })
  rig.lane.start()
  rig.child.ready()
  rig.child.listener.onSensed('requests')
  return rig
}

function failure (reason: FailureReason = 'network'): SinkFailure {
  return { reason, err: { type: 'Error', message: reason } }
}

t.test('a setback', async t => {
  t.test('takes back all that is not proven, and sends it again to the same child after a pause', async t => {
    const rig = sensedRig()
    rig.offer('a')
    rig.offer('b')
    rig.child.accept()
    rig.child.listener.onSetback(failure())
    t.match(rig.snapshot(), { queueLines: 2, unsettledLines: 0, failures: { network: 1 }, consecutiveFailures: 1 })
    rig.advance(200)
    t.equal(rig.children.length, 1)
    t.equal(rig.child.text, 'a\nb\na\nb\n')
    t.same(rig.child.sent.map(({ id }) => id), ['life:0', 'life:1', 'life:0'])
  })

  t.test('leaves alone what was proven before, also in the middle of a batch', async t => {
    const rig = sensedRig()
    rig.offer('a', 'b')
    rig.child.accept()
    rig.child.deliver(2)
    rig.child.listener.onSetback(failure())
    t.match(rig.snapshot(), { linesDelivered: 1, queueLines: 1 })
    rig.advance(200)
    t.equal(rig.child.last.lines.bytes.toString(), 'b\n')
  })

  t.test('that opens the breaker takes the child with it, and whatever that keeps in its buffers', async t => {
    const rig = sensedRig({ breaker: { failureThreshold: 1 } })
    rig.offer('a')
    rig.child.accept()
    rig.child.listener.onSetback(failure('http-503'))
    t.same(rig.story, ['closed>open http-503'])
    t.equal(rig.child.isDestroyed, true)
    rig.advance(30000)
    t.equal(rig.children.length, 2)
    rig.child.ready()
    t.equal(rig.child.text, 'a\n')
    rig.child.accept()
    rig.child.deliver()
    t.same(rig.story.slice(1), ['open>half-open recovery-due', 'half-open>closed probe-succeeded'])
  })

  t.test('of a sink that holds nothing counts as a failure too', async t => {
    const rig = sensedRig({ breaker: { failureThreshold: 2 } })
    rig.child.listener.onSetback(failure())
    rig.child.listener.onSetback(failure())
    t.equal(rig.snapshot().state, 'open')
  })

  t.test('with at-most-once drops what was handed over', async t => {
    const rig = sensedRig({ redelivery: 'at-most-once' })
    rig.offer('a')
    rig.child.accept()
    rig.child.listener.onSetback(failure())
    t.match(rig.snapshot(), { linesDropped: { 'at-most-once': 1 }, queueLines: 0 })
  })

  t.test('while the sink ends leaves its lines undelivered, and brings no new child', async t => {
    const rig = sensedRig()
    rig.offer('a')
    rig.child.accept()
    const ended = rig.lane.end(clock.now() + 1000)
    rig.child.listener.onSetback(failure())
    rig.child.listener.onEnded()
    await ended
    t.match(rig.snapshot(), { linesDropped: { closed: 1 } })
    t.same(rig.undelivered, [1])
    t.equal(rig.children.length, 1)
  })
})

t.test('once requests have been seen', async t => {
  t.test('quiet proves nothing for a long time, and is no proof of health while closed', async t => {
    const rig = sensedRig()
    rig.offer('a')
    rig.child.accept()
    rig.advance(69000)
    t.match(rig.snapshot(), { linesDelivered: 0, unsettledLines: 1 })
    rig.advance(2000)
    t.match(rig.snapshot(), { linesDelivered: 1, unsettledLines: 0 })
  })

  t.test('a request that is answered proves delivery', async t => {
    const rig = sensedRig()
    rig.offer('a')
    rig.child.accept()
    rig.child.deliver()
    t.match(rig.snapshot(), { linesDelivered: 1, unsettledLines: 0 })
  })
})

t.test('a good answer to a request that need not carry all lines', async t => {
  t.test('closes the breaker, and leaves the lines unsettled', async t => {
    const rig = sensedRig({ breaker: { failureThreshold: 1 } })
    rig.offer('a')
    rig.child.fail()
    rig.advance(30000)
    rig.child.ready()
    rig.child.accept()
    rig.child.listener.onAnswered(rig.child.given)
    t.match(rig.snapshot(), { state: 'closed', unsettledLines: 1, linesDelivered: 0 })
  })

  t.test('does not hide a failure that comes after it', async t => {
    const rig = sensedRig({ breaker: { failureThreshold: 1 } })
    rig.offer('a')
    rig.child.accept()
    rig.child.listener.onAnswered(rig.child.given)
    rig.child.listener.onSetback(failure())
    t.match(rig.snapshot(), { state: 'open', queueLines: 1, failures: { network: 1 } })
  })
})

t.test('before it is known whether a sink makes requests', async t => {
  const senses = { sense: { console: false } }

  t.test('what it has accepted is kept, since its first request may fail', async t => {
    const rig = new LaneRig({ clock, ...senses })
    rig.lane.start()
    rig.child.ready()
    rig.offer('a')
    rig.child.accept()
    rig.advance(30000)
    t.match(rig.snapshot(), { linesDelivered: 0, unsettledLines: 1 })
    rig.child.listener.onSensed('requests')
    rig.child.listener.onSetback(failure())
    t.match(rig.snapshot(), { linesDelivered: 0, queueLines: 1, failures: { network: 1 } })
  })

  t.test('a probe succeeds after settleMs', async t => {
    const rig = new LaneRig({ clock, ...senses, breaker: { failureThreshold: 1 } })
    rig.lane.start()
    rig.child.ready()
    rig.offer('a')
    rig.child.fail()
    rig.advance(30000)
    rig.child.ready()
    rig.child.accept()
    rig.advance(6000)
    t.match(rig.snapshot(), { linesDelivered: 1, state: 'closed' })
  })
})

t.test('a refusal', async t => {
  t.test('drops the refused lines as poison, once the sink has accepted others', async t => {
    const rig = sensedRig()
    rig.offer('good')
    rig.child.accept()
    rig.child.deliver()
    rig.offer('bad')
    rig.child.accept()
    rig.child.listener.onRefused(rig.child.given, failure('http-400'))
    t.match(rig.snapshot(), { linesDelivered: 1, linesDropped: { poison: 1 }, consecutiveFailures: 0 })
    t.same(rig.snapshot().failures, {})
    t.same(rig.losses, [{ loss: { kind: 'dropped', reason: 'poison' }, lines: 1 }])
  })

  t.test('of everything is no poison, but a failure', async t => {
    const rig = sensedRig({ breaker: { failureThreshold: 1 } })
    rig.offer('a')
    rig.child.accept()
    rig.child.listener.onRefused(rig.child.given, failure('http-400'))
    t.match(rig.snapshot(), { queueLines: 1, state: 'open' })
    t.same(rig.snapshot().linesDropped, {})
  })
})
