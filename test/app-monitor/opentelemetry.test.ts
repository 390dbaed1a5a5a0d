import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, MetricReader, type DataPoint, type Histogram, type MetricData } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { instrumentNames, meterTransport, units, type InstrumentNames } from '#lib/app-monitor/opentelemetry'
import { DURATION_LIMITS_MS, DurationCounter, type Durations } from '#lib/durations'
import type { FanoutSnapshot } from '#lib/metrics'
import { metricFamilies } from '#lib/monitor/metric-families'
import { freshSink, snapshotOf } from '../support/snapshots.js'

const SINK = 'pino.breaker_fanout.sink.name'

/** A reader that collects when it is told to. */
class HandReader extends MetricReader {
  constructor () {
    super({ aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE })
  }

  protected override async onShutdown (): Promise<void> {}
  protected override async onForceFlush (): Promise<void> {}
}

t.test('every metric has a name, a unit and a kind by the conventions of OpenTelemetry', async t => {
  const { collect } = meter(t, () => snapshotOf(freshSink('loki', { fallback: 'spare' })))
  const metrics = await collect()
  t.same(metrics.map(({ descriptor: { name, unit }, dataPointType, ...rest }) => [name, unit, ['histogram', '', 'gauge', 'sum'][dataPointType], 'isMonotonic' in rest && rest.isMonotonic]).sort(), [
    ['pino.breaker_fanout.attempt.duration', 's', 'histogram', false],
    ['pino.breaker_fanout.circuit.open.time', 's', 'sum', true],
    ['pino.breaker_fanout.circuit.status', '1', 'sum', false],
    ['pino.breaker_fanout.circuit.transitions', '{transition}', 'sum', true],
    ['pino.breaker_fanout.line.dead_lettered', '{line}', 'sum', true],
    ['pino.breaker_fanout.line.delivered', '{line}', 'sum', true],
    ['pino.breaker_fanout.line.dropped', '{line}', 'sum', true],
    ['pino.breaker_fanout.line.dropped_protected', '{line}', 'sum', true],
    ['pino.breaker_fanout.line.passed_to_fallback', '{line}', 'sum', true],
    ['pino.breaker_fanout.line.received', '{line}', 'sum', true],
    ['pino.breaker_fanout.line.skipped', '{line}', 'sum', true],
    ['pino.breaker_fanout.line.unsettled', '{line}', 'sum', false],
    ['pino.breaker_fanout.line.without_level', '{line}', 'sum', true],
    ['pino.breaker_fanout.queue.memory.limit', 'By', 'sum', false],
    ['pino.breaker_fanout.queue.memory.usage', 'By', 'sum', false],
    ['pino.breaker_fanout.queue.size', '{line}', 'sum', false],
    ['pino.breaker_fanout.sink.consecutive_failures', '{failure}', 'gauge', false],
    ['pino.breaker_fanout.sink.failures', '{failure}', 'sum', true],
    ['pino.breaker_fanout.sink.late_faults', '{fault}', 'sum', true],
    ['pino.breaker_fanout.sink.restarts', '{restart}', 'sum', true],
    ['pino.breaker_fanout.spool.disk.limit', 'By', 'sum', false],
    ['pino.breaker_fanout.spool.disk.usage', 'By', 'sum', false],
    ['pino.breaker_fanout.spool.size', '{line}', 'sum', false],
    ['pino.breaker_fanout.uptime', 's', 'gauge', false]
  ].filter(([name]) => name !== 'pino.breaker_fanout.attempt.duration').sort())
  for (const { descriptor } of metrics) {
    t.match(descriptor.name, /^[a-z]+(\.[a-z]+(_[a-z]+)*)+$/)
    t.not(descriptor.description, '')
  }
})

t.test('every family of metrics has a name of its own', t => {
  const numbers = metricFamilies.filter(({ type }) => type !== 'histogram').map(({ name }) => name)
  t.same(Object.keys(instrumentNames).sort(), [...numbers].sort())
  t.equal(new Set(Object.values(instrumentNames).map(({ name }) => name)).size, numbers.length)
  for (const { labelNames, name } of metricFamilies) {
    for (const label of labelNames) if (label !== 'sink') t.ok(instrumentNames[name]?.attributes?.[label] !== undefined, `${name} has an attribute for ${label}`)
  }
  t.end()
})

t.test('the docs list each of them as it is', t => {
  const rows = [...readFileSync('docs/monitor-in-app.md', 'utf8').matchAll(/^\| `([\w.]+)` \| `(\S+)` \| (\w+) \| (.*?) ?\| /gm)].map(([, name, unit, kind, attributes]) => [name, unit, kind, attributes])
  const known = metricFamilies.map(({ name, unit, labelNames, type }) => {
    if (type === 'histogram') return ['attempt.duration', 's', 'Histogram', '']
    const names = instrumentNames[name] as InstrumentNames
    const attributes = labelNames.filter(label => label !== 'sink').map(label => `\`${names.attributes?.[label]?.replace('pino.breaker_fanout.', '')}\``)
    return [names.name, units[unit], names.kind, attributes.join(', ')]
  })
  t.same(rows.sort(), known.sort())
  t.end()
})

t.test('labels are attributes with names in the namespace, and the kind of a failure is its error.type', async t => {
  const { collect } = meter(t, () => snapshotOf(freshSink('loki', {
    state: 'open',
    transitions: [{ from: 'closed', to: 'open', reason: 'network', count: 3 }],
    failures: { network: 15, 'http-503': 2 },
    linesDropped: { 'queue-full': 7 },
    fallback: 'spare',
    linesFallback: 4
  })))
  const metrics = await collect()
  const valueOf = (name: string, attributes: object): unknown => pointsOf(metrics, name).find(point => JSON.stringify(sorted(point.attributes)) === JSON.stringify(sorted({ [SINK]: 'loki', ...attributes })))?.value
  const states = ['closed', 'open', 'half-open'].map(state => valueOf('circuit.status', { 'pino.breaker_fanout.circuit.state': state }))
  t.same(states, [0, 1, 0])
  t.equal(valueOf('circuit.transitions', { 'pino.breaker_fanout.circuit.transition.from': 'closed', 'pino.breaker_fanout.circuit.transition.to': 'open', 'pino.breaker_fanout.circuit.transition.reason': 'network' }), 3)
  t.equal(valueOf('sink.failures', { 'error.type': 'network' }), 15)
  t.equal(valueOf('sink.failures', { 'error.type': 'http-503' }), 2)
  t.equal(valueOf('sink.failures', { 'error.type': 'start-failed' }), 0, 'what has not happened is there with 0')
  t.equal(valueOf('line.dropped', { 'pino.breaker_fanout.drop.reason': 'queue-full' }), 7)
  t.equal(valueOf('line.passed_to_fallback', { 'pino.breaker_fanout.fallback.name': 'spare' }), 4)
})

t.test('the histogram of attempts has exactly the counts and the sum of the transport, after any number of collections', async t => {
  await fc.assert(fc.asyncProperty(fc.array(fc.array(fc.oneof(fc.double({ min: 0, max: 20000, noNaN: true }), fc.constantFrom(...DURATION_LIMITS_MS)), { maxLength: 50 }), { minLength: 1, maxLength: 5 }), async rounds => {
    const counter = new DurationCounter()
    const { collect, stop } = meter(t, () => snapshotOf(freshSink('loki', { attempts: counter.durations })))
    for (const durations of rounds) {
      for (const ms of durations) counter.add(ms)
      const metrics = await collect()
      const { count, sumMs, buckets } = counter.durations
      const [point] = pointsOf(metrics, 'attempt.duration') as Array<DataPoint<Histogram>>
      if (count === 0) {
        t.equal(point, undefined)
      } else {
        t.same(point?.value.buckets, { boundaries: DURATION_LIMITS_MS.map(ms => ms / 1000), counts: buckets.map(({ count }) => count) })
        t.equal(point?.value.count, count)
        t.ok(Math.abs((point?.value.sum ?? 0) - sumMs / 1000) <= 1e-9 * Math.max(1, sumMs), `${point?.value.sum} of ${sumMs}`)
      }
    }
    stop()
  }), { numRuns: 50 })
})

t.test('a sum that is no longer exact moves no attempt to another bucket', async t => {
  const large = 2 ** 53
  const attemptsOf = (...buckets: Array<[number, number]>): Durations => {
    const all = [...DURATION_LIMITS_MS, Infinity].map((_, bucket) => ({ count: buckets[bucket]?.[0] ?? 0, sumMs: buckets[bucket]?.[1] ?? 0 }))
    return { count: all.reduce((sum, { count }) => sum + count, 0), sumMs: all.reduce((sum, { sumMs }) => sum + sumMs, 0), buckets: all }
  }
  let attempts = attemptsOf([1, large], [1, large])
  const { collect } = meter(t, () => snapshotOf(freshSink('loki', { attempts })))
  await collect()
  attempts = attemptsOf([2, large + 2], [3, large])
  const [point] = pointsOf(await collect(), 'attempt.duration') as Array<DataPoint<Histogram>>
  t.same(point?.value.buckets.counts.slice(0, 3), [2, 3, 0])
})

t.test('two readers each get everything, and nothing is recorded twice', async t => {
  const counter = new DurationCounter()
  for (let i = 0; i < 5000; i++) counter.add(3)
  const { collect, collectOther } = meter(t, () => snapshotOf(freshSink('loki', { attempts: counter.durations })))
  const [one, other] = await Promise.all([collect(), collectOther()])
  for (const metrics of [one, other, await collect(), await collectOther()]) {
    const [point] = pointsOf(metrics, 'attempt.duration') as Array<DataPoint<Histogram>>
    t.equal(point?.value.count, 5000)
  }
})

t.test('snapshots that come in the wrong order change nothing', async t => {
  const counter = new DurationCounter()
  counter.add(3)
  const older = snapshotOf(freshSink('loki', { attempts: counter.durations }))
  counter.add(3)
  const newer = snapshotOf(freshSink('loki', { attempts: counter.durations }))
  const snapshots = [newer, older, newer]
  const { collect } = meter(t, () => snapshots.shift() as FanoutSnapshot)
  for (let times = 0; times < 3; times++) {
    const [point] = pointsOf(await collect(), 'attempt.duration') as Array<DataPoint<Histogram>>
    t.equal(point?.value.count, 2)
  }
})

t.test('the app has its turn while many attempts are recorded', async t => {
  const counter = new DurationCounter()
  for (let i = 0; i < 20000; i++) counter.add(3)
  const { collect } = meter(t, () => snapshotOf(freshSink('loki', { attempts: counter.durations })))
  let turns = 0
  let isCollecting = true
  const count = (): void => {
    turns++
    if (isCollecting) setImmediate(count)
  }
  setImmediate(count)
  await collect()
  isCollecting = false
  t.ok(turns >= 10, `${turns} turns`)
})

t.test('a transport that does not answer costs the app none of its own metrics', async t => {
  const { collect, provider } = meter(t, () => { throw new Error('no answer') })
  provider.getMeter('app').createCounter('own').add(1)
  t.same((await collect()).map(({ descriptor }) => descriptor.name), ['own'])
})

t.test('once it is stopped, nothing is read any more', async t => {
  let reads = 0
  const { collect, stop } = meter(t, () => {
    reads++
    return snapshotOf(freshSink('loki'))
  })
  await collect()
  stop()
  await collect()
  t.equal(reads, 1)
})

t.test('the official exporter in memory gets them', async t => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const { collect, reader } = meter(t, () => snapshotOf(freshSink('loki', { linesDelivered: 12 })))
  await collect()
  const { resourceMetrics } = await reader.collect()
  await new Promise<void>(resolve => exporter.export(resourceMetrics, () => resolve()))
  const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
  t.same(pointsOf(metrics, 'line.delivered').map(({ value, attributes }) => [value, attributes]), [[12, { [SINK]: 'loki' }]])
})

interface Metered {
  provider: MeterProvider
  reader: HandReader
  collect (): Promise<MetricData[]>
  collectOther (): Promise<MetricData[]>
  stop (): void
}

/** The metrics of a transport, in a provider of the official SDK with two readers. */
function meter (t: Test, readSnapshot: () => FanoutSnapshot): Metered {
  const readers = [new HandReader(), new HandReader()] as const
  const provider = new MeterProvider({ readers: [...readers] })
  t.teardown(() => provider.shutdown())
  const stop = meterTransport(provider.getMeter('test'), async () => readSnapshot())
  const collectWith = async (reader: HandReader): Promise<MetricData[]> => {
    const { resourceMetrics } = await reader.collect()
    return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
  }
  return { provider, reader: readers[0], collect: () => collectWith(readers[0]), collectOther: () => collectWith(readers[1]), stop }
}

function pointsOf (metrics: readonly MetricData[], name: string): Array<DataPoint<unknown>> {
  return metrics.find(({ descriptor }) => descriptor.name === `pino.breaker_fanout.${name}`)?.dataPoints ?? []
}

function sorted (attributes: object): object {
  return Object.fromEntries(Object.entries(attributes).sort())
}
