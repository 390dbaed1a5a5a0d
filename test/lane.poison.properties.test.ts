import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { Batch } from '#lib/batch'
import type { Parcel } from '#lib/child/child'
import { HandClock } from './support/hand-clock.js'
import { LaneRig, type LaneRigOptions } from './support/lane-rig.js'

/** What the backend does while it is not itself: it is not there, or it refuses everything. */
type Outage = 'network' | 'http-503'

type Step =
  | { do: 'offer', bad: boolean[] }
  | { do: 'answer', times: number, tellsOfLines: boolean, throttles: boolean }
  | { do: 'outage', kind: Outage | undefined }
  | { do: 'wait', ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('offer' as const), bad: fc.array(fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }), { minLength: 1, maxLength: 12 }) }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('answer' as const), times: fc.integer({ min: 1, max: 6 }), tellsOfLines: fc.boolean(), throttles: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('outage' as const), kind: fc.constantFrom<Outage | undefined>(undefined, 'network', 'http-503') }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(900) }) }
)

const options: fc.Arbitrary<LaneRigOptions> = fc.record({
  deadLetter: fc.constant({ maxBytes: 1e9 }),
  breaker: fc.record({
    failureThreshold: fc.constantFrom(1, 2, 5),
    recoveryTimeoutMs: fc.constantFrom(150, 800),
    halfOpenMaxCalls: fc.integer({ min: 1, max: 2 })
  })
})

/** A lane before a backend that takes every line but some, whenever it is there. */
class Course {
  readonly rig: LaneRig
  readonly received: string[] = []
  readonly bad = new Set<string>()
  outage: Outage | undefined
  #offered = 0

  constructor (options: LaneRigOptions, clock: HandClock) {
    this.rig = new LaneRig({ ...options, clock })
    this.rig.lane.start()
    this.rig.child.ready('delivery')
  }

  get good (): string[] {
    return Array.from({ length: this.#offered }, (_, i) => `${i}`).filter(line => !this.bad.has(line))
  }

  async do (step: Step): Promise<void> {
    switch (step.do) {
      case 'offer': {
        const lines = step.bad.map(isBad => {
          const line = `${this.#offered++}`
          if (isBad) this.bad.add(line)
          return line
        })
        this.rig.lane.offer(new Batch(lines.map(line => `${line}\n`).join(''), lines.length))
        break
      }
      case 'answer':
        for (let i = 0; i < step.times && this.rig.child.isAsked; i++) this.#answer(this.rig.child.last, step)
        break
      case 'outage':
        this.outage = step.kind
        break
      case 'wait':
        this.rig.advance(step.ms)
    }
    await this.rig.bury()
  }

  /** As a backend does that takes all of a batch or nothing, or one that takes line by line. */
  #answer ({ lines: { bytes } }: Parcel, { tellsOfLines, throttles }: { tellsOfLines: boolean, throttles: boolean }): void {
    const { child } = this.rig
    const lines = bytes.toString().trimEnd().split('\n')
    const refused = lines.flatMap((line, i) => this.bad.has(line) ? [{ line: i, reason: `line ${line} is bad`, status: 400 }] : [])
    if (this.outage !== undefined) return child.settle(this.outage)
    if (tellsOfLines) {
      const retry = throttles ? lines.flatMap((line, i) => i % 3 === 2 && !this.bad.has(line) ? [i] : []) : []
      const isLeft = (i: number): boolean => !retry.includes(i) && !refused.some(({ line }) => line === i)
      this.received.push(...lines.filter((_, i) => isLeft(i)))
      return child.reject({ reason: 'http-207', outcome: { refused, retry } })
    }
    if (refused.length > 0) return child.refuse()
    this.received.push(...lines)
    child.settle()
  }

  /** The backend is well, and good lines come, until nothing is left. */
  async recover (): Promise<void> {
    this.outage = undefined
    for (let i = 0; i < 400; i++) {
      if (i % 20 === 0) await this.do({ do: 'offer', bad: [false] })
      await this.do({ do: 'answer', times: 100, tellsOfLines: false, throttles: false })
      await this.do({ do: 'wait', ms: 1000 })
      const { queueLines, unsettledLines } = this.rig.lane.snapshot()
      if (queueLines + unsettledLines === 0 && i % 20 !== 0) return
    }
    assert.fail(`lines are left: ${JSON.stringify(this.rig.lane.snapshot())}`)
  }
}

t.test('whatever lines are bad, whenever the backend is away, these are dead-lettered and all others arrive once', async () => {
  const clock = new HandClock()
  t.teardown(() => clock.release())
  await fc.assert(fc.asyncProperty(options, fc.array(step, { maxLength: 60, size: 'max' }), async (options, steps) => {
    const course = new Course(options, clock.take())
    for (const step of steps) await course.do(step)
    await course.recover()

    const { rig, received, bad, good } = course
    const byNumber = (a: string, b: string): number => Number(a) - Number(b)
    assert.deepEqual(rig.deadLetters.map(({ line }) => line).sort(byNumber), [...bad].sort(byNumber), 'exactly the bad lines are dead letters, each once')
    assert.deepEqual([...received].sort(byNumber), good, 'every other line has arrived, once')
    assert.equal(rig.snapshot().linesDeadLettered, bad.size)
    if (bad.size === 0 && !steps.some(step => step.do === 'answer' && step.tellsOfLines && step.throttles)) assert.deepEqual(received, good, 'without bad lines all arrive in order')
    for (const { sink, attempts, time, reason } of rig.deadLetters) assert.ok(sink === 'loki' && attempts >= 1 && time > 0 && reason !== '')
  }), { numRuns: 300 })
})
