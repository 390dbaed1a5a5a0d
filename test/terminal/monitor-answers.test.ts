import fc from 'fast-check'
import t from 'tap'
import { noticeText, transitionText } from '#lib/terminal/changes'
import { readMonitorSnapshot, readNotice, readTransition } from '#lib/terminal/monitor-answers'
import { plain } from '#lib/terminal/style'
import { tableOf } from '#lib/terminal/table'

t.test('of a snapshot, a table gets what it needs', t => {
  const sink = { name: 'loki', state: 'open', stateForMs: 1, retryInMs: 2, linesDelivered: 3, linesSkipped: 4, linesDropped: { closed: 5 }, queueLines: 6, unsettledLines: 7, spoolLines: 8, lastError: { type: 'Error', message: 'm', stack: 's', cause: { type: 'E', message: 'c', code: 'C' } } }
  t.same(readMonitorSnapshot({ upMs: 9, hasEnded: false, pid: 10, hostname: 'web-1', version: '1', sinks: [sink] }), {
    upMs: 9, hasEnded: false, pid: 10, hostname: 'web-1', sinks: [{ ...sink, lastError: { type: 'Error', message: 'm', cause: { type: 'E', message: 'c', code: 'C' } } }]
  })
  t.end()
})

t.test('whatever a stranger answers, it is refused as no snapshot, or shown', t => {
  const json = fc.jsonValue({ maxDepth: 3 })
  const answer = fc.oneof(json, fc.record({ sinks: fc.array(fc.oneof(json, fc.record({ name: json, state: json, linesDropped: json, lastError: fc.oneof(json, fc.record({ message: json, cause: json })), queueLines: json }))), upMs: json, pid: json }))
  fc.assert(fc.property(answer, value => {
    try {
      const snapshot = readMonitorSnapshot(value)
      tableOf({ snapshot, rates: { of: () => 0 }, title: '', columns: 80, style: plain })
    } catch (error) {
      if (!(error instanceof TypeError && error.message.includes('no snapshot'))) throw error
    }
    transitionText(readTransition({ attempts: value, failureRate: value, slowRate: value, tookMs: value }))
    transitionText(readTransition(value))
    const notice = readNotice(value)
    return notice === undefined || noticeText(notice) !== ''
  }))
  t.end()
})

t.test('a transition comes out as it was sent, with the share of attempts if it has one', t => {
  const event = { sink: 'loki', from: 'closed', to: 'open', reason: 'slow', generation: 1, consecutiveFailures: 0, openForMs: 0, retryInMs: 30000, time: 5, attempts: 10, slowRate: 0.6, tookMs: 2013 }
  t.strictSame(readTransition(event), event)
  const { attempts, slowRate, tookMs, ...other } = { ...event, reason: 'network' }
  t.strictSame(readTransition(other), other)
  t.strictSame(readTransition({ ...other, attempts, failureRate: 0.5 }), { ...other, attempts, failureRate: 0.5 })
  t.ok(slowRate > 0 && tookMs > 0)
  t.end()
})

t.test('a notice of a kind that is not known here is left out', t => {
  t.same(readNotice({ sink: 'loki', kind: 'stalled', time: 1, facts: { lines: 2, forMs: -1, x: 'y' } }), { sink: 'loki', kind: 'stalled', time: 1, facts: { lines: 2, forMs: 0, x: 0 } })
  t.equal(readNotice({ sink: 'loki', kind: 'on-fire', time: 1, facts: {} }), undefined)
  t.end()
})

t.test('what is no snapshot is said to be none', t => {
  for (const value of [null, 7, 'x', [], {}, { sinks: {} }]) t.throws(() => readMonitorSnapshot(value), { message: 'the answer is no snapshot of a monitor' })
  t.end()
})
