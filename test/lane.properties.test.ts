import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { Batch } from '#lib/batch'
import type { SinkKind } from '#lib/child/child'
import type { FailureReason } from '#lib/failure'
import { HandClock, settled } from './support/hand-clock.js'
import { LaneRig, type LaneRigOptions } from './support/lane-rig.js'
import { isThird, protectErrors, ThirdReader } from './support/protection.js'

/** One thing that can happen to a lane: to its entrance, to its sink, or to the clock. */
type Step =
  | { do: 'offer', lengths: number[], isDiagnostic: boolean }
  | { do: 'refuse' }
  | { do: 'ready' }
  | { do: 'accept' | 'deliver', share: number }
  | { do: 'settle', fails: boolean, again: number }
  | { do: 'fail', reason: FailureReason }
  | { do: 'ended' | 'sensed' | 'setback' }
  | { do: 'refused' | 'answered', share: number }
  | { do: 'wait', ms: number }
  | { do: 'flush' }

const CLOSE_TIMEOUT_MS = 1500

const share = fc.constantFrom(0, 0.1, 0.3, 0.5, 0.9, 1, 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('offer' as const), lengths: fc.array(fc.oneof({ weight: 15, arbitrary: fc.nat(30) }, { weight: 1, arbitrary: fc.constantFrom(300, 40000, 70000) }), { minLength: 1, maxLength: 6 }), isDiagnostic: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'refuse' }) },
  { weight: 8, arbitrary: fc.constant<Step>({ do: 'ready' }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('accept' as const, 'deliver' as const), share }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('settle' as const), fails: fc.boolean(), again: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('fail' as const), reason: fc.constantFrom<FailureReason>('stream-error', 'start-failed', 'thread-exit') }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'ended' }, { do: 'sensed' }, { do: 'setback' }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('refused' as const, 'answered' as const), share }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.oneof(fc.nat(200), fc.nat(1500)) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'flush' }) }
)

const protectLevel = fc.constantFrom({}, { protectLevel: 'error' })
const options: fc.Arbitrary<LaneRigOptions> = fc.record({
  whenOpen: fc.constantFrom('hold' as const, 'skip' as const, 'fallback' as const),
  redelivery: fc.constantFrom('at-least-once' as const, 'at-least-once' as const, 'at-most-once' as const),
  writeTimeoutMs: fc.constantFrom(100, 700),
  startTimeoutMs: fc.constant(900),
  sense: fc.constantFrom(false as const, { console: false }),
  windowBytes: fc.constantFrom(20, 200, 1e6),
  queue: fc.record({
    maxBytes: fc.constantFrom(60, 500, 1e6),
    maxLines: fc.constantFrom(5, 1000),
    overflow: fc.constantFrom('drop-oldest' as const, 'drop-newest' as const, 'block' as const),
    blockTimeoutMs: fc.constantFrom(0, 400)
  }).chain(queue => protectLevel.map(protection => ({ ...queue, ...protection }))),
  breaker: fc.record({
    failureThreshold: fc.constantFrom(1, 2, 100),
    recoveryTimeoutMs: fc.constantFrom(150, 800),
    halfOpenMaxCalls: fc.integer({ min: 1, max: 3 }),
    settleMs: fc.constantFrom(0, 250),
    mode: fc.constantFrom('enforce' as const, 'enforce' as const, 'observe' as const),
    enabled: fc.constantFrom(true, true, true, false),
    failureRate: fc.constantFrom(0.3, 1),
    slowMs: fc.constantFrom(1, 100),
    windowMs: fc.constantFrom(200, 10000),
    minimumAttempts: fc.integer({ min: 1, max: 3 })
  }, { requiredKeys: ['failureThreshold', 'recoveryTimeoutMs', 'halfOpenMaxCalls', 'settleMs', 'mode', 'enabled'] })
})

/** A lane that steps are done to, and that is asked after each whether all is well. */
class Course {
  readonly rig: LaneRig
  readonly kind: SinkKind
  readonly clock: HandClock
  readonly #isReady = new WeakSet<object>()
  readonly #isOver = new WeakSet<object>()
  /** Children that were asked to send lines again without being replaced. */
  readonly #repeats = new WeakSet<object>()
  /** Whether lines were refused: others are sent before them, until the sink has taken some. */
  #hasRefused = false
  #offered = 0

  constructor (kind: SinkKind, options: LaneRigOptions, clock: HandClock) {
    this.kind = kind
    this.clock = clock
    this.rig = new LaneRig({ ...options, clock, hasFallback: options.whenOpen === 'fallback' })
    if (options.queue?.protectLevel !== undefined) this.rig.lane.protect(protectErrors(new ThirdReader()))
    this.rig.lane.start()
  }

  async do (step: Step): Promise<void> {
    const { rig } = this
    const child = rig.children.at(-1)
    const isAlive = child !== undefined && !child.isDestroyed && !this.#isOver.has(child)
    const isReady = isAlive && this.#isReady.has(child)
    switch (step.do) {
      case 'offer':
        rig.lane.offer(new Batch(step.lengths.map(length => `${this.#offered++}.`.padEnd(length, 'x') + '\n').join(''), step.lengths.length, { isDiagnostic: step.isDiagnostic }))
        break
      case 'refuse':
        rig.lane.refuse(1, 'too-long')
        break
      case 'ready':
        if (!isAlive || isReady) return
        this.#isReady.add(child)
        child.ready(this.kind)
        break
      case 'accept':
        if (isReady && this.kind === 'stream') child.accept(Math.floor(step.share * (child.given - child.accepted)))
        break
      case 'deliver':
        if (isReady && this.kind === 'stream') child.deliver(Math.floor(step.share * (child.given - child.delivered)))
        break
      case 'answered':
        if (isReady && this.kind === 'stream') child.listener.onAnswered(Math.floor(step.share * child.accepted))
        break
      case 'refused':
        if (!isReady || this.kind === 'delivery') return
        this.#hasRefused = true
        child.listener.onRefused(Math.floor(step.share * child.accepted), { reason: 'http-400', err: { type: 'Error', message: 'refused' } })
        break
      case 'settle': {
        const id = child?.sent.at(-1 - step.again)?.id
        if (isReady && this.kind === 'delivery' && id !== undefined) child.settle(step.fails ? 'http-503' : undefined, id)
        break
      }
      case 'fail':
        if (!isAlive) return
        this.#isOver.add(child)
        child.fail(step.reason)
        break
      case 'ended':
        if (!isReady) return
        this.#isOver.add(child)
        child.listener.onEnded()
        break
      case 'sensed':
        if (isReady) child.listener.onSensed('requests')
        break
      case 'setback':
        if (!isReady) return
        this.#repeats.add(child)
        child.listener.onSetback({ reason: 'network', err: { type: 'Error', message: 'reset' } })
        break
      case 'wait':
        this.clock.advance(step.ms)
        break
      case 'flush':
        rig.lane.flush(this.clock.now() + 300)
    }
    await settled()
    this.check()
  }

  check (): void {
    const { rig } = this
    rig.check()
    const snapshot = rig.lane.snapshot()
    assert.ok(snapshot.queueLines >= 0 && snapshot.unsettledLines >= 0 && snapshot.queueBytes >= 0)
    assert.ok(snapshot.queueBytes > 0 || snapshot.queueLines + snapshot.unsettledLines === 0)
    assert.ok(snapshot.linesDroppedProtected <= (snapshot.linesDropped['queue-full'] ?? 0), 'the sum has these lines already')
  }

  /** The lane is told to end, and its time runs out. */
  async close (rest: readonly Step[]): Promise<void> {
    const { lane } = this.rig
    const deadline = this.clock.now() + CLOSE_TIMEOUT_MS
    let isClosed = false
    const closed = (async () => {
      await lane.drain(deadline)
      await lane.end(deadline)
      isClosed = true
    })()
    for (const step of rest) await this.do(step)
    for (let ms = 0; ms <= CLOSE_TIMEOUT_MS + 100; ms += 50) {
      this.clock.advance(50)
      await settled()
    }
    assert.ok(isClosed, 'the deadline is over, and the lane is not')
    await closed
  }

  /** Each protected line was handed over, or is counted where it was lost: none is skipped. */
  checkProtected ({ queue }: LaneRigOptions): void {
    const { linesDroppedProtected, linesDropped: { closed = 0 } } = this.rig.lane.snapshot()
    if (queue?.protectLevel === undefined) return assert.equal(linesDroppedProtected, 0)
    const handedOver = new Set([...this.rig.children.flatMap(({ sent }) => sent.map(({ lines: { bytes } }) => bytes.toString())), this.rig.fallbackText].flatMap(numbersOf))
    const lost = Array.from({ length: this.#offered }, (_, number) => number).filter(number => isThird(number) && !handedOver.has(number))
    assert.ok(lost.length <= linesDroppedProtected + closed, `${lost.length} protected lines are lost, ${linesDroppedProtected} are counted`)
  }

  /** What has to hold of everything that the sinks were given. */
  checkOrder ({ redelivery }: LaneRigOptions): void {
    // A probe that failed, maybe because of its lines, is followed by one of other lines.
    const hasDetours = this.#hasRefused || this.rig.transitions.some(({ from, to }) => from === 'half-open' && to === 'open')
    const fresh: number[] = []
    const seen = new Set<number>()
    for (const child of this.rig.children) {
      let last = -1
      for (const { lines } of child.sent) {
        const numbers = numbersOf(lines.bytes.toString())
        assert.equal(numbers.length, lines.count)
        for (const [i, number] of numbers.entries()) {
          if (i > 0) assert.ok(number > (numbers[i - 1] as number), 'a batch has its lines in order')
          if (this.kind === 'stream' && !hasDetours && !this.#repeats.has(child)) assert.ok(number > last, 'a child is given its lines in order')
          if (redelivery === 'at-most-once') assert.ok(!seen.has(number), 'a line is handed over once')
          last = number
          seen.add(number)
        }
        if (lines.attempts === 0) fresh.push(...numbers)
      }
    }
    for (const [i, number] of fresh.entries()) assert.ok(i === 0 || number > (fresh[i - 1] as number), 'new lines are handed over in order')
    const passedOn = this.rig.fallbackText.split('\n').slice(0, -1)
    assert.equal(new Set(passedOn).size, passedOn.length, 'a line goes to the fallback once')
  }
}

function numbersOf (text: string): number[] {
  return text.split('\n').slice(0, -1).map(line => Number(line.split('.')[0]))
}

for (const kind of ['stream', 'delivery'] as const) {
  t.test(`whatever happens to a lane with a ${kind} sink, each line is in one place, in order, and none is left at the end`, async () => {
    const clock = new HandClock()
    t.teardown(() => clock.release())
    await fc.assert(fc.asyncProperty(options, fc.array(step, { maxLength: 80, size: 'max' }), fc.array(step, { maxLength: 12 }), async (options, steps, lastSteps) => {
      const course = new Course(kind, options, clock.take())
      for (const step of steps) await course.do(step)
      await course.close(lastSteps)

      const { lane, children } = course.rig
      course.check()
      const snapshot = lane.snapshot()
      assert.deepEqual({ queueLines: snapshot.queueLines, unsettledLines: snapshot.unsettledLines, queueBytes: snapshot.queueBytes }, { queueLines: 0, unsettledLines: 0, queueBytes: 0 })
      for (const child of children) assert.ok(child.isDestroyed, 'a child is left')
      course.checkOrder(options)
      course.checkProtected(options)

      // The report of a loss that came after the end runs out by itself.
      const made = children.length
      clock.advance(30000)
      assert.equal(clock.timers, 0, 'a timer is left')
      assert.equal(children.length, made, 'something was started after the end')
    }), { numRuns: 300 })
  })
}
