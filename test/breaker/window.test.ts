import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { AttemptWindow } from '#lib/breaker/window'

/** Rounding of times that are no whole numbers. */
const TOLERANCE = 1e-6

t.test('a window counts no attempt that is older than it, and misses none that is younger than nine tenths of it', async (t) => {
  let expired = 0
  const step = fc.record({
    afterMs: fc.oneof(fc.nat(30), fc.nat(300), fc.double({ min: 0, max: 200, noNaN: true }), fc.constantFrom(0, 100, 1000, 100_000)),
    outcome: fc.constantFrom<'fast' | 'slow' | 'failure'>('fast', 'slow', 'failure')
  })
  fc.assert(fc.property(fc.constantFrom(1, 7, 100, 250, 1000), fc.double({ min: -5000, max: 1e9, noNaN: true }), fc.array(step, { maxLength: 200, size: 'max' }), (windowMs, start, steps) => {
    const window = new AttemptWindow(windowMs)
    const all: Array<{ at: number, outcome: string }> = []
    let now = start
    for (const { afterMs, outcome } of steps) {
      now += afterMs
      all.push({ at: now, outcome })
      const counts = window.add(now, outcome, 10)
      const countOf = (youngerThan: number, outcomes: string[]): number => all.filter(attempt => now - attempt.at < youngerThan && outcomes.includes(attempt.outcome)).length
      for (const [counted, outcomes] of [[counts.attempts, ['fast', 'slow', 'failure']], [counts.failures, ['failure']], [counts.slow, ['slow']]] as const) {
        assert.ok(counted <= countOf(windowMs + TOLERANCE, [...outcomes]), `${counted} of ${outcomes.join()}, too many`)
        assert.ok(counted >= countOf(windowMs * 0.9 - TOLERANCE, [...outcomes]), `${counted} of ${outcomes.join()}, too few`)
      }
      if (counts.attempts < all.length) expired++
    }
  }), { numRuns: 500 })
  t.ok(expired > 1000, `attempts expired ${expired} times`)
})

t.test('the time of slow attempts that overlap counts once, and no more than the window', async (t) => {
  const window = new AttemptWindow(1000)
  t.equal(window.add(5000, 'slow', 200).slowlyBusyMs, 200)
  t.equal(window.add(5000, 'slow', 300).slowlyBusyMs, 200)
  t.equal(window.add(5050, 'slow', 300).slowlyBusyMs, 250)
  t.equal(window.add(5600, 'slow', 300).slowlyBusyMs, 550)
  t.equal(window.add(5600, 'fast').slowlyBusyMs, 550)
  t.equal(window.add(6100, 'fast').slowlyBusyMs, 300)
  t.equal(window.add(9000, 'slow', Infinity).slowlyBusyMs, 1000)
  t.equal(window.add(20_000, 'fast').slowlyBusyMs, 0)
})

t.test('a window that was cleared knows nothing of what was before', async (t) => {
  const window = new AttemptWindow(1000)
  window.add(5000, 'slow', 200)
  window.add(5000, 'failure')
  window.clear()
  t.strictSame(window.add(5010, 'slow', 200), { attempts: 1, failures: 0, slow: 1, slowlyBusyMs: 200 })
})

t.test('a clock that goes back loses no attempt', async (t) => {
  const window = new AttemptWindow(1000)
  window.add(5000, 'failure')
  t.strictSame(window.add(4000, 'slow', 50), { attempts: 2, failures: 1, slow: 1, slowlyBusyMs: 50 })
  t.strictSame(window.add(3000, 'slow', 50), { attempts: 3, failures: 1, slow: 2, slowlyBusyMs: 50 })
})
