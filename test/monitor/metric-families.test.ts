import fc from 'fast-check'
import t from 'tap'
import { metricFamilies, type MetricFamily } from '#lib/monitor/metric-families'
import type { MetricLabels } from '#lib/monitor/label-sets'
import type { FanoutSnapshot } from '#lib/metrics'
import { anySnapshot, freshSink, snapshotOf } from '../support/snapshots.js'

t.test('every combination of labels that can be known is there with 0 before anything has happened', async t => {
  const snapshot = snapshotOf(freshSink('loki', { fallback: 'spare' }), freshSink('file'))
  const combinations = (name: string, label: string): string[] => seriesOf(name, snapshot).filter(({ labels }) => labels['sink'] === 'loki').map(({ labels }) => String(labels[label]))
  t.same(combinations('circuit_state', 'state').sort(), ['closed', 'half-open', 'open'])
  t.same(combinations('lines_dropped_total', 'reason').sort(), ['at-most-once', 'closed', 'damaged', 'poison', 'queue-full', 'spool-full', 'too-long'])
  t.same(combinations('lines_fallback_total', 'fallback'), ['spare'])
  const reasons = ['closed-early', 'destroyed', 'health-check', 'network', 'out-of-memory', 'process-exit', 'start-failed', 'start-timeout', 'still-hung', 'stream-error', 'thread-exit', 'write-error', 'write-timeout']
  t.same(combinations('failures_total', 'reason').sort(), reasons)
  t.same(combinations('restarts_total', 'reason').sort(), reasons)
  const transitions = seriesOf('circuit_transitions_total', snapshot).filter(({ labels }) => labels['sink'] === 'loki').map(({ labels: { from, to, reason } }) => `${from} -> ${to}: ${reason}`)
  t.same(transitions.sort(), [
    ...[...reasons, 'slow', 'forced'].flatMap(reason => [`closed -> open: ${reason}`, `half-open -> open: ${reason}`]),
    'closed -> open: failure-rate',
    'open -> half-open: recovery-due',
    ...['probe-succeeded', 'forced', 'reset'].map(reason => `half-open -> closed: ${reason}`),
    ...['forced', 'reset'].map(reason => `open -> closed: ${reason}`)
  ].sort())
  for (const family of metricFamilies) {
    if (['circuit_state', 'queue_max_bytes', 'up_seconds'].includes(family.name)) continue
    const series = seriesOf(family.name, snapshot)
    t.ok(series.length > 0, `${family.name} is there`)
    t.ok(series.every(({ value }) => value === 0), `${family.name} is 0`)
  }
  t.same(seriesOf('circuit_state', snapshotOf(freshSink('a'))).map(({ labels: { state }, value }) => `${state} ${value}`), ['closed 1', 'open 0', 'half-open 0'])
  t.same(seriesOf('lines_fallback_total', snapshotOf(freshSink('a'))), [], 'a sink without a fallback has no such metric')
})

t.test('every label of a value is one that its metric names, and no combination is there twice', async () => {
  fc.assert(fc.property(anySnapshot, snapshot => {
    for (const family of metricFamilies) {
      const series = seriesOf(family.name, snapshot)
      for (const { labels } of series) if (Object.keys(labels).join() !== family.labelNames.join()) throw new Error(`${family.name}: ${JSON.stringify(labels)}`)
      const keys = series.map(({ labels }) => JSON.stringify(Object.values(labels)))
      if (new Set(keys).size !== keys.length) throw new Error(`${family.name}: ${keys.join()}`)
    }
  }))
})

t.test('what a snapshot counts by reasons that nobody can know before is there as well', async t => {
  const sink = freshSink('loki', {
    failures: { 'http-503': 4, network: 2 },
    restartReasons: { 'http-503': 1 },
    transitions: [{ from: 'closed', to: 'open', reason: 'http-503', count: 3 }, { from: 'open', to: 'half-open', reason: 'recovery-due', count: 2 }]
  })
  t.equal(valueOf('failures_total', snapshotOf(sink), { sink: 'loki', reason: 'http-503' }), 4)
  t.equal(valueOf('failures_total', snapshotOf(sink), { sink: 'loki', reason: 'network' }), 2)
  t.equal(valueOf('restarts_total', snapshotOf(sink), { sink: 'loki', reason: 'http-503' }), 1)
  t.equal(valueOf('circuit_transitions_total', snapshotOf(sink), { sink: 'loki', from: 'closed', to: 'open', reason: 'http-503' }), 3)
  t.equal(valueOf('circuit_transitions_total', snapshotOf(sink), { sink: 'loki', from: 'open', to: 'half-open', reason: 'recovery-due' }), 2)
})

t.test('by the metrics too, the received lines of a sink are the sum of all others', async () => {
  const others = ['lines_delivered_total', 'lines_skipped_total', 'lines_dropped_total', 'lines_fallback_total', 'lines_dead_lettered_total', 'queue_lines', 'unsettled_lines', 'spool_lines']
  fc.assert(fc.property(anySnapshot, snapshot => {
    for (const { name } of snapshot.sinks) {
      const sum = (...families: string[]): number => families.flatMap(family => seriesOf(family, snapshot)).filter(({ labels }) => labels['sink'] === name).reduce((total, { value }) => total + value, 0)
      if (sum('lines_received_total') !== sum(...others)) throw new Error(`${name}: ${sum('lines_received_total')} and ${sum(...others)}`)
    }
  }))
})

t.test('the histogram of attempts counts in each bucket all that are no longer, in seconds', async t => {
  const buckets = Array.from({ length: 14 }, (_, bucket) => ({ count: bucket + 1, sumMs: 0 }))
  const [attempts] = read('attempt_duration_seconds', snapshotOf(freshSink('a', { attempts: { buckets, count: 105, sumMs: 2500 } })))
  t.match(attempts, { labels: { sink: 'a' }, count: 105, sum: 2.5 })
  t.same((attempts as { buckets: Array<{ upTo: number, count: number }> }).buckets.map(({ upTo, count }) => [upTo, count]), [
    [0.001, 1], [0.0025, 3], [0.005, 6], [0.01, 10], [0.025, 15], [0.05, 21], [0.1, 28], [0.25, 36], [0.5, 45], [1, 55], [2.5, 66], [5, 78], [10, 91]
  ])
})

t.test('times are in seconds', async t => {
  t.equal(valueOf('circuit_open_seconds_total', snapshotOf(freshSink('a', { openMs: 1234 })), { sink: 'a' }), 1.234)
  t.equal(valueOf('up_seconds', snapshotOf()), 61.5)
})

t.test('names, units and helps are as Prometheus wants them', async t => {
  for (const { name, help, type, unit } of metricFamilies) {
    t.match(name, /^[a-z]+(_[a-z]+)*$/)
    t.equal(name.endsWith('_total'), type === 'counter', name)
    if (unit === 'seconds' || unit === 'bytes') t.match(name, unit)
    t.match(help, /^[A-Z][^"\\]*\.$/)
  }
  t.equal(new Set(metricFamilies.map(({ name }) => name)).size, metricFamilies.length)
})

function familyOf (name: string): MetricFamily {
  const found = metricFamilies.find(family => family.name === name)
  if (found === undefined) throw new Error(`there is no ${name}`)
  return found
}

function read (name: string, snapshot: FanoutSnapshot): unknown[] {
  return familyOf(name).read(snapshot)
}

/** Of a histogram, its counts. */
function seriesOf (name: string, snapshot: FanoutSnapshot): Array<{ labels: MetricLabels, value: number }> {
  const family = familyOf(name)
  return family.type === 'histogram' ? family.read(snapshot).map(({ labels, count }) => ({ labels, value: count })) : family.read(snapshot)
}

function valueOf (name: string, snapshot: FanoutSnapshot, labels: MetricLabels = {}): number | undefined {
  return seriesOf(name, snapshot).find(series => JSON.stringify(series.labels) === JSON.stringify(labels))?.value
}
