import { setImmediate as nextTurn } from 'node:timers/promises'
import { DURATION_LIMITS_MS, type Durations } from '../durations.js'
import type { FanoutSnapshot } from '../metrics.js'
import { metricFamilies, type MetricUnit, type NumberFamily } from '../monitor/metric-families.js'
import type { Attributes, BatchCallback, Histogram, Meter, Observable } from './meter.js'

/** All names begin with it, also those of attributes. */
const NAMESPACE = 'pino.breaker_fanout'
const SINK = `${NAMESPACE}.sink.name`
const LIMITS_SECONDS = DURATION_LIMITS_MS.map(ms => ms / 1000)
/** After this many measurements of the histogram the app has a turn. */
const RECORDS_PER_TURN = 2000

/** How a family of metrics is called in OpenTelemetry. */
export interface InstrumentNames {
  name: string
  kind: 'Counter' | 'UpDownCounter' | 'Gauge'
  /** The attribute of each label but `sink`. */
  attributes?: Readonly<Record<string, string>>
}

/** The unit of a value, by the Unified Code for Units of Measure. */
export const units: Readonly<Record<MetricUnit, string>> = {
  lines: '{line}',
  bytes: 'By',
  seconds: 's',
  transitions: '{transition}',
  failures: '{failure}',
  restarts: '{restart}',
  faults: '{fault}',
  state: '1'
}

/**
 * Names by OpenTelemetry's semantic conventions: namespaces in the singular, no `_total`, no units, `error.type` for the kind of
 * an error, a state as an UpDownCounter with a 1 (as in `k8s.container.status.state`). The nearest conventions are those of an SDK's own
 * pipeline: `otel.sdk.processor.log.processed`, `otel.sdk.exporter.operation.duration`.
 */
export const instrumentNames: Readonly<Record<string, InstrumentNames>> = {
  circuit_state: { name: 'circuit.status', kind: 'UpDownCounter', attributes: { state: `${NAMESPACE}.circuit.state` } },
  circuit_transitions_total: {
    name: 'circuit.transitions',
    kind: 'Counter',
    attributes: { from: `${NAMESPACE}.circuit.transition.from`, to: `${NAMESPACE}.circuit.transition.to`, reason: `${NAMESPACE}.circuit.transition.reason` }
  },
  circuit_open_seconds_total: { name: 'circuit.open.time', kind: 'Counter' },
  lines_received_total: { name: 'line.received', kind: 'Counter' },
  lines_delivered_total: { name: 'line.delivered', kind: 'Counter' },
  lines_skipped_total: { name: 'line.skipped', kind: 'Counter' },
  lines_dropped_total: { name: 'line.dropped', kind: 'Counter', attributes: { reason: `${NAMESPACE}.drop.reason` } },
  lines_dropped_protected_total: { name: 'line.dropped_protected', kind: 'Counter' },
  lines_fallback_total: { name: 'line.passed_to_fallback', kind: 'Counter', attributes: { fallback: `${NAMESPACE}.fallback.name` } },
  lines_dead_lettered_total: { name: 'line.dead_lettered', kind: 'Counter' },
  failures_total: { name: 'sink.failures', kind: 'Counter', attributes: { reason: 'error.type' } },
  restarts_total: { name: 'sink.restarts', kind: 'Counter', attributes: { reason: 'error.type' } },
  queue_lines: { name: 'queue.size', kind: 'UpDownCounter' },
  queue_bytes: { name: 'queue.memory.usage', kind: 'UpDownCounter' },
  queue_max_bytes: { name: 'queue.memory.limit', kind: 'UpDownCounter' },
  unsettled_lines: { name: 'line.unsettled', kind: 'UpDownCounter' },
  spool_lines: { name: 'spool.size', kind: 'UpDownCounter' },
  spool_bytes: { name: 'spool.disk.usage', kind: 'UpDownCounter' },
  spool_max_bytes: { name: 'spool.disk.limit', kind: 'UpDownCounter' },
  consecutive_failures: { name: 'sink.consecutive_failures', kind: 'Gauge' },
  late_faults_total: { name: 'sink.late_faults', kind: 'Counter' },
  lines_without_level_total: { name: 'line.without_level', kind: 'Counter' },
  up_seconds: { name: 'uptime', kind: 'Gauge' }
}

/**
 * Creates all metrics of a transport with a meter. Each collection reads one snapshot.
 *
 * @param readSnapshot - A collection in which it rejects has no values of the transport
 * @returns A function that stops them
 */
export function meterTransport (meter: Meter, readSnapshot: () => Promise<FanoutSnapshot>): () => void {
  const numbers = metricFamilies.filter((family): family is NumberFamily => family.type !== 'histogram').map(family => createNumbers(meter, family))
  const attempts = new AttemptHistogram(meter)
  const observables = numbers.map(({ observable }) => observable)
  const collect: BatchCallback = async result => {
    const snapshot = await readSnapshot()
    for (const { family, names, observable } of numbers) {
      for (const { labels, value } of family.read(snapshot)) result.observe(observable, value, attributesOf(labels, names))
    }
    await attempts.record(snapshot)
  }
  meter.addBatchObservableCallback(collect, observables)
  return () => meter.removeBatchObservableCallback(collect, observables)
}

function createNumbers (meter: Meter, family: NumberFamily): { family: NumberFamily, names: InstrumentNames, observable: Observable } {
  const names = instrumentNames[family.name]
  if (names === undefined) throw new Error(`the metric ${family.name} has no name in OpenTelemetry`)
  const options = { description: family.help, unit: units[family.unit] }
  return { family, names, observable: meter[`createObservable${names.kind}`](`${NAMESPACE}.${names.name}`, options) }
}

function attributesOf (labels: Readonly<Record<string, string>>, { attributes = {} }: InstrumentNames): Attributes {
  return Object.fromEntries(Object.entries(labels).map(([label, value]) => [label === 'sink' ? SINK : attributes[label] ?? `${NAMESPACE}.${label}`, value]))
}

/**
 * The histogram of attempts. OpenTelemetry has no observable one, so this records what has been added since the last snapshot:
 * for each bucket its mean, as many times as there were attempts. So the counts of all buckets and the sum are exact.
 */
class AttemptHistogram {
  readonly #histogram: Histogram
  readonly #recorded = new Map<string, Durations>()
  #recording: Promise<void> = Promise.resolve()

  constructor (meter: Meter) {
    this.#histogram = meter.createHistogram(`${NAMESPACE}.attempt.duration`, {
      description: metricFamilies.find(({ type }) => type === 'histogram')?.help ?? '',
      unit: 's',
      advice: { explicitBucketBoundaries: LIMITS_SECONDS }
    })
  }

  /** One after another: two readers may collect at the same time. */
  record (snapshot: FanoutSnapshot): Promise<void> {
    this.#recording = this.#recording.then(() => this.#record(snapshot))
    return this.#recording
  }

  async #record ({ sinks }: FanoutSnapshot): Promise<void> {
    let records = 0
    for (const { name, attempts } of sinks) {
      const before = this.#recorded.get(name)
      // Snapshots of two readers may come in any order.
      if (before !== undefined && attempts.count <= before.count) continue
      this.#recorded.set(name, attempts)
      for (const { count, seconds } of additions(attempts, before)) {
        for (let i = 0; i < count; i++) {
          this.#histogram.record(seconds, { [SINK]: name })
          if (++records % RECORDS_PER_TURN === 0) await nextTurn()
        }
      }
    }
  }
}

/** The durations that were added to each bucket: their number, and their mean. */
function additions (attempts: Durations, before: Durations | undefined): Array<{ count: number, seconds: number }> {
  return attempts.buckets.map(({ count, sumMs }, bucket) => {
    const added = count - (before?.buckets[bucket]?.count ?? 0)
    const seconds = added === 0 ? 0 : (sumMs - (before?.buckets[bucket]?.sumMs ?? 0)) / added / 1000
    return { count: added, seconds: withinBucket(bucket, seconds) }
  })
}

/** A difference of large sums is not exact to the last digit, which must not move it to another bucket. */
function withinBucket (bucket: number, seconds: number): number {
  const above = LIMITS_SECONDS[bucket - 1]
  const upTo = LIMITS_SECONDS[bucket] ?? Infinity
  if (above !== undefined && seconds <= above) return above * (1 + Number.EPSILON)
  return Math.min(upTo, Math.max(0, seconds))
}
