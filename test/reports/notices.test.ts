import t, { type Test } from 'tap'
import type { SinkSnapshot } from '#lib/metrics'
import type { Notice } from '#lib/reports/notice'
import { Notices, type WatchedLane } from '#lib/reports/notices'
import { HandClock } from '../support/hand-clock.js'

/** A lane whose counts a test sets. */
class FakeLane implements WatchedLane {
  isBehind = false
  progress = 0
  counts = { name: 'loki', state: 'closed', linesSkipped: 0, linesDropped: {}, queueLines: 0, unsettledLines: 0, spoolLines: 0, spoolBytes: 0, spoolMaxBytes: 0, restarts: 0 } as Record<string, unknown>

  snapshot (): SinkSnapshot {
    return this.counts as unknown as SinkSnapshot
  }

  set (counts: Partial<SinkSnapshot>): void {
    this.counts = { ...this.counts, ...counts }
  }
}

function createNotices (t: Test, lanes = [new FakeLane()]) {
  const clock = new HandClock().take()
  t.teardown(() => clock.release())
  const seen: Notice[] = []
  const notices = new Notices({ lanes: () => lanes, clock, onNotice: notice => { seen.push(notice) } })
  /** Lines come for so many seconds. */
  const run = (seconds: number, step = (): void => {}): void => {
    for (let second = 0; second < seconds; second++) {
      step()
      notices.wake()
      clock.advance(1000)
    }
  }
  return { clock, seen, notices, run, lane: lanes[0] as FakeLane }
}

t.test('a sink stalls if lines wait and nothing is accepted for 5 s, and is noticed once', async t => {
  const { seen, run, lane } = createNotices(t)
  lane.isBehind = true
  lane.set({ queueLines: 7, unsettledLines: 3 })
  run(5)
  t.same(seen, [])
  run(60)
  t.match(seen, [{ sink: 'loki', kind: 'stalled', facts: { lines: 10, forMs: 5000 } }])
  t.equal(seen.length, 1)
})

t.test('a stall that ends is noticed again when it comes back', async t => {
  const { seen, run, lane } = createNotices(t)
  lane.isBehind = true
  run(12)
  lane.progress++
  run(12)
  t.same(seen.map(({ kind }) => kind), ['stalled', 'stalled'])
})

t.test('a sink that makes progress, has nothing to do, or whose breaker is open does not stall', async t => {
  const lanes = [new FakeLane(), new FakeLane(), new FakeLane()] as const
  const { seen, run } = createNotices(t, [...lanes])
  lanes[0].isBehind = lanes[2].isBehind = true
  lanes[2].set({ state: 'open' })
  run(30, () => { lanes[0].progress++ })
  t.same(seen, [])
})

t.test('losses are told as sums, each 10 s', async t => {
  const { seen, run, lane } = createNotices(t)
  let lines = 0
  run(21, () => {
    lines += 5
    lane.set({ linesSkipped: lines, linesDropped: { 'queue-full': lines } })
  })
  t.same(seen.map(({ kind, facts }) => [kind, facts['lines']]), [['losing-lines', 10], ['losing-lines', 100], ['losing-lines', 100]])
})

t.test('a loss within 10 s of another notice is told when they are over, even if nothing happens any more', async t => {
  const { clock, seen, run, lane } = createNotices(t)
  lane.set({ linesSkipped: 1 })
  run(1)
  lane.set({ linesSkipped: 501 })
  run(1)
  clock.advance(20000)
  t.same(seen.map(({ facts }) => facts['lines']), [1, 500])
  t.equal(clock.timers, 0)
})

t.test('a spool is noticed when it is half full, when it is full, and again once it has been half empty', async t => {
  const { seen, run, lane } = createNotices(t)
  lane.set({ spoolMaxBytes: 100, spoolBytes: 49 })
  run(15)
  t.same(seen, [])
  lane.set({ spoolBytes: 50 })
  run(15)
  lane.set({ spoolBytes: 100, linesDropped: { 'spool-full': 1 } })
  run(30)
  lane.set({ spoolBytes: 10 })
  run(15)
  lane.set({ spoolBytes: 60 })
  run(15)
  t.same(seen.map(({ kind }) => kind), ['spool-half-full', 'spool-full', 'losing-lines', 'spool-half-full'])
  t.same(seen[0]?.facts, { bytes: 50, maxBytes: 100 })
})

t.test('five restarts within a minute are a loop, and spread over more they are not', async t => {
  const { seen, run, lane } = createNotices(t)
  let restarts = 0
  for (let n = 0; n < 20; n++) {
    run(20)
    lane.set({ restarts: ++restarts })
  }
  t.same(seen, [])
  run(6, () => { lane.set({ restarts: ++restarts }) })
  t.match(seen, [{ kind: 'restart-loop', facts: { restarts: Number, withinMs: Number } }])
})

t.test('a sink has at most one notice in 10 s, and each sink its own', async t => {
  const lanes = [new FakeLane(), new FakeLane()] as const
  const { seen, run } = createNotices(t, [...lanes])
  let lost = 0
  let restarts = 0
  for (const lane of lanes) lane.isBehind = true
  run(100, () => { for (const lane of lanes) lane.set({ linesSkipped: ++lost, restarts: restarts++, spoolMaxBytes: 10, spoolBytes: 9 }) })
  t.ok(seen.length >= 12 && seen.length <= 20, `${seen.length} notices`)
  for (const kind of ['spool-half-full', 'stalled', 'restart-loop', 'losing-lines']) t.ok(seen.some(notice => notice.kind === kind), kind)
})

t.test('an idle transport is not looked at, and a busy one is until it is at rest', async t => {
  const { clock, run, notices, lane } = createNotices(t)
  t.equal(clock.timers, 0)
  lane.set({ queueLines: 1 })
  run(1)
  clock.advance(10000)
  t.equal(clock.timers, 1, 'lines wait')
  lane.set({ queueLines: 0 })
  clock.advance(1000)
  t.equal(clock.timers, 0)
  notices.wake()
  notices.stop()
  t.equal(clock.timers, 0)
})
