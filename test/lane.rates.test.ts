import t from 'tap'
import type { BreakerOptions } from '#lib/breaker'
import type { SinkKind } from '#lib/child/child'
import { HandClock, settled } from './support/hand-clock.js'
import { LaneRig, type LaneRigOptions } from './support/lane-rig.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

const SLOWNESS: BreakerOptions = { slowMs: 1000, minimumAttempts: 3, recoveryTimeoutMs: 5000 }
const TRIPPED = ['closed>open slow']

function startedRig (breaker: BreakerOptions, { kind = 'delivery', ...options }: LaneRigOptions & { kind?: SinkKind } = {}): LaneRig {
  const rig = new LaneRig({ clock, breaker, ...options })
  rig.lane.start()
  rig.child.ready(kind)
  return rig
}

/** Sends lines one by one, each of which is answered after that time. */
function sendEach (rig: LaneRig, tookMs: number, ...lines: string[]): void {
  for (const line of lines) {
    rig.offer(line)
    rig.advance(tookMs)
    rig.child.settle()
  }
}

t.test('a delivery sink whose send slows down trips its breaker, its lines are held, and arrive once a probe is fast', async t => {
  const rig = startedRig(SLOWNESS)
  sendEach(rig, 5, 'a', 'b', 'c')
  sendEach(rig, 2000, 'd', 'e')
  t.strictSame(rig.story, [])
  sendEach(rig, 2000, 'f')
  t.match(rig.transitions, [{ reason: 'slow', attempts: 6, slowRate: 0.5, tookMs: 2000 }])
  rig.offer('g')
  rig.offer('h')
  t.match(rig.snapshot(), { state: 'open', linesDelivered: 6, queueLines: 2, restarts: 0, failures: {} })
  rig.advance(5000)
  t.equal(rig.snapshot().state, 'half-open')
  rig.advance(2000)
  rig.child.settle()
  t.match(rig.transitions.at(-1), { from: 'half-open', to: 'open', reason: 'slow', tookMs: 2000 })
  t.match(rig.snapshot(), { linesDelivered: 8 }, 'the lines of a slow probe have arrived')
  rig.offer('i')
  rig.advance(5000)
  rig.advance(5)
  rig.child.settle()
  t.match(rig.snapshot(), { state: 'closed', linesDelivered: 9, linesReceived: 9 })
  t.equal(rig.child.text, 'a\nb\nc\nd\ne\nf\ng\nh\ni\n')
})

t.test('the time in which lines were gathered does not make an attempt slow', async t => {
  const rig = startedRig(SLOWNESS, { batch: { maxMs: 3000, maxBytes: 1000 } })
  for (let n = 0; n < 9; n++) {
    rig.offer('x')
    rig.advance(3000)
    rig.advance(900)
    rig.child.settle()
  }
  t.strictSame(rig.story, [])
  t.equal(rig.snapshot().linesDelivered, 9)
})

t.test('the time in which the thread was stopped does not make an attempt slow', async t => {
  const rig = startedRig(SLOWNESS)
  for (let n = 0; n < 9; n++) {
    rig.offer('x')
    clock.stop(5000)
    rig.child.settle()
  }
  t.strictSame(rig.story, [])
})

t.test('of a send that answers for each line, the attempt is as slow as any', async t => {
  const rig = startedRig({ ...SLOWNESS, minimumAttempts: 2 })
  for (let n = 0; n < 2; n++) {
    rig.offer('a', 'b')
    rig.advance(1500)
    rig.child.reject({ outcome: { refused: [], retry: [1] } })
    rig.advance(1000)
    if (n === 0) rig.child.settle()
  }
  t.match(rig.transitions, [{ reason: 'slow' }])
})

t.test('an attempt of a stream is slow by the time until it accepts, however late the delivery is proven', async t => {
  const rig = startedRig({ ...SLOWNESS, minimumAttempts: 2 }, { kind: 'stream' })
  for (let n = 0; n < 6; n++) {
    rig.offer('x')
    rig.child.accept()
    rig.advance(3000)
    rig.child.deliver()
  }
  t.strictSame(rig.story, [])
  for (let n = 0; n < 8 && rig.story.length === 0; n++) {
    rig.offer('y')
    rig.advance(1001)
    rig.child.accept()
    rig.child.deliver()
  }
  t.strictSame(rig.story, TRIPPED)
})

t.test('a stream that proves nothing is judged once its acceptances have stayed quiet, by the time that these took', async t => {
  const rig = startedRig({ ...SLOWNESS, minimumAttempts: 2, settleMs: 6000 }, { kind: 'stream' })
  for (let n = 0; n < 2; n++) {
    rig.offer('x')
    rig.advance(1500)
    rig.child.accept()
  }
  t.strictSame(rig.story, [])
  rig.advance(8000)
  t.match(rig.transitions, [{ reason: 'slow', tookMs: 1500 }])
})

t.test('a stream that proves nothing and accepts at once is never slow', async t => {
  const rig = startedRig({ ...SLOWNESS, minimumAttempts: 1 }, { kind: 'stream' })
  for (let n = 0; n < 10; n++) {
    rig.offer('x')
    rig.child.accept()
    rig.advance(2000)
  }
  rig.advance(10000)
  t.strictSame(rig.story, [])
  t.equal(rig.snapshot().linesDelivered, 10)
})

t.test('a request that is answered well judges an attempt by the time until its lines were accepted', async t => {
  const rig = startedRig({ ...SLOWNESS, minimumAttempts: 2 }, { kind: 'stream', sense: { console: false } })
  const answer = (acceptedAfterMs: number): void => {
    rig.offer('x')
    rig.advance(acceptedAfterMs)
    rig.child.accept()
    rig.advance(3000)
    rig.child.listener.onAnswered(rig.child.given)
  }
  for (let n = 0; n < 4; n++) answer(10)
  t.strictSame(rig.story, [])
  for (let n = 0; n < 4 && rig.story.length === 0; n++) answer(1500)
  t.strictSame(rig.story, TRIPPED)
})

t.test('of a stream whose requests are seen, a request is one attempt, however many batches it holds', async t => {
  const rig = startedRig({ failureThreshold: 3, failureRate: 0.5, minimumAttempts: 10 }, { kind: 'stream', sense: { console: false } })
  rig.child.listener.onSensed('requests')
  for (let n = 0; n < 10 && rig.story.length === 0; n++) {
    for (const line of 'abcde') rig.offer(`${n}${line}`)
    rig.child.accept()
    if (n % 2 === 0) rig.child.listener.onAnswered(rig.child.given)
    else rig.child.listener.onSetback({ reason: 'http-503', err: { type: 'Error', message: 'unavailable' } })
    rig.advance(500)
  }
  t.match(rig.transitions, [{ reason: 'failure-rate', attempts: 10, failureRate: 0.5 }])
})

t.test('lines that a slow stream holds as its breaker opens stay there, and are delivered once', async t => {
  const rig = startedRig({ ...SLOWNESS, minimumAttempts: 1, slowRate: 1 }, { kind: 'stream', whenOpen: 'fallback', hasFallback: true })
  rig.offer('a')
  rig.offer('b')
  rig.advance(1500)
  rig.child.deliver(2)
  t.strictSame(rig.story, TRIPPED)
  rig.offer('c')
  t.match(rig.snapshot(), { unsettledLines: 1, linesFallback: 1, restarts: 0 })
  rig.child.deliver()
  t.match(rig.snapshot(), { linesDelivered: 2, linesFallback: 1, unsettledLines: 0 })
  t.equal(rig.child.text, 'a\nb\n')
})

t.test('a sink that fails every second time trips the rate, not the threshold, and every line arrives once, in order', async t => {
  const rig = startedRig({ failureThreshold: 3, failureRate: 0.5, recoveryTimeoutMs: 1000 })
  let isOdd = false
  const arrived: string[] = []
  const answerAll = (): void => {
    for (let n = 0; rig.child.isAsked && n < 100; n++) {
      isOdd = !isOdd
      if (!isOdd) arrived.push(...rig.child.last.lines.bytes.toString().trimEnd().split('\n'))
      rig.child.settle(isOdd ? 'http-503' : undefined)
    }
  }
  for (let n = 0; n < 20 && rig.story.length === 0; n++) {
    rig.offer(`${n}`)
    answerAll()
    rig.advance(200)
    answerAll()
  }
  t.match(rig.transitions, [{ reason: 'failure-rate', err: { message: 'http-503' } }])
  t.ok((rig.transitions[0]?.failureRate ?? 0) >= 0.5 && (rig.transitions[0]?.attempts ?? 0) >= 10)
  for (let n = 0; n < 60 && (rig.snapshot().queueLines > 0 || rig.snapshot().state !== 'closed'); n++) {
    rig.advance(500)
    if (!rig.child.isAsked) continue
    arrived.push(...rig.child.last.lines.bytes.toString().trimEnd().split('\n'))
    rig.child.settle()
  }
  const { linesReceived, linesDelivered, linesDropped, state } = rig.snapshot()
  t.equal(state, 'closed')
  t.strictSame(arrived, Array.from({ length: linesReceived }, (_, n) => `${n}`))
  t.equal(linesDelivered, linesReceived)
  t.strictSame(linesDropped, {})
})

t.test('at the end slowness does not count: a breaker that slowness has opened closes by a slow probe, and its lines arrive', async t => {
  const rig = startedRig({ ...SLOWNESS, minimumAttempts: 1 }, { batch: { maxMs: 0, maxBytes: 8 } })
  sendEach(rig, 1500, 'a')
  t.strictSame(rig.story, TRIPPED)
  for (const line of ['bbbbbbb', 'ccccccc', 'ddddddd']) rig.offer(line)
  let isDrained = false
  rig.lane.drain(clock.now() + 9000).then(() => { isDrained = true })
  for (let n = 0; n < 6; n++) {
    rig.advance(1500)
    if (rig.child.isAsked) rig.child.settle()
    await settled()
  }
  t.match(rig.snapshot(), { state: 'closed', linesDelivered: 4, queueLines: 0 })
  t.equal(isDrained, true)
})

t.test('a lane without rates reports durations as before, and no breaker trips by them', async t => {
  const rig = startedRig({})
  sendEach(rig, 9000, ...'abcdefghijklmnopqrst')
  t.strictSame(rig.story, [])
  t.equal(rig.snapshot().attempts.count, 20)
})
