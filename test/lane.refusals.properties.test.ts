import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { batchOf, LaneRig } from './support/lane-rig.js'
import { HandClock } from './support/hand-clock.js'

const THRESHOLD = 5
const byNumber = (a: number, b: number): number => a - b

/** A backend whose verdict depends on the line alone, but for an outage in which it refuses everything. */
class Backend {
  readonly rig: LaneRig
  readonly received: number[] = []
  requests = 0
  isRefusingAll = false
  readonly #isBad: (line: number) => boolean
  readonly #tellsOfLines: boolean

  constructor (isBad: (line: number) => boolean, tellsOfLines: boolean, clock: HandClock) {
    this.#isBad = isBad
    this.#tellsOfLines = tellsOfLines
    this.rig = new LaneRig({ clock, deadLetter: { maxBytes: 1e9 }, breaker: { failureThreshold: THRESHOLD, recoveryTimeoutMs: 1000 } })
    this.rig.lane.start()
    this.rig.child.ready('delivery')
  }

  async answer (times: number): Promise<void> {
    const { child } = this.rig
    for (let n = 0; n < times && child.isAsked; n++) {
      this.requests++
      const lines = child.last.lines.bytes.toString().trimEnd().split('\n').map(Number)
      const refused = lines.flatMap((line, place) => this.isRefusingAll || this.#isBad(line) ? [{ line: place, reason: 'bad', status: 400 }] : [])
      if (refused.length === 0) child.settle()
      else if (this.#tellsOfLines) child.reject({ outcome: { refused, retry: [] } })
      else child.refuse()
      if (refused.length === 0 || this.#tellsOfLines) this.received.push(...lines.filter((_, place) => !refused.some(({ line }) => line === place)))
    }
    await this.rig.bury()
  }

  offer (first: number, count: number): void {
    if (count > 0) this.rig.lane.offer(batchOf(...Array.from({ length: count }, (_, n) => `${first + n}`)))
  }

  get deadLetters (): number[] {
    return this.rig.deadLetters.map(({ line }) => Number(line)).sort(byNumber)
  }

  /** A good line comes now and then, until nothing is left; returns how many came. */
  async finish (first: number): Promise<number> {
    for (let n = 0; n < 2000; n++) {
      this.offer(first + n, 1)
      await this.answer(1e6)
      const { queueLines, unsettledLines } = this.rig.snapshot()
      if (queueLines + unsettledLines === 0) return n + 1
      this.rig.advance(1000)
    }
    return assert.fail(`lines are left: ${JSON.stringify(this.rig.snapshot())}`)
  }
}

const batches = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 12 })
const verdict = fc.oneof(
  fc.record({ kind: fc.constant('scattered' as const), every: fc.integer({ min: 2, max: 60 }), rest: fc.nat(60) }),
  fc.record({ kind: fc.constant('older' as const), than: fc.nat(1200) }),
  fc.record({ kind: fc.constant('run' as const), from: fc.nat(1200), to: fc.nat(1200) })
)

function isBadBy (rule: typeof verdict extends fc.Arbitrary<infer Rule> ? Rule : never): (line: number) => boolean {
  return line => {
    if (rule.kind === 'scattered') return line < 1200 && line % rule.every === rule.rest % rule.every
    return rule.kind === 'older' ? line < rule.than : line >= rule.from && line < rule.to
  }
}

for (const tellsOfLines of [true, false]) {
  t.test(`each line that a backend refuses while it takes others is a dead letter once, and all others arrive once (${tellsOfLines ? 'it tells of lines' : 'it refuses whole requests'})`, async () => {
    const clock = new HandClock()
    t.teardown(() => clock.release())
    await fc.assert(fc.asyncProperty(batches, verdict, fc.nat(40), async (sizes, rule, outageFrom) => {
      const isBad = isBadBy(rule)
      const backend = new Backend(isBad, tellsOfLines, clock.take())
      let lines = 0
      for (const [n, size] of sizes.entries()) {
        backend.offer(lines, size)
        lines += size
        if (n * 4 >= outageFrom) await backend.answer(n)
      }
      lines = Math.max(lines, 1200)
      const before = sizes.reduce((sum, size) => sum + size, 0)
      const count = await backend.finish(lines)
      const all = [...Array(before).keys(), ...Array.from({ length: count }, (_, n) => lines + n)]
      assert.deepEqual(backend.deadLetters, all.filter(isBad))
      assert.deepEqual([...backend.received].sort(byNumber), all.filter(line => !isBad(line)))
      if (tellsOfLines) assert.ok(backend.requests < 80 + 4 * sizes.length + 4 * count && count < 40, `${backend.requests} requests`)
    }), { numRuns: 150 })
  })

  t.test(`no more than failureThreshold good lines are given up to a backend that refuses everything for a while (${tellsOfLines ? 'it tells of lines' : 'it refuses whole requests'})`, async () => {
    const clock = new HandClock()
    t.teardown(() => clock.release())
    await fc.assert(fc.asyncProperty(batches, verdict, fc.nat(60), fc.integer({ min: 1, max: 60 }), fc.nat(3000), async (sizes, rule, from, requests, ms) => {
      const isBad = isBadBy(rule)
      const backend = new Backend(isBad, tellsOfLines, clock.take())
      backend.offer(5000, 1)
      await backend.answer(1)
      let lines = 0
      for (const size of sizes) {
        backend.offer(lines, size)
        lines += size
      }
      await backend.answer(from)
      backend.isRefusingAll = true
      for (let n = 0; n < requests; n++) {
        await backend.answer(1)
        backend.rig.advance(ms / requests)
      }
      backend.isRefusingAll = false
      const count = await backend.finish(6000)
      const all = [...Array(lines).keys(), 5000, ...Array.from({ length: count }, (_, n) => 6000 + n)]
      const lost = backend.deadLetters.filter(line => !isBad(line))
      assert.ok(lost.length <= THRESHOLD, `${lost.length} good lines were given up: ${lost.join()}`)
      assert.deepEqual([...backend.received, ...backend.deadLetters].sort(byNumber), all.sort(byNumber), 'every line has come to its end, once')
      assert.deepEqual(backend.received.filter(isBad), [])
    }), { numRuns: 150 })
  })
}

t.test('a long run of refused lines is given up in a few requests by a backend that tells of lines', async t => {
  const clock = new HandClock()
  t.teardown(() => clock.release())
  const backend = new Backend(line => line < 8000, true, clock.take())
  backend.offer(9000, 1)
  await backend.answer(1)
  for (let first = 0; first < 8000; first += 1000) backend.offer(first, 1000)
  for (let line = 9001; line < 9051; line++) {
    backend.offer(line, 1)
    await backend.answer(1e6)
    backend.rig.advance(150)
  }
  t.equal(backend.deadLetters.length, 8000)
  t.equal(backend.received.length, 51)
  t.ok(backend.requests < 120, `${backend.requests} requests`)
  t.same(backend.rig.transitions, [])
})
