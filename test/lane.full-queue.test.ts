import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { Batch } from '#lib/batch'
import type { LaneSettings } from '#lib/lane/lane-deps'
import { HandClock, settled } from './support/hand-clock.js'
import { protectErrors, ThirdReader } from './support/protection.js'
import { LaneRig } from './support/lane-rig.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

/** A lane whose sink is given one batch at a time. */
function createRig (queue: Partial<LaneSettings['queue']> = {}): LaneRig {
  const rig = new LaneRig({ clock, windowBytes: 1, queue: { maxBytes: 100, maxLines: 1000, ...queue } })
  rig.lane.start()
  rig.child.ready()
  return rig
}

/** One that is full: the sink has a line of ten bytes, nine more wait. */
function createFullRig (queue: Partial<LaneSettings['queue']> = {}): LaneRig {
  const rig = createRig(queue)
  for (let i = 0; i < 10; i++) rig.offer(line(i === 0 ? 'a' : 'b', 10))
  return rig
}

/** A line of so many bytes with its newline. */
const line = (letter: string, bytes: number): string => letter.repeat(bytes - 1)

const dropped = (rig: LaneRig): number => rig.snapshot().linesDropped['queue-full'] ?? 0

t.test('a line that is larger than the queue takes no others with it, wherever it stands among new lines', async t => {
  for (const overflow of ['drop-oldest', 'drop-newest'] as const) {
    for (const place of [0, 2, 4]) {
      const rig = createRig({ overflow, blockTimeoutMs: 0 })
      rig.offer(line('a', 10))
      const lines = ['b', 'c', 'd', 'e'].map(letter => line(letter, 10))
      rig.offer(...lines.slice(0, place), line('x', 200), ...lines.slice(place))
      t.match(rig.snapshot(), { linesDropped: { 'queue-full': 1 }, queueLines: 4 }, `${overflow}, at ${place}`)
    }
  }
})

t.test('lines that were accepted and only stay for a failure make room before any is held back or dropped', async t => {
  const rig = createRig()
  for (const letter of ['a', 'b', 'c']) {
    rig.offer(line(letter, 30))
    rig.child.accept()
  }
  t.match(rig.snapshot(), { linesDelivered: 0, unsettledLines: 3 })
  rig.offer(line('d', 30))
  t.match(rig.snapshot(), { linesDelivered: 1, unsettledLines: 3 })
  t.notOk(rig.lane.isPressing)
  t.equal(dropped(rig), 0)
})

t.test('a single line goes straight to a sink that has nothing else, whatever its size', async t => {
  const rig = createRig()
  rig.offer(line('a', 200))
  t.equal(rig.child.given, 200)
})

t.test('a full queue holds new lines back, and lets them in as the sink takes others', async t => {
  const rig = createFullRig()
  rig.offer(line('c', 10))
  t.ok(rig.lane.isPressing)
  t.match(rig.snapshot(), { queueLines: 10, queueBytes: 110 })
  rig.child.deliver()
  t.notOk(rig.lane.isPressing)
  t.equal(rig.reliefs, 1)
  t.equal(dropped(rig), 0)
})

t.test('lines that come while others are held back queue up behind them', async t => {
  const rig = createFullRig()
  rig.offer(line('c', 10))
  rig.offer('d')
  for (let i = 0; i < 12; i++) rig.child.deliver()
  t.match(rig.child.text, /b\nc{9}\nd\n$/)
})

t.test('of a large batch as many lines come in as there is room for', async t => {
  const rig = createRig({ maxLines: 3 })
  rig.offer('a', 'b', 'c', 'd', 'e', 'f', 'g')
  t.ok(rig.lane.isPressing)
  t.same(rig.batches, ['a b c'])
  rig.child.deliver()
  rig.child.deliver()
  t.notOk(rig.lane.isPressing)
  rig.child.deliver()
  t.same(rig.batches, ['a b c', 'd e f', 'g'])
  t.equal(dropped(rig), 0)
})

t.test('a single line that is larger than the queue comes in once nothing else is there', async t => {
  const rig = createRig({ maxBytes: 10 })
  rig.offer('a')
  rig.offer(line('x', 50))
  t.ok(rig.lane.isPressing)
  rig.child.deliver()
  t.notOk(rig.lane.isPressing)
  t.equal(rig.child.given, 52)
})

t.test('a sink that stays silent costs lines, and nothing is held back any more', async t => {
  const rig = createFullRig()
  rig.offer(line('c', 10))
  clock.advance(479)
  t.ok(rig.lane.isPressing)
  clock.advance(60)
  t.notOk(rig.lane.isPressing)
  t.equal(dropped(rig), 1)
  t.equal(rig.reliefs, 1)
})

t.test('nothing is held back once the breaker opens', async t => {
  for (const overflow of ['drop-oldest', 'drop-newest', 'block'] as const) {
    const rig = createFullRig({ overflow })
    rig.offer(line('c', 10))
    t.ok(rig.lane.isPressing)
    for (let failure = 0; failure < 5; failure++) {
      rig.child.fail()
      clock.advance(10)
      if (rig.lane.isTripped) break
      clock.advance(10000)
      rig.child.ready()
    }
    t.ok(rig.lane.isTripped)
    t.notOk(rig.lane.isPressing)
    t.equal(dropped(rig), 1)
  }
})

t.test('a diagnostic that is dropped makes no diagnostic', async t => {
  const rig = createFullRig({ overflow: 'drop-newest', blockTimeoutMs: 0 })
  rig.lane.offer(new Batch(`${line('d', 10)}\n`, 1, { isDiagnostic: true }))
  t.equal(dropped(rig), 1)
  t.equal(rig.losses.length, 0)
})

t.test('lines that are held back at the end are given up with the rest, and no timer is left', async t => {
  const rig = createFullRig()
  rig.offer(line('c', 10))
  const ended = rig.lane.drain(clock.now() + 20).then(() => rig.lane.end(clock.now() + 20))
  for (let i = 0; i < 5; i++) {
    clock.advance(20)
    await settled()
  }
  await ended
  t.notOk(rig.lane.isPressing)
  t.same(rig.undelivered, [11])
  t.equal(clock.timers, 0)
})

t.test('lines that are held back at the end go to the fallback with the rest', async t => {
  const rig = new LaneRig({ clock, windowBytes: 1, hasFallback: true, queue: { maxLines: 2 } })
  rig.lane.start()
  rig.child.ready()
  rig.offer('a', 'b', 'c', 'd')
  t.ok(rig.lane.isPressing)
  const ended = rig.lane.drain(clock.now() + 20).then(() => rig.lane.end(clock.now() + 20))
  for (let i = 0; i < 5; i++) {
    clock.advance(20)
    await settled()
  }
  await ended
  t.equal(rig.fallbackText, 'a\nb\nc\nd\n')
})

t.test('whatever comes and goes, lines keep their order, the limits hold, and every line is queued, out or dropped', async () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('offer' as const), lengths: fc.array(fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 4, max: 12 }) }, { weight: 1, arbitrary: fc.integer({ min: 50, max: 90 }) }), { minLength: 1, maxLength: 8 }) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('accept' as const), bytes: fc.integer({ min: 1, max: 60 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('deliver' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(1500) }) }
  )
  fc.assert(fc.property(
    fc.array(step, { maxLength: 60 }),
    fc.record({ overflow: fc.constantFrom('drop-oldest' as const, 'drop-newest' as const, 'block' as const), maxBytes: fc.integer({ min: 20, max: 80 }), maxLines: fc.integer({ min: 1, max: 10 }) }),
    fc.constantFrom(1, 30, 1000),
    fc.boolean(),
    (steps, queue, windowBytes, protects) => {
      const rig = new LaneRig({ clock, windowBytes, writeTimeoutMs: 1e9, queue: { ...queue, ...protects && { protectLevel: 'error' } } })
      if (protects) rig.lane.protect(protectErrors(new ThirdReader()))
      rig.lane.start()
      rig.child.ready()
      let offered = 0
      for (const step of steps) {
        switch (step.do) {
          case 'offer':
            rig.offer(...step.lengths.map(length => `${offered++}.`.padEnd(length, 'x')))
            break
          case 'accept':
            rig.child.accept(Math.min(step.bytes, rig.child.given - rig.child.accepted))
            break
          case 'deliver':
            rig.child.deliver(rig.child.accepted - rig.child.delivered)
            break
          case 'wait':
            rig.advance(step.ms)
        }
        const { queueLines, queueBytes, unsettledLines } = rig.snapshot()
        const lines = queueLines + unsettledLines
        assert.ok(rig.lane.isPressing || lines <= 1 || (lines <= queue.maxLines && queueBytes <= queue.maxBytes), 'a limit is exceeded')
      }
      const numbers = rig.child.text.split('\n').slice(0, -1).map(Number.parseFloat)
      assert.ok(numbers.every((number, i) => i === 0 || number > (numbers[i - 1] as number)), 'lines change their order')
    }
  ), { numRuns: 300 })
})
