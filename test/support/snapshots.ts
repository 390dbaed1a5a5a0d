import fc from 'fast-check'
import { DURATION_LIMITS_MS } from '#lib/durations'
import type { FanoutSnapshot, SinkSnapshot } from '#lib/metrics'

/** A sink that has just started. */
export function freshSink (name: string, changes: Partial<SinkSnapshot> = {}): SinkSnapshot {
  return {
    name,
    state: 'closed',
    stateForMs: 0,
    retryInMs: 0,
    openMs: 0,
    transitions: [],
    level: 30,
    linesReceived: 0,
    linesDelivered: 0,
    linesSkipped: 0,
    linesDropped: {},
    linesDroppedProtected: 0,
    linesFallback: 0,
    linesDeadLettered: 0,
    queueLines: 0,
    queueBytes: 0,
    queueMaxBytes: 16 * 1024 * 1024,
    spoolPendingLines: 0,
    spoolPendingBytes: 0,
    unsettledLines: 0,
    spoolLines: 0,
    spoolBytes: 0,
    spoolMaxBytes: 0,
    failures: {},
    lateFaults: 0,
    restarts: 0,
    restartReasons: {},
    attempts: { count: 0, sumMs: 0, buckets: [...DURATION_LIMITS_MS, Infinity].map(() => ({ count: 0, sumMs: 0 })) },
    consecutiveFailures: 0,
    ...changes
  }
}

/** A snapshot of a transport with these sinks. */
export function snapshotOf (...sinks: SinkSnapshot[]): FanoutSnapshot {
  return { time: 1795862433813, upMs: 61500, hasEnded: false, linesWithoutLevel: 0, sinks }
}

/** What a sink may be named at worst. */
export const hostileNames = ['"', '\\', '\n', '\\n', 'a"} 1\n# TYPE evil counter\nevil{x="', '\u202eltr', '\u001b[31mred', '<img src=x onerror=alert(1)>', '{}', 'a,b="c"', '\u0000', '\r\n', '', 'é\u{1f4a5}', '__proto__', 'x'.repeat(10000)]

const lines = fc.nat({ max: 2 ** 40 })
const reasons = ['network', 'write-error', 'http-503', 'http-429', 'thread-exit'] as const
const states = ['closed', 'open', 'half-open'] as const

/** A snapshot of a transport after anything. In each sink every line is counted once. */
export const anySnapshot: fc.Arbitrary<FanoutSnapshot> = fc.record({
  time: fc.nat(),
  upMs: fc.nat(),
  hasEnded: fc.boolean(),
  linesWithoutLevel: lines,
  sinks: fc.uniqueArray(anySink(), { maxLength: 4, selector: ({ name }) => name })
})

function anySink (): fc.Arbitrary<SinkSnapshot> {
  return fc.record({
    name: fc.oneof(fc.constantFrom(...hostileNames), fc.string({ unit: 'binary' })),
    state: fc.constantFrom(...states),
    openMs: fc.nat(),
    transitions: fc.uniqueArray(
      fc.record({ from: fc.constantFrom(...states), to: fc.constantFrom(...states), reason: fc.constantFrom(...reasons, 'recovery-due', 'forced'), count: lines }),
      { selector: ({ from, to, reason }) => `${from} ${to} ${reason}` }
    ),
    linesDelivered: lines,
    linesSkipped: lines,
    linesDropped: fc.record({ 'queue-full': lines, poison: lines, closed: lines }, { requiredKeys: [] }),
    linesFallback: lines,
    linesDeadLettered: lines,
    queueLines: lines,
    queueBytes: lines,
    unsettledLines: lines,
    spoolLines: lines,
    spoolBytes: lines,
    failures: fc.dictionary(fc.constantFrom(...reasons), lines),
    lateFaults: lines,
    restartReasons: fc.dictionary(fc.constantFrom(...reasons), lines),
    counts: fc.array(fc.record({ count: lines, sumMs: fc.double({ min: 0, max: 1e9, noNaN: true }) }), { minLength: DURATION_LIMITS_MS.length + 1, maxLength: DURATION_LIMITS_MS.length + 1 }),
    consecutiveFailures: fc.nat()
  }).map(({ counts, ...changes }) => {
    const sink = freshSink(changes.name, changes as Partial<SinkSnapshot>)
    return {
      ...sink,
      // Those that go to a fallback have one.
      ...(sink.linesFallback > 0 && { fallback: 'stderr' }),
      linesReceived: [sink.linesDelivered, sink.linesSkipped, ...Object.values(sink.linesDropped), sink.linesFallback, sink.linesDeadLettered, sink.queueLines, sink.unsettledLines, sink.spoolLines].reduce((sum, count) => sum + count, 0),
      attempts: { buckets: counts, count: counts.reduce((sum, { count }) => sum + count, 0), sumMs: counts.reduce((sum, { sumMs }) => sum + sumMs, 0) }
    }
  })
}
