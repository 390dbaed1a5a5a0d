import t from 'tap'
import assert from 'node:assert/strict'
import { Batch } from '#lib/batch'
import { HandClock, settled } from './support/hand-clock.js'
import { LaneRig, ScriptedChild, batchOf, type LaneRigOptions } from './support/lane-rig.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

function createRig (options: LaneRigOptions = {}): LaneRig {
  return new LaneRig({ clock, ...options })
}

/** A lane whose sink has started. */
function startedRig (options: LaneRigOptions & { kind?: 'stream' | 'delivery' } = {}): LaneRig {
  const { kind, ...rest } = options
  const rig = createRig(rest)
  rig.lane.start()
  rig.child.ready(kind)
  return rig
}

/** A lane whose breaker one failure has opened, with nothing in it. */
function openRig (options: LaneRigOptions = {}): LaneRig {
  const rig = startedRig({ ...options, breaker: { failureThreshold: 1, recoveryTimeoutMs: 30000, ...options.breaker } })
  rig.child.fail()
  assert.equal(rig.snapshot().state, 'open')
  return rig
}

t.test('a healthy sink', async t => {
  t.test('lines wait until the sink has started, and come in order then', async t => {
    const rig = createRig()
    rig.lane.start()
    rig.offer('a', 'b')
    rig.offer('c')
    t.match(rig.snapshot(), { linesReceived: 3, queueLines: 3, queueBytes: 6 })
    rig.child.ready()
    t.equal(rig.child.text, 'a\nb\nc\n')
    t.match(rig.snapshot(), { queueLines: 0, unsettledLines: 3, queueBytes: 6 })
  })

  t.test('the first lines start a sink that nobody has started', async t => {
    const rig = createRig()
    rig.offer('a')
    t.equal(rig.children.length, 1)
  })

  t.test('lines are given to a sink that has started as they come, numbered through', async t => {
    const rig = startedRig()
    rig.offer('a', 'b')
    rig.offer('c')
    t.same(rig.child.sent.map(({ id }) => id), ['life:0', 'life:2'])
  })

  t.test('lines are unsettled until they are delivered', async t => {
    const rig = startedRig()
    rig.offer('a')
    rig.child.accept()
    t.match(rig.snapshot(), { unsettledLines: 1, linesDelivered: 0 })
    rig.child.deliver()
    t.match(rig.snapshot(), { unsettledLines: 0, linesDelivered: 1, queueBytes: 0 })
  })

  t.test('a delivery of a part settles the batches that it covers whole', async t => {
    const rig = startedRig()
    rig.offer('aaa')
    rig.offer('bbb')
    rig.child.deliver(6)
    t.match(rig.snapshot(), { linesDelivered: 1, unsettledLines: 1 })
    rig.child.deliver(2)
    t.match(rig.snapshot(), { linesDelivered: 2, unsettledLines: 0 })
  })

  t.test('an acceptance that nothing proves counts once it has been quiet for settleMs', async t => {
    const rig = startedRig({ breaker: { settleMs: 6000 } })
    rig.offer('a')
    rig.child.accept()
    rig.advance(5999)
    t.match(rig.snapshot(), { linesDelivered: 0, unsettledLines: 1 })
    rig.advance(1)
    t.match(rig.snapshot(), { linesDelivered: 1, unsettledLines: 0 })
  })

  t.test('each acceptance is quiet for a time of its own', async t => {
    const rig = startedRig({ breaker: { settleMs: 6000 } })
    rig.offer('a')
    rig.child.accept()
    rig.advance(4000)
    rig.offer('b')
    rig.child.accept()
    rig.advance(2000)
    t.match(rig.snapshot(), { linesDelivered: 1, unsettledLines: 1 })
    rig.advance(4000)
    t.match(rig.snapshot(), { linesDelivered: 2, unsettledLines: 0 })
  })

  t.test('a sink is given no more than its window until it accepts', async t => {
    const rig = startedRig({ windowBytes: 4 })
    rig.offer('aaa')
    rig.offer('bbb')
    t.equal(rig.child.text, 'aaa\n')
    rig.child.accept(1)
    t.equal(rig.child.text, 'aaa\nbbb\n')
  })

  t.test('events of the sink are passed on', async t => {
    const rig = startedRig()
    rig.child.listener.onEvent('rotated', ['app.1.log'])
    t.same(rig.appEvents, [{ name: 'rotated', args: ['app.1.log'] }])
  })

  t.test('pino\'s config is passed on', async t => {
    const rig = startedRig()
    rig.lane.configure({ messageKey: 'message' })
    t.same(rig.child.configs, [{ messageKey: 'message' }])
  })

  t.test('lines that no lane can be given are counted as received and dropped', async t => {
    const rig = startedRig()
    rig.lane.refuse(2, 'too-long')
    t.match(rig.snapshot(), { linesReceived: 2, linesDropped: { 'too-long': 2 } })
    t.same(rig.losses, [{ loss: { kind: 'dropped', reason: 'too-long' }, lines: 2 }])
  })
})

t.test('a delivery sink', async t => {
  t.test('is given one batch after another, each after the answer to the one before', async t => {
    const rig = startedRig({ kind: 'delivery' })
    rig.offer('a')
    rig.offer('b')
    rig.offer('c')
    t.equal(rig.child.text, 'a\n')
    rig.child.settle()
    t.equal(rig.child.text, 'a\nb\nc\n')
    t.match(rig.snapshot(), { linesDelivered: 1, unsettledLines: 2 })
    t.equal(rig.child.last.id, 'life:1')
  })

  t.test('is given batches of half a MiB at most', async t => {
    const rig = startedRig({ kind: 'delivery' })
    const line = 'x'.repeat(64 * 1024 - 1)
    rig.lane.offer(new Batch(`${line}\n`.repeat(20), 20))
    t.equal(rig.child.last.lines.bytes.length, 512 * 1024)
    t.equal(rig.child.last.lines.count, 8)
    rig.child.settle()
    t.equal(rig.child.last.id, 'life:8')
  })

  t.test('is given a batch that it rejected again, after a pause, with the same id and one attempt more', async t => {
    const rig = startedRig({ kind: 'delivery' })
    rig.offer('a')
    rig.child.settle('http-503')
    t.match(rig.snapshot(), { queueLines: 1, unsettledLines: 0, failures: { 'http-503': 1 }, consecutiveFailures: 1, state: 'closed' })
    t.equal(rig.child.sent.length, 1)
    rig.advance(100)
    t.equal(rig.child.sent.length, 2)
    t.match(rig.child.last, { id: 'life:0', lines: { attempts: 1 } })
    rig.child.settle()
    t.match(rig.snapshot(), { linesDelivered: 1, consecutiveFailures: 0 })
  })

  t.test('goes on in the same child when an attempt failed', async t => {
    const rig = startedRig({ kind: 'delivery' })
    rig.offer('a')
    rig.child.settle('network')
    rig.advance(200)
    t.equal(rig.children.length, 1)
    t.equal(rig.snapshot().restarts, 0)
  })

  t.test('lines that were sent again are never merged with others', async t => {
    const rig = startedRig({ kind: 'delivery' })
    rig.offer('a')
    rig.offer('b')
    rig.child.settle('network')
    rig.advance(200)
    t.equal(rig.child.last.lines.bytes.toString(), 'a\n')
  })

  t.test('an answer to a batch that is unknown is passed over', async t => {
    const rig = startedRig({ kind: 'delivery' })
    rig.offer('a')
    rig.child.settle(undefined, 'life:99')
    t.match(rig.snapshot(), { unsettledLines: 1, linesDelivered: 0 })
  })

  t.test('a probe has the whole of writeTimeoutMs, however long the breaker was open', async t => {
    const rig = startedRig({ kind: 'delivery', breaker: { failureThreshold: 1, recoveryTimeoutMs: 30000 }, writeTimeoutMs: 10000 })
    rig.offer('a')
    rig.child.settle('http-503')
    t.equal(rig.snapshot().state, 'open')
    rig.advance(30000)
    t.equal(rig.child.sent.length, 2)
    rig.advance(9999)
    t.same(rig.child.aborted, [])
    rig.child.settle()
    t.match(rig.snapshot(), { state: 'closed', linesDelivered: 1 })
  })

  t.test('a send that passes writeTimeoutMs is asked to give up, and has failed', async t => {
    const rig = startedRig({ kind: 'delivery', writeTimeoutMs: 10000 })
    rig.offer('a')
    rig.advance(9999)
    t.same(rig.child.aborted, [])
    rig.advance(1)
    t.same(rig.child.aborted, ['life:0'])
    t.match(rig.snapshot(), { failures: { 'write-timeout': 1 }, queueLines: 1, unsettledLines: 0 })
    t.match(rig.snapshot().lastError?.message, /did not accept a batch.* 10000 ms/)
  })

  t.test('is kept if the send settles within a second of being given up, whatever it says', async t => {
    for (const answer of [undefined, 'write-error'] as const) {
      const rig = startedRig({ kind: 'delivery', writeTimeoutMs: 10000 })
      rig.offer('a')
      rig.advance(10500)
      t.equal(rig.child.sent.length, 1, 'nothing is sent beside it')
      rig.child.settle(answer)
      t.match(rig.snapshot(), { failures: { 'write-timeout': 1 }, linesDelivered: 0 })
      rig.advance(1000)
      t.equal(rig.children.length, 1)
      t.equal(rig.child.sent.length, 2)
    }
  })

  t.test('is replaced if the send does not settle within another second', async t => {
    const rig = startedRig({ kind: 'delivery', writeTimeoutMs: 10000 })
    rig.offer('a')
    rig.advance(11000)
    t.equal(rig.children.length, 2)
    t.ok(rig.children[0]?.isDestroyed)
    rig.child.ready('delivery')
    t.equal(rig.child.last.id, 'life:0')
    t.match(rig.snapshot(), { restarts: 1, failures: { 'write-timeout': 1 } })
  })

  t.test('is replaced only for the next probe if its hanging send opened the breaker', async t => {
    const rig = startedRig({ kind: 'delivery', writeTimeoutMs: 10000, breaker: { failureThreshold: 1, recoveryTimeoutMs: 30000 } })
    rig.offer('a')
    rig.advance(11000)
    t.equal(rig.children.length, 1)
    t.ok(rig.child.isDestroyed)
    rig.advance(28999)
    t.equal(rig.children.length, 1)
    rig.advance(1)
    t.equal(rig.children.length, 2)
  })

  t.test('a probe that is due while a send is being given up waits for that', async t => {
    const rig = startedRig({ kind: 'delivery', writeTimeoutMs: 10000, breaker: { failureThreshold: 1, recoveryTimeoutMs: 200 } })
    rig.offer('a')
    rig.advance(10900)
    t.equal(rig.child.sent.length, 1)
    rig.child.settle('write-error')
    t.equal(rig.child.sent.length, 2)
    t.equal(rig.snapshot().state, 'half-open')
  })

  t.test('a setback gives up the send that is under way: its lines are never sent twice at once', async t => {
    const rig = startedRig({ kind: 'delivery' })
    rig.offer('a')
    rig.child.listener.onSetback({ reason: 'health-check', err: { type: 'Error', message: 'down' } })
    t.same(rig.child.aborted, ['life:0'])
    t.match(rig.snapshot(), { failures: { 'health-check': 1 }, queueLines: 1, unsettledLines: 0 })
    rig.advance(500)
    t.equal(rig.child.sent.length, 1)
    rig.child.settle('write-error')
    rig.advance(500)
    t.equal(rig.child.sent.length, 2)
    t.match(rig.snapshot(), { failures: { 'health-check': 1 }, unsettledLines: 1 })
  })

  t.test('a child that fails while a send is being given up is replaced once', async t => {
    const rig = startedRig({ kind: 'delivery', writeTimeoutMs: 10000 })
    rig.offer('a')
    rig.advance(10500)
    rig.child.fail('thread-exit')
    rig.advance(400)
    t.equal(rig.children.length, 2)
    rig.child.ready('delivery')
    rig.advance(5000)
    t.equal(rig.children.length, 2)
    t.equal(rig.child.sent.length, 1)
  })
})

t.test('a sink that fails', async t => {
  t.test('all that was unsettled goes back to the head, in order, and is sent again to a new child', async t => {
    const rig = startedRig({ windowBytes: 4 })
    rig.offer('a')
    rig.offer('b')
    rig.offer('c')
    t.equal(rig.child.text, 'a\nb\n')
    rig.child.fail()
    t.match(rig.snapshot(), { queueLines: 3, unsettledLines: 0, failures: { 'stream-error': 1 } })
    t.ok(rig.children[0]?.isDestroyed)
    rig.advance(100)
    t.equal(rig.children.length, 2)
    rig.child.ready()
    rig.child.accept()
    t.equal(rig.child.text, 'a\nb\nc\n')
    t.same(rig.child.sent.map(({ id, lines: { attempts } }) => [id, attempts]), [['life:0', 1], ['life:1', 1], ['life:2', 0]])
    rig.child.deliver()
    t.match(rig.snapshot(), { linesDelivered: 3, restarts: 1 })
  })

  t.test('what a pending write delivers after all is not sent again, and a call that comes back is reason to probe', async t => {
    const rig = startedRig({ breaker: { failureThreshold: 1, recoveryTimeoutMs: 2000 } })
    rig.offer('a', 'b')
    rig.child.deliver(2)
    rig.offer('c')
    const former = rig.child
    former.isHanging = true
    rig.advance(10100)
    t.match(rig.snapshot(), { state: 'open', linesDelivered: 1, queueLines: 2 })
    rig.advance(5000)
    t.match(rig.snapshot().failures, { 'still-hung': Number })
    former.listener.onLateDelivery(3)
    t.match(rig.snapshot(), { linesDelivered: 1, queueLines: 2 })
    former.listener.onLateDelivery(4)
    t.match(rig.snapshot(), { linesDelivered: 2, queueLines: 1 })
    former.comeBack()
    await settled()
    t.equal(rig.snapshot().state, 'half-open')
    rig.child.ready()
    t.equal(rig.child.text, 'c\n')
    rig.child.deliver()
    t.match(rig.snapshot(), { state: 'closed', linesDelivered: 3, queueLines: 0 })
  })

  t.test('a file is continued in the middle of a line, where it stopped', async t => {
    const rig = startedRig()
    rig.offer('first', 'second', 'third')
    rig.child.deliver('first\nsec'.length)
    rig.child.fail()
    t.match(rig.snapshot(), { linesDelivered: 1, queueLines: 2 })
    rig.advance(100)
    rig.child.ready()
    t.equal(rig.child.text, 'ond\nthird\n')
    t.equal(rig.child.last.id, 'life:1')
    rig.child.deliver()
    t.match(rig.snapshot(), { linesDelivered: 3, unsettledLines: 0 })
  })

  t.test('with at-most-once what was handed over is dropped, and never sent again', async t => {
    const rig = startedRig({ redelivery: 'at-most-once', windowBytes: 2 })
    rig.offer('a')
    rig.offer('b')
    rig.child.fail()
    t.match(rig.snapshot(), { linesDropped: { 'at-most-once': 1 }, queueLines: 1 })
    t.same(rig.losses, [{ loss: { kind: 'dropped', reason: 'at-most-once' }, lines: 1 }])
    rig.advance(100)
    rig.child.ready()
    t.equal(rig.child.text, 'b\n')
  })

  t.test('one failure settles one attempt, however many batches it took down', async t => {
    const rig = startedRig({ breaker: { failureThreshold: 3 } })
    for (const line of ['a', 'b', 'c', 'd']) rig.offer(line)
    rig.child.fail()
    t.match(rig.snapshot(), { state: 'closed', consecutiveFailures: 1 })
  })

  t.test('acceptance alone never resets the count of a sink that fails behind it', async t => {
    const rig = startedRig({ breaker: { failureThreshold: 3 } })
    rig.offer('a')
    for (let failures = 1; failures <= 3; failures++) {
      rig.child.accept()
      rig.advance(1000)
      rig.child.fail()
      t.equal(rig.snapshot().consecutiveFailures, failures)
      rig.advance(5000)
      if (failures < 3) rig.child.ready()
    }
    t.equal(rig.snapshot().state, 'open')
  })

  t.test('a batch that is not accepted, with no progress for writeTimeoutMs, is a failure', async t => {
    const rig = startedRig({ writeTimeoutMs: 10000 })
    rig.offer('aaaa')
    rig.advance(9000)
    rig.child.accept(1)
    rig.advance(9999)
    t.same(rig.snapshot().failures, {})
    rig.advance(1)
    t.same(rig.snapshot().failures, { 'write-timeout': 1 })
    t.ok(rig.children[0]?.isDestroyed)
  })

  t.test('a sink that was idle for long has the whole of writeTimeoutMs for the next batch', async t => {
    const rig = startedRig({ writeTimeoutMs: 10000 })
    rig.advance(50000)
    rig.offer('a')
    rig.advance(9999)
    t.same(rig.snapshot().failures, {})
    rig.advance(1)
    t.same(rig.snapshot().failures, { 'write-timeout': 1 })
  })

  t.test('a start that fails is a failure, and is tried again later each time', async t => {
    const rig = createRig({ breaker: { failureThreshold: 100 } })
    rig.lane.start()
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      rig.child.fail('start-failed')
      const before = rig.children.length
      const since = clock.now()
      while (rig.children.length === before) rig.advance(10)
      waits.push(clock.now() - since)
    }
    t.same(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000])
    t.same(rig.snapshot().failures, { 'start-failed': 8 })
  })

  t.test('a child that cannot be made at all is a failed start', async t => {
    let fails = true
    const rig = createRig({ createChild: listener => { if (fails) throw new Error('no threads left'); return new ScriptedChild(listener, 1024) } })
    rig.lane.start()
    t.match(rig.snapshot(), { failures: { 'start-failed': 1 }, lastError: { code: 'ERR_FANOUT_SINK_START', cause: { message: 'no threads left' } } })
    fails = false
    rig.advance(100)
    t.equal(rig.children.length, 1)
  })

  t.test('a start that has not settled by startTimeoutMs is a failure', async t => {
    const rig = createRig({ startTimeoutMs: 10000 })
    rig.lane.start()
    rig.offer('a')
    rig.advance(10000)
    t.same(rig.snapshot().failures, { 'start-timeout': 1 })
    t.ok(rig.children[0]?.isDestroyed)
  })

  t.test('an end that nobody asked for is a failure', async t => {
    const rig = startedRig()
    rig.offer('a')
    rig.child.listener.onEnded()
    t.match(rig.snapshot(), { failures: { 'closed-early': 1 }, queueLines: 1 })
  })

  t.test('a restart is told of once the sink is there again, and then at most every 10 s', async t => {
    const rig = startedRig({ breaker: { failureThreshold: 100 } })
    for (let i = 0; i < 3; i++) {
      rig.child.fail()
      rig.advance(400)
      rig.child.ready()
      rig.offer('a')
      rig.child.deliver()
    }
    t.same(rig.restarts, [{ reason: 'stream-error', restarts: 1 }])
    rig.advance(10000)
    rig.child.fail('thread-exit')
    rig.advance(400)
    rig.child.ready()
    t.same(rig.restarts.slice(1), [{ reason: 'thread-exit', restarts: 4 }])
  })
})

t.test('while its breaker is not closed', async t => {
  t.test('hold: lines wait, and every one comes in order after recovery', async t => {
    const rig = startedRig({ breaker: { failureThreshold: 1, recoveryTimeoutMs: 30000 } })
    rig.offer('a')
    rig.child.fail()
    rig.offer('b')
    rig.offer('c')
    t.match(rig.snapshot(), { state: 'open', queueLines: 3 })
    rig.advance(29999)
    t.equal(rig.children.length, 1, 'no attempt is made before recovery is due')
    rig.advance(1)
    t.equal(rig.children.length, 2)
    rig.child.ready()
    t.equal(rig.child.text, 'a\n')
    rig.child.deliver()
    t.equal(rig.child.text, 'a\nb\nc\n')
    rig.child.deliver()
    t.match(rig.snapshot(), { state: 'closed', linesDelivered: 3, queueLines: 0 })
    t.same(rig.story, ['closed>open stream-error', 'open>half-open recovery-due', 'half-open>closed probe-succeeded'])
  })

  t.test('an idle lane starts no attempt when recovery is due', async t => {
    const rig = openRig()
    rig.advance(100000)
    t.equal(rig.children.length, 1)
    t.equal(rig.snapshot().state, 'open')
    rig.offer('a')
    t.equal(rig.children.length, 2)
    t.equal(rig.snapshot().state, 'half-open')
  })

  t.test('a probe is one batch of 64 KiB at most', async t => {
    const rig = openRig()
    const line = 'x'.repeat(10000 - 1)
    for (let i = 0; i < 20; i++) rig.offer(line)
    rig.advance(30000)
    rig.child.ready()
    t.equal(rig.child.sent.length, 1)
    t.equal(rig.child.given, 60000)
    rig.child.accept()
    t.equal(rig.child.sent.length, 1)
    rig.child.deliver()
    t.equal(rig.child.given, 200000)
  })

  t.test('a large batch that comes when recovery is due is probed with in part', async t => {
    const rig = openRig()
    rig.advance(30000)
    rig.lane.offer(new Batch(`${'x'.repeat(9999)}\n`.repeat(10), 10))
    rig.child.ready()
    t.equal(rig.child.given, 60000)
    t.match(rig.snapshot(), { queueLines: 4, unsettledLines: 6 })
  })

  t.test('halfOpenMaxCalls probes are in flight at once, and no more', async t => {
    const rig = openRig({ breaker: { halfOpenMaxCalls: 2, successThreshold: 3 } })
    const line = 'x'.repeat(60000)
    for (let i = 0; i < 6; i++) rig.offer(line)
    rig.advance(30000)
    rig.child.ready()
    t.equal(rig.child.sent.length, 2)
    rig.child.deliver(60001)
    t.equal(rig.child.sent.length, 3, 'a third in all')
    rig.child.deliver(60001)
    t.equal(rig.child.sent.length, 3)
    rig.child.deliver()
    t.equal(rig.snapshot().state, 'closed')
    t.equal(rig.child.sent.length, 6)
  })

  t.test('probes that are accepted at once and never proven succeed each by itself', async t => {
    const rig = openRig({ breaker: { halfOpenMaxCalls: 2, successThreshold: 2, settleMs: 6000 } })
    const line = 'x'.repeat(60000)
    for (let i = 0; i < 2; i++) rig.offer(line)
    rig.advance(30000)
    rig.child.ready()
    t.equal(rig.child.sent.length, 2)
    rig.child.accept()
    rig.advance(6000)
    t.equal(rig.snapshot().state, 'closed')
  })

  t.test('a probe that is accepted and never proven succeeds after settleMs of quiet', async t => {
    const rig = openRig({ breaker: { settleMs: 6000 } })
    rig.offer('a')
    rig.advance(30000)
    rig.child.ready()
    rig.child.accept()
    rig.advance(5999)
    t.equal(rig.snapshot().state, 'half-open')
    rig.advance(1)
    t.equal(rig.snapshot().state, 'closed')
  })

  t.test('a probe that is not accepted fails after writeTimeoutMs', async t => {
    const rig = openRig({ writeTimeoutMs: 10000 })
    rig.offer('a')
    rig.advance(30000)
    rig.child.ready()
    rig.advance(10000)
    t.match(rig.snapshot(), { state: 'open', queueLines: 1, failures: { 'write-timeout': 1 } })
  })

  t.test('a sink that does not start is a failed probe', async t => {
    const rig = openRig()
    rig.offer('a')
    rig.advance(30000)
    rig.child.fail('start-failed')
    t.match(rig.snapshot(), { state: 'open', queueLines: 1 })
    rig.advance(29999)
    t.equal(rig.children.length, 2)
    rig.advance(1)
    t.equal(rig.children.length, 3)
  })

  t.test('a probe whose lines were given up before its sink was there is given back', async t => {
    const rig = openRig({ queue: { maxBytes: 100, blockTimeoutMs: 0 } })
    rig.offer('a')
    rig.advance(30000)
    rig.offer('x'.repeat(200))
    rig.offer('y'.repeat(99))
    t.match(rig.snapshot(), { state: 'half-open', queueLines: 1 })
    rig.child.ready()
    t.match(rig.snapshot(), { unsettledLines: 1 })
  })

  t.test('skip: lines that come while not closed are counted and told of, what was here at the trip stays', async t => {
    const rig = startedRig({ whenOpen: 'skip', breaker: { failureThreshold: 1 } })
    rig.offer('a')
    rig.child.fail()
    rig.offer('b', 'c')
    rig.offer('d')
    t.match(rig.snapshot(), { linesSkipped: 3, queueLines: 1 })
    t.same(rig.losses, [{ loss: { kind: 'skipped' }, lines: 2 }])
    rig.advance(30000)
    rig.child.ready()
    rig.offer('e')
    rig.child.deliver()
    rig.offer('f')
    t.equal(rig.child.text, 'a\nf\n')
    t.equal(rig.snapshot().linesSkipped, 4)
    t.same(rig.losses.reduce((sum, { lines }) => sum + lines, 0), 4)
  })

  t.test('skip: the loss of a diagnostic makes no further diagnostic', async t => {
    const rig = openRig({ whenOpen: 'skip' })
    rig.lane.offer(new Batch('d\n', 1, { isDiagnostic: true }))
    t.match(rig.snapshot(), { linesSkipped: 1 })
    t.same(rig.losses, [])
  })

  t.test('skip: with nothing here, the first lines that come once recovery is due are the probe', async t => {
    const rig = openRig({ whenOpen: 'skip' })
    rig.offer('a')
    rig.advance(30000)
    t.equal(rig.snapshot().state, 'open')
    rig.offer('b')
    rig.offer('c')
    t.match(rig.snapshot(), { state: 'half-open', linesSkipped: 2, queueLines: 1 })
    rig.child.ready()
    rig.child.deliver()
    t.match(rig.snapshot(), { state: 'closed', linesDelivered: 1 })
  })

  t.test('fallback: new lines, and what was here at the trip, go there and stay there', async t => {
    const rig = startedRig({ whenOpen: 'fallback', hasFallback: true, windowBytes: 2, breaker: { failureThreshold: 1 } })
    rig.offer('a')
    rig.offer('b')
    rig.child.fail()
    rig.offer('c')
    t.equal(rig.fallbackText, 'a\nb\nc\n')
    t.match(rig.snapshot(), { linesFallback: 3, queueLines: 0, unsettledLines: 0 })
    t.same(rig.losses, [])
  })

  t.test('fallback: a line of which a part has arrived goes there whole', async t => {
    const rig = startedRig({ whenOpen: 'fallback', hasFallback: true, breaker: { failureThreshold: 1 } })
    rig.offer('first', 'second')
    rig.child.deliver('first\nsec'.length)
    rig.child.fail()
    t.equal(rig.fallbackText, 'second\n')
    t.match(rig.snapshot(), { linesDelivered: 1, linesFallback: 1 })
  })

  t.test('fallback: lines go to the sink again after a probe with new ones', async t => {
    const rig = openRig({ whenOpen: 'fallback', hasFallback: true })
    rig.advance(30000)
    rig.offer('a')
    rig.offer('b')
    rig.child.ready()
    rig.child.deliver()
    rig.offer('c')
    t.equal(rig.fallbackText, 'b\n')
    t.equal(rig.child.text, 'a\nc\n')
  })

  t.test('fallback: a failed probe goes there too', async t => {
    const rig = openRig({ whenOpen: 'fallback', hasFallback: true })
    rig.advance(30000)
    rig.offer('a')
    rig.child.fail('start-failed')
    t.equal(rig.fallbackText, 'a\n')
  })

  t.test('an overflow of a lane that holds takes the oldest, and at once', async t => {
    const rig = openRig({ queue: { maxLines: 2 } })
    rig.offer('a', 'b')
    rig.offer('c')
    t.notOk(rig.lane.isPressing)
    t.match(rig.snapshot(), { queueLines: 2, linesDropped: { 'queue-full': 1 } })
    rig.advance(30000)
    rig.child.ready()
    rig.child.deliver()
    t.equal(rig.child.text, 'b\nc\n')
  })

  t.test('observe: transitions are told, and every line still goes', async t => {
    const rig = startedRig({ breaker: { failureThreshold: 1, mode: 'observe' } })
    rig.offer('a')
    rig.child.fail()
    t.equal(rig.snapshot().state, 'open')
    rig.offer('b')
    rig.advance(100)
    rig.child.ready()
    t.equal(rig.child.text, 'a\nb\n')
    t.notOk(rig.lane.isTripped)
    t.same(rig.story, ['closed>open stream-error'])
  })

  t.test('a breaker that is turned off never trips, and its sink is still started again', async t => {
    const rig = startedRig({ breaker: { enabled: false, failureThreshold: 1 } })
    for (let i = 0; i < 10; i++) {
      rig.child.fail()
      rig.advance(7000)
      rig.child.ready()
    }
    t.match(rig.snapshot(), { state: 'closed', restarts: 10 })
    t.same(rig.transitions, [])
  })

  t.test('diagnostics are safe only with a lane that is closed and has not left', async t => {
    const rig = startedRig({ breaker: { failureThreshold: 1 } })
    t.ok(rig.lane.takesDiagnostics)
    rig.child.fail()
    t.notOk(rig.lane.takesDiagnostics)
    const other = startedRig()
    const end = other.lane.end(clock.now() + 1000)
    t.notOk(other.lane.takesDiagnostics)
    other.child.listener.onEnded()
    await end
    t.notOk(other.lane.takesDiagnostics)
  })
})

t.test('overflow', async t => {
  t.test('accepted lines that nothing has proven make room for new ones, and count as delivered', async t => {
    const rig = startedRig({ queue: { maxLines: 2 } })
    rig.offer('a')
    rig.child.accept()
    rig.offer('b')
    rig.child.accept()
    rig.offer('c')
    t.match(rig.snapshot(), { linesDelivered: 1, unsettledLines: 2, consecutiveFailures: 0 })
    t.same(rig.snapshot().linesDropped, {})
  })

  t.test('a surrendered acceptance proves nothing', async t => {
    const rig = openRig({ queue: { maxLines: 2 } })
    rig.offer('a')
    rig.advance(30000)
    rig.child.ready()
    rig.child.accept()
    t.equal(rig.snapshot().state, 'half-open')
    rig.offer('b', 'c')
    t.match(rig.snapshot(), { state: 'half-open', linesDelivered: 1 })
    t.equal(rig.child.text, 'a\nb\nc\n', 'its permit is given back, and the next lines are the probe')
  })

  t.test('a lane whose sink is slow but moving holds the app back, and loses nothing', async t => {
    const rig = startedRig({ windowBytes: 2, queue: { maxLines: 2, blockTimeoutMs: 2000 } })
    rig.offer('a')
    rig.advance(10)
    rig.child.deliver()
    for (const line of ['b', 'c', 'd']) rig.offer(line)
    t.ok(rig.lane.isPressing)
    t.match(rig.snapshot(), { queueLines: 2, unsettledLines: 1 })
    rig.advance(10)
    rig.child.deliver()
    t.notOk(rig.lane.isPressing)
    t.equal(rig.reliefs, 1)
    rig.child.deliver()
    rig.child.deliver()
    t.match(rig.snapshot(), { linesDelivered: 4 })
    t.same(rig.snapshot().linesDropped, {})
  })

  t.test('a lane whose sink stands still drops once blockTimeoutMs is over, though nothing else happens', async t => {
    const rig = startedRig({ windowBytes: 2, queue: { maxLines: 2, blockTimeoutMs: 2000, overflow: 'block' } })
    rig.offer('a')
    rig.offer('b')
    rig.offer('c')
    t.ok(rig.lane.isPressing)
    rig.advance(1999)
    t.ok(rig.lane.isPressing)
    rig.advance(51)
    t.notOk(rig.lane.isPressing)
    t.match(rig.snapshot(), { linesDropped: { 'queue-full': 1 }, queueLines: 1, unsettledLines: 1 })
  })
})

t.test('settle and flush', async t => {
  t.test('settle waits until all that was offered has been accepted', async t => {
    const rig = startedRig({ windowBytes: 2 })
    rig.offer('a')
    rig.offer('b')
    let isDone = false
    const done = rig.lane.settle(clock.now() + 1000).then(() => { isDone = true })
    rig.child.accept()
    await settled()
    t.notOk(isDone)
    rig.child.accept()
    await done
    t.ok(isDone)
  })

  t.test('settle ends at its deadline, and when the breaker opens', async t => {
    const rig = startedRig({ breaker: { failureThreshold: 1 } })
    rig.offer('a')
    const byDeadline = rig.lane.settle(clock.now() + 1000)
    await settled()
    rig.advance(1000)
    await byDeadline
    const byTrip = rig.lane.settle(clock.now() + 1e6)
    await settled()
    rig.child.fail()
    await byTrip
    t.pass()
  })

  t.test('settle counts what holds the app back', async t => {
    const rig = startedRig({ windowBytes: 2, queue: { maxLines: 2 } })
    rig.offer('a')
    rig.offer('b')
    rig.offer('c')
    let isDone = false
    rig.lane.settle(clock.now() + 1000).then(() => { isDone = true })
    rig.child.deliver()
    rig.child.deliver()
    await settled()
    t.notOk(isDone)
    rig.child.deliver()
    await settled()
    t.ok(isDone)
  })

  t.test('flush calls the sink\'s own flush once everything has been accepted', async t => {
    const rig = startedRig()
    rig.offer('a')
    let isDone = false
    const done = rig.lane.flush(clock.now() + 1000).then(() => { isDone = true })
    await settled()
    t.equal(rig.child.flushes.length, 0)
    rig.child.accept()
    await settled()
    t.equal(rig.child.flushes.length, 1)
    t.notOk(isDone)
    rig.child.flushes[0]?.()
    await done
    t.ok(isDone)
  })

  t.test('flush passes over a sink that is not there or not trusted', async t => {
    const waiting = createRig()
    await waiting.lane.flush(clock.now() + 1000)
    const open = openRig()
    await open.lane.flush(clock.now() + 1000)
    t.equal(open.child.flushes.length, 0)
  })

  t.test('flush waits no longer for a sink that fails meanwhile, nor past its deadline', async t => {
    const rig = startedRig()
    const done = rig.lane.flush(clock.now() + 1e6)
    await settled()
    rig.child.fail()
    await done
    const other = startedRig()
    const byDeadline = other.lane.flush(clock.now() + 1000)
    await settled()
    clock.advance(1000)
    await byDeadline
    t.pass()
  })

  t.test('a flush until delivery', async t => {
    const begin = async (rig: ReturnType<typeof startedRig>): Promise<{ isDone: boolean }> => {
      const flush = { isDone: false }
      rig.lane.flush(clock.now() + 1e5, true).then(() => { flush.isDone = true })
      await settled()
      rig.child.flushes.shift()?.()
      await settled()
      return flush
    }

    t.test('waits until lines that were accepted are delivered, and not for later lines', async t => {
      const rig = startedRig()
      rig.offer('a')
      rig.child.accept()
      const flush = await begin(rig)
      rig.offer('b')
      rig.child.accept()
      await settled()
      t.notOk(flush.isDone)
      rig.child.deliver()
      await settled()
      t.ok(flush.isDone)
    })

    t.test('waits for lines that are sent again after a failure', async t => {
      const rig = startedRig()
      rig.offer('a')
      rig.child.accept()
      const flush = await begin(rig)
      rig.child.fail()
      await settled()
      t.notOk(flush.isDone)
      rig.advance(100)
      rig.child.ready()
      rig.child.accept()
      rig.child.deliver()
      await settled()
      t.ok(flush.isDone)
    })

    t.test('ends when the breaker opens, and at its deadline', async t => {
      const rig = startedRig({ breaker: { failureThreshold: 1 } })
      rig.offer('a')
      rig.child.accept()
      const flush = await begin(rig)
      rig.child.fail()
      await settled()
      t.ok(flush.isDone)
      const other = startedRig()
      other.offer('a')
      other.child.accept()
      const byDeadline = await begin(other)
      clock.advance(1e5)
      await settled()
      t.ok(byDeadline.isDone)
    })
  })
})

t.test('the end', async t => {
  t.test('drain waits until everything has been accepted, then the sink is asked to end', async t => {
    const rig = startedRig({ windowBytes: 2 })
    rig.offer('a')
    rig.offer('b')
    const deadline = clock.now() + 5000
    const drained = rig.lane.drain(deadline)
    rig.child.accept()
    rig.child.accept()
    await drained
    t.notOk(rig.child.isAskedToEnd)
    const ended = rig.lane.end(deadline)
    t.ok(rig.child.isAskedToEnd)
    t.match(rig.snapshot(), { unsettledLines: 2 })
    rig.child.listener.onEnded()
    await ended
    t.match(rig.snapshot(), { linesDelivered: 2, unsettledLines: 0 })
    t.same(rig.snapshot().linesDropped, {})
    t.ok(rig.child.isDestroyed)
    t.same(rig.undelivered, [])
  })

  t.test('an end in good order settles a batch of which a part was proven before', async t => {
    const rig = startedRig()
    rig.offer('aa', 'bb', 'cc')
    rig.child.deliver(4)
    const ended = rig.lane.end(clock.now() + 5000)
    rig.child.listener.onEnded()
    await ended
    t.match(rig.snapshot(), { linesDelivered: 3, unsettledLines: 0 })
  })

  t.test('a sink that hangs while it ends is left at the deadline, and its lines are given up', async t => {
    const rig = startedRig()
    rig.offer('a', 'b')
    rig.child.accept()
    const ended = rig.lane.end(clock.now() + 5000)
    clock.advance(5000)
    await ended
    t.match(rig.snapshot(), { linesDropped: { closed: 2 }, unsettledLines: 0 })
    t.same(rig.undelivered, [2])
    t.ok(rig.child.isDestroyed)
  })

  t.test('a sink that never accepts is left at the deadline', async t => {
    const rig = startedRig()
    rig.offer('a')
    const deadline = clock.now() + 5000
    const drained = rig.lane.drain(deadline)
    clock.advance(5000)
    await drained
    const ended = rig.lane.end(deadline)
    clock.advance(1)
    await ended
    t.match(rig.snapshot(), { linesDropped: { closed: 1 } })
  })

  t.test('a sink that fails while it ends is not started again', async t => {
    const rig = startedRig()
    rig.offer('a')
    rig.child.accept()
    const ended = rig.lane.end(clock.now() + 5000)
    rig.child.fail()
    await ended
    clock.advance(10000)
    t.equal(rig.children.length, 1)
    t.match(rig.snapshot(), { linesDropped: { closed: 1 }, failures: { 'stream-error': 1 } })
  })

  t.test('a send that hangs while the sink ends brings no new child', async t => {
    const rig = startedRig({ kind: 'delivery', writeTimeoutMs: 1000 })
    rig.offer('a')
    const ended = rig.lane.end(clock.now() + 5000)
    clock.advance(2000)
    await ended
    t.equal(rig.children.length, 1)
    t.match(rig.snapshot(), { linesDropped: { closed: 1 } })
  })

  t.test('lines that are left when the sink is asked to end are not handed over to it', async t => {
    const rig = startedRig({ windowBytes: 2 })
    for (const line of ['a', 'b', 'c']) rig.offer(line)
    const ended = rig.lane.end(clock.now() + 5000)
    rig.child.accept()
    t.equal(rig.child.text, 'a\n')
    rig.child.listener.onEnded()
    await ended
    t.match(rig.snapshot(), { linesDelivered: 1, linesDropped: { closed: 2 } })
  })

  t.test('what is left goes to the fallback, where there is one', async t => {
    const rig = createRig({ hasFallback: true })
    rig.offer('a')
    await rig.lane.end(clock.now())
    rig.offer('b')
    t.equal(rig.fallbackText, 'a\nb\n')
    t.match(rig.snapshot(), { linesFallback: 2 })
    t.same(rig.undelivered, [])
  })

  t.test('lines that come after the end are counted, and refused ones too', async t => {
    const rig = startedRig()
    const ended = rig.lane.end(clock.now() + 1000)
    rig.offer('late')
    rig.child.listener.onEnded()
    await ended
    rig.offer('later')
    rig.lane.refuse(1, 'too-long')
    t.match(rig.snapshot(), { linesDropped: { closed: 2, 'too-long': 1 } })
  })

  t.test('a lane that is open and holds lines probes once, at once', async t => {
    const rig = openRig()
    rig.offer('a')
    rig.offer('b')
    const deadline = clock.now() + 5000
    const drained = rig.lane.drain(deadline)
    t.equal(rig.children.length, 2)
    rig.child.ready()
    rig.child.deliver()
    rig.child.deliver()
    await drained
    t.match(rig.snapshot(), { state: 'closed', linesDelivered: 2 })
  })

  t.test('that one probe failing, the lane waits no longer', async t => {
    const rig = openRig()
    rig.offer('a')
    const deadline = clock.now() + 5000
    const drained = rig.lane.drain(deadline)
    rig.child.fail('start-failed')
    await drained
    await rig.lane.end(deadline)
    t.equal(rig.children.length, 2)
    t.match(rig.snapshot(), { linesDropped: { closed: 1 } })
    clock.advance(100000)
    t.equal(rig.children.length, 2)
  })

  t.test('a lane that is open and holds nothing does not probe', async t => {
    const rig = openRig()
    await rig.lane.drain(clock.now() + 5000)
    t.equal(rig.children.length, 1)
    await rig.lane.end(clock.now() + 5000)
    t.notOk(rig.child.isAskedToEnd)
  })

  t.test('a probe that is under way when the end comes is waited for', async t => {
    const rig = openRig()
    rig.offer('a')
    rig.advance(30000)
    rig.child.ready()
    const drained = rig.lane.drain(clock.now() + 5000)
    t.equal(rig.children.length, 2)
    rig.child.deliver()
    await drained
    t.equal(rig.snapshot().state, 'closed')
  })

  t.test('the quiet that a probe needs never takes all of the time that is left', async t => {
    const rig = openRig({ breaker: { settleMs: 6000 } })
    rig.offer('x'.repeat(60000))
    rig.offer('y'.repeat(60000))
    const drained = rig.lane.drain(clock.now() + 4000)
    rig.child.ready()
    rig.child.accept()
    clock.advance(1000)
    t.equal(rig.snapshot().state, 'closed')
    t.equal(rig.child.sent.length, 2)
    rig.child.accept()
    await drained
  })

  t.test('a lane that only observes ends its sink in good order, whatever its breaker says', async t => {
    const rig = startedRig({ breaker: { failureThreshold: 1, mode: 'observe' } })
    rig.child.fail()
    rig.advance(100)
    rig.child.ready()
    rig.offer('a')
    rig.child.accept()
    const ended = rig.lane.end(clock.now() + 5000)
    t.ok(rig.child.isAskedToEnd)
    rig.child.listener.onEnded()
    await ended
    t.match(rig.snapshot(), { state: 'open', linesDelivered: 1 })
  })

  t.test('losses that were not told yet are told at the end', async t => {
    const rig = openRig({ whenOpen: 'skip' })
    rig.offer('a')
    rig.offer('b')
    await rig.lane.end(clock.now())
    t.same(rig.losses.map(({ lines }) => lines), [1, 1])
  })

  t.test('no timer outlives the end', async t => {
    const rig = openRig()
    rig.lane.offer(batchOf('a'))
    await rig.lane.end(clock.now())
    clock.advance(200000)
    t.equal(rig.children.length, 1)
    t.equal(rig.transitions.length, 1)
  })
})

t.test('a probe whose lines are gone by the time the sink is ready leaves its turn to the next lines', async t => {
  const rig = startedRig({ whenOpen: 'skip', breaker: { failureThreshold: 1, recoveryTimeoutMs: 1000 } })
  rig.offer('a')
  rig.child.fail()
  rig.advance(1000)
  t.equal(rig.children.length, 2)
  rig.children[0]?.listener.onLateDelivery(2)
  t.match(rig.snapshot(), { state: 'half-open', linesDelivered: 1, queueLines: 0 })
  rig.child.ready()
  rig.offer('b')
  t.equal(rig.child.text, 'b\n')
  t.equal(rig.snapshot().linesSkipped, 0)
})

t.test('a sink is hastened, once for the lines that it holds, while somebody waits for their acceptance', async t => {
  const rig = startedRig({ windowBytes: 4 })
  rig.offer('a')
  rig.offer('b')
  rig.offer('c')
  rig.child.accept(2)
  const before = rig.child.hastened
  rig.offer('d')
  const settling = rig.lane.settle(clock.now() + 1000)
  await settled()
  t.equal(rig.child.text, 'a\nb\nc\n')
  t.equal(rig.child.hastened, before + 1)
  rig.offer('e')
  t.equal(rig.child.hastened, before + 1, 'it knows')
  rig.child.accept(2)
  t.equal(rig.child.text, 'a\nb\nc\nd\ne\n')
  t.equal(rig.child.hastened, before + 2, 'all lines have gone, and somebody waits for them')
  rig.child.accept()
  await settling
  rig.offer('f')
  rig.child.accept(1)
  t.equal(rig.child.hastened, before + 2, 'nobody waits any more')
})

t.test('a sink is hastened for a probe, whose outcome the breaker waits for', async t => {
  const rig = startedRig({ breaker: { failureThreshold: 1, recoveryTimeoutMs: 30000 } })
  rig.child.fail()
  rig.advance(30000)
  rig.offer('a')
  rig.child.ready()
  t.match([rig.child.text, rig.snapshot().state], ['a\n', 'half-open'])
  t.equal(rig.child.hastened, 1)
  rig.child.deliver()
  rig.offer('b')
  t.match([rig.child.text, rig.snapshot().state], ['a\nb\n', 'closed'])
  t.equal(rig.child.hastened, 1, 'not once the breaker is closed')
})

t.test('a sink is hastened at the end', async t => {
  const rig = startedRig()
  rig.offer('a')
  const draining = rig.lane.drain(clock.now() + 1000)
  t.equal(rig.child.hastened, 1)
  rig.child.accept()
  await draining
})

t.test('a sink is hastened while lines wait for what it holds', async t => {
  const rig = startedRig({ queue: { maxLines: 2, overflow: 'block' } })
  rig.offer('a')
  rig.offer('b')
  t.equal(rig.child.hastened, 0)
  rig.offer('c')
  t.equal(rig.child.hastened, 1)
  rig.child.accept()
  t.equal(rig.child.text, 'a\nb\nc\n')
  t.equal(rig.child.hastened, 1, 'nothing waits any more')
})

t.test('who offers lines', async t => {
  t.test('can tell the oldest that has not come to its end: each before it has', async t => {
    const rig = startedRig({ kind: 'delivery', deadLetter: { maxBytes: 1000 } })
    t.equal(rig.lane.firstHeldLine, 0)
    rig.offer('a')
    rig.offer('b', 'c')
    t.equal(rig.lane.firstHeldLine, 0)
    rig.child.settle()
    t.equal(rig.lane.firstHeldLine, 1, 'the first has arrived')
    rig.child.refuse()
    rig.child.refuse()
    t.equal(rig.lane.firstHeldLine, 1, 'the second was refused, and is on its way to the dead letters')
    rig.child.settle()
    t.equal(rig.lane.firstHeldLine, 1)
    await rig.bury()
    t.equal(rig.lane.firstHeldLine, 3)
  })

  t.test('can wait until something holds, or for a time', async t => {
    const rig = startedRig({ kind: 'delivery' })
    rig.offer('a')
    let holds = 0
    rig.lane.until(() => rig.lane.firstHeldLine === 1, Infinity).then(() => { holds++ })
    rig.lane.until(() => false, clock.now() + 1000).then(() => { holds++ })
    await settled()
    t.equal(holds, 0)
    rig.child.settle()
    await settled()
    t.equal(holds, 1)
    rig.advance(1000)
    await settled()
    t.equal(holds, 2)
  })
})
