import t from 'tap'
import type { FanoutSnapshot, SinkSnapshot } from 'pino-breaker-fanout'
import { outcomeOf, type Outcome } from '#lib/terminal/outcome'
import type { IntakeEnd } from '#lib/terminal/intake'

function outcome (sink: Partial<SinkSnapshot>, intake: IntakeEnd = { kind: 'complete' }): Outcome {
  const fields = { name: 'loki', linesSkipped: 0, linesDropped: {}, queueLines: 0, unsettledLines: 0, spoolLines: 0, linesDeadLettered: 0, linesFallback: 0, ...sink }
  return outcomeOf({ sinks: [fields] } as unknown as FanoutSnapshot, intake)
}

for (const [what, sink, isComplete, summary] of [
  ['all have arrived', {}, true, []],
  ['lines that went to a fallback have arrived', { linesFallback: 9 }, true, []],
  ['lines on the disk are safe', { spoolLines: 1 }, true, ['loki: 1 line in its spool, for the next run']],
  ['dead letters are kept', { linesDeadLettered: 2 }, true, ['loki: 2 lines in its dead-letter file']],
  ['dropped and skipped lines are lost', { linesDropped: { 'queue-full': 1200, closed: 30 }, linesSkipped: 4 }, false, ['loki: 1,234 lines lost: queue-full 1,200, closed 30, skipped 4']],
  ['a reason without lines is not told', { linesDropped: { 'queue-full': 0, closed: 1 } }, false, ['loki: 1 line lost: closed 1']],
  ['lines that the sink still holds are left', { unsettledLines: 2 }, false, ['loki: 2 lines left']],
  ['lines that still wait are left', { queueLines: 1, unsettledLines: 2 }, false, ['loki: 3 lines left']]
] as const) {
  t.test(what, t => {
    t.same(outcome(sink), { isComplete, summary })
    t.end()
  })
}

t.test('an input that was not read to its end leaves something', t => {
  t.same(outcome({}, { kind: 'stopped', isEmpty: true }), { isComplete: true, summary: [] })
  t.match(outcome({}, { kind: 'stopped', isEmpty: false }), { isComplete: false, summary: [/^stopped before the end/] })
  t.match(outcome({}, { kind: 'failed', error: new Error('read EIO') }), { isComplete: false, summary: [/: read EIO$/] })
  t.end()
})
