import t from 'tap'
import { HandClock, settled } from './support/hand-clock.js'
import { LaneRig, type LaneRigOptions } from './support/lane-rig.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

/** A lane whose delivery sink has started, and gathers lines for a second. */
function startedRig ({ kind = 'delivery', ...options }: LaneRigOptions & { kind?: 'stream' | 'delivery' } = {}): LaneRig {
  const rig = new LaneRig({ clock, batch: { maxMs: 1000, maxBytes: 100 }, ...options })
  rig.lane.start()
  rig.child.ready(kind)
  return rig
}

const sent = (rig: LaneRig): string[] => rig.child.sent.map(({ lines }) => lines.bytes.toString())

t.test('lines that come within a second of the first go together', async t => {
  const rig = startedRig()
  rig.offer('a')
  rig.advance(500)
  rig.offer('b')
  rig.advance(499)
  t.same(sent(rig), [])
  t.match(rig.snapshot(), { queueLines: 2 })
  rig.advance(1)
  t.same(sent(rig), ['a\nb\n'])
  rig.child.settle()
  rig.offer('c')
  rig.advance(999)
  t.equal(sent(rig).length, 1)
  rig.advance(1)
  t.same(sent(rig), ['a\nb\n', 'c\n'])
  rig.child.settle()
  rig.check()
})

t.test('lines that were gathered go together, however many blocks of the queue they fill', async t => {
  const rig = startedRig({ batch: { maxMs: 1000, maxBytes: 512 * 1024 } })
  const line = 'x'.repeat(40 * 1024)
  for (let n = 0; n < 6; n++) rig.offer(line)
  rig.advance(1000)
  t.match(rig.child.sent.map(({ lines }) => lines.count), [6])
  rig.child.settle()
  rig.check()
})

t.test('a full batch goes at once, and what is left a second after the first line', async t => {
  const rig = startedRig()
  const line = 'x'.repeat(39)
  rig.offer(line)
  rig.advance(900)
  rig.offer(line)
  t.equal(sent(rig).length, 0)
  rig.offer(line)
  t.same(sent(rig), [`${line}\n${line}\n`])
  rig.child.settle()
  rig.advance(99)
  t.equal(sent(rig).length, 1)
  rig.advance(1)
  t.equal(sent(rig).length, 2)
})

t.test('a line waits no longer because the sink was busy when it came', async t => {
  const rig = startedRig()
  rig.offer('a')
  rig.advance(1000)
  rig.offer('b')
  rig.advance(600)
  rig.child.settle()
  rig.advance(399)
  t.equal(sent(rig).length, 1)
  rig.advance(1)
  t.same(sent(rig), ['a\n', 'b\n'])
})

t.test('a line waits no longer because older ones were sent', async t => {
  const rig = startedRig()
  const line = 'x'.repeat(39)
  rig.offer(line)
  rig.advance(900)
  rig.offer(line, line)
  t.equal(sent(rig).length, 1)
  rig.child.settle()
  rig.advance(1000)
  t.equal(sent(rig).length, 2)
})

t.test('a lane that gathers lines is not behind, and one whose sink has them is', async t => {
  const rig = startedRig()
  t.notOk(rig.lane.isBehind)
  rig.offer('a')
  t.notOk(rig.lane.isBehind)
  rig.advance(1000)
  t.ok(rig.lane.isBehind)
  rig.child.settle()
  t.notOk(rig.lane.isBehind)
})

t.test('a batch that is full as it comes goes at once', async t => {
  const rig = startedRig()
  rig.offer('x'.repeat(120))
  t.equal(sent(rig).length, 1)
  t.match(rig.snapshot(), { queueLines: 0, unsettledLines: 1 })
})

t.test('lines after a batch that went at once are gathered anew', async t => {
  const rig = startedRig()
  rig.offer('x'.repeat(120))
  rig.child.settle()
  rig.advance(5000)
  rig.offer('a')
  t.equal(sent(rig).length, 1)
  rig.advance(1000)
  t.equal(sent(rig).length, 2)
})

t.test('a flush with nothing to flush hurries no later line', async t => {
  const rig = startedRig()
  const flushed = rig.lane.flush(clock.now() + 5000)
  await settled()
  rig.child.flushes[0]?.()
  await flushed
  rig.offer('a')
  t.equal(sent(rig).length, 0)
})

t.test('lines that wait for the start of the sink have waited', async t => {
  const rig = new LaneRig({ clock, batch: { maxMs: 1000, maxBytes: 100 } })
  rig.lane.start()
  rig.offer('a')
  rig.advance(1000)
  rig.child.ready('delivery')
  t.same(sent(rig), ['a\n'])
})

t.test('a flush does not wait', async t => {
  const rig = startedRig()
  rig.offer('a')
  const flushed = rig.lane.flush(clock.now() + 5000)
  await settled()
  t.same(sent(rig), ['a\n'])
  rig.child.settle()
  await settled()
  rig.child.flushes[0]?.()
  await flushed
  rig.offer('b')
  t.equal(sent(rig).length, 1, 'and what comes later is gathered again')
})

t.test('a flush of several batches does not wait for any of them', async t => {
  const rig = startedRig()
  const line = 'x'.repeat(39)
  rig.offer(line, line, line, line, line)
  const flushed = rig.lane.flush(clock.now() + 5000)
  await settled()
  for (const sum of [2, 4, 5]) {
    t.equal(rig.child.sent.reduce((lines, parcel) => lines + parcel.lines.count, 0), sum)
    rig.child.settle()
  }
  await settled()
  rig.child.flushes[0]?.()
  await flushed
})

t.test('a lane that ends leaves no timer', async t => {
  const rig = startedRig()
  const timers = clock.timers
  rig.offer('a')
  t.equal(clock.timers, timers + 1)
  const ended = rig.lane.end(clock.now())
  clock.advance(0)
  rig.child.listener.onEnded()
  clock.advance(1)
  await ended
  t.equal(clock.timers, timers)
})

t.test('the end does not wait', async t => {
  const rig = startedRig()
  rig.offer('a')
  const drained = rig.lane.drain(clock.now() + 5000)
  t.same(sent(rig), ['a\n'])
  rig.child.settle()
  await drained
  const timers = clock.timers
  const ended = rig.lane.end(clock.now() + 1000)
  rig.child.listener.onEnded()
  await ended
  t.ok(clock.timers <= timers)
  t.match(rig.snapshot(), { linesDelivered: 1 })
})

t.test('lines that have failed go again without waiting, after the back-off', async t => {
  const rig = startedRig({ breaker: { failureThreshold: 3 } })
  rig.offer('a')
  rig.advance(1000)
  rig.child.settle('network')
  rig.advance(200)
  t.same(sent(rig), ['a\n', 'a\n'])
})

t.test('a probe does not wait', async t => {
  const rig = startedRig({ breaker: { failureThreshold: 1, recoveryTimeoutMs: 5000, jitter: 0 } })
  rig.offer('a')
  rig.advance(1000)
  rig.child.settle('network')
  rig.offer('b')
  rig.advance(5000)
  t.equal(sent(rig).length, 2)
})

t.test('a full queue does not wait', async t => {
  const rig = startedRig({ batch: { maxMs: 1000, maxBytes: 512 * 1024 }, queue: { maxLines: 3 } })
  rig.offer('a', 'b', 'c')
  t.equal(sent(rig).length, 0)
  rig.offer('d')
  t.equal(sent(rig).length, 1)
  t.match(rig.snapshot(), { linesDropped: {} })
})

t.test('a sink that takes a stream gets lines as they come', async t => {
  const rig = startedRig({ kind: 'stream' })
  rig.offer('a')
  t.same(sent(rig), ['a\n'])
})

t.test('the time in which lines are gathered does not make a sink look slow', async t => {
  const rig = startedRig({ batch: { maxMs: 1000, maxBytes: 1000 }, queue: { maxBytes: 10000, blockTimeoutMs: 100 } })
  for (let n = 0; n < 5; n++) {
    rig.offer('a')
    rig.advance(1000)
    rig.advance(1)
    rig.child.settle()
  }
  rig.offer('a')
  rig.advance(900)
  // A burst that fills the queue. The sink takes a batch of 1000 bytes in 1 ms.
  for (let n = 0; n < 60; n++) {
    rig.offer('x'.repeat(499))
    if (n % 4 !== 0) continue
    rig.advance(1)
    rig.child.settle()
  }
  while (rig.snapshot().queueLines > 0) {
    rig.advance(1)
    rig.child.settle()
  }
  t.match(rig.snapshot(), { linesDropped: {} })
  t.same(rig.losses, [])
})

t.test('a sink that takes one full batch after another is measured over all of them', async t => {
  const rig = startedRig({ batch: { maxMs: 1000, maxBytes: 1000 }, queue: { maxBytes: 3000, blockTimeoutMs: 5000 } })
  for (let n = 0; n < 30; n++) {
    while (!rig.lane.isPressing) rig.offer('x'.repeat(499))
    rig.advance(800)
    rig.child.settle()
  }
  t.same(rig.losses, [])
})
