import t from 'tap'
import { HandClock, settled } from './support/hand-clock.js'
import { LaneRig, type LaneRigOptions } from './support/lane-rig.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

/** A lane whose sink has started, and a way to ask what became of a line that it is offered now. */
function startedRig (options: LaneRigOptions = {}) {
  const rig = new LaneRig({ clock, ...options })
  rig.lane.start()
  rig.child.ready()
  const offer = (line: string) => {
    const mark = rig.lane.nextMark
    rig.offer(line)
    return () => rig.lane.fateOf(mark)
  }
  return { rig, offer }
}

t.test('a line is held until it is delivered, and has arrived then for good', async t => {
  const { rig, offer } = startedRig()
  const fates = [offer('a'), offer('b')]
  rig.child.accept()
  t.same(fates.map(fate => fate()), ['held', 'held'])
  rig.child.deliver(2)
  t.same(fates.map(fate => fate()), ['arrived', 'held'])
  rig.child.deliver()
  t.same(fates.map(fate => fate()), ['arrived', 'arrived'])
})

t.test('a line that its sink has accepted has arrived once it has been quiet', async t => {
  const { rig, offer } = startedRig()
  const fate = offer('a')
  rig.child.accept()
  rig.advance(6000)
  t.equal(fate(), 'arrived')
})

t.test('a line whose sink has failed since is at risk, and lost as long as the breaker is not closed', async t => {
  const { rig, offer } = startedRig({ breaker: { failureThreshold: 2, recoveryTimeoutMs: 1000 } })
  const fate = offer('a')
  rig.child.fail()
  t.equal(fate(), 'failing')
  rig.advance(5000)
  rig.child.ready()
  rig.child.fail()
  t.equal(fate(), 'lost')
  rig.advance(5000)
  rig.child.ready()
  rig.child.deliver()
  t.equal(fate(), 'arrived', 'it was delivered after all')
})

t.test('a line that was dropped as it came is lost', async t => {
  const { rig, offer } = startedRig({ windowBytes: 1, queue: { maxLines: 1, blockTimeoutMs: 0, overflow: 'drop-oldest' } })
  offer('a')
  const [dropped, another] = [offer('b'), offer('c')]
  t.ok((rig.snapshot().linesDropped['queue-full'] ?? 0) > 0)
  t.same([dropped(), another()], ['lost', 'lost'])
})

t.test('a line that waits behind others, as they hold the app back, has not arrived before it', async t => {
  const { rig, offer } = startedRig({ windowBytes: 1, queue: { maxLines: 2, overflow: 'block' } })
  const fates = ['a', 'b', 'c', 'd'].map(offer)
  t.ok(rig.lane.isPressing)
  for (const expected of [['arrived', 'held', 'held', 'held'], ['arrived', 'arrived', 'held', 'held'], ['arrived', 'arrived', 'arrived', 'held'], ['arrived', 'arrived', 'arrived', 'arrived']]) {
    rig.child.deliver()
    t.same(fates.map(fate => fate()), expected)
  }
})

t.test('a line that went to the fallback is the business of that', async t => {
  const { rig, offer } = startedRig({ whenOpen: 'fallback', hasFallback: true, breaker: { failureThreshold: 1 } })
  const fate = offer('a')
  rig.child.fail()
  t.equal(rig.fallbackText, 'a\n')
  t.equal(fate(), 'arrived')
})

t.test('a line that was still here at the end is lost, and what went wrong last is told', async t => {
  const { rig, offer } = startedRig()
  const fate = offer('a')
  rig.child.fail('http-503')
  const ended = rig.lane.end(clock.now())
  rig.advance(1)
  await settled()
  await ended
  t.equal(fate(), 'lost')
  t.same(rig.undelivered, [1])
  t.match(rig.lastFailures, [{ reason: 'http-503', err: { message: 'http-503' } }])
})
