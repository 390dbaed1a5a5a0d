import { FanoutError } from '../errors.js'
import type { FanoutSnapshot } from '../metrics.js'
import type { MetricLabels } from './label-sets.js'
import { METRIC_PREFIX, metricFamilies, type HistogramFamily, type HistogramValue, type MetricFamily } from './metric-families.js'

/** A value as prom-client takes it. */
interface PrometheusValue {
  /** In place of the name of the metric. */
  metricName?: string
  labels: MetricLabels
  value: number
}

/** As prom-client takes it for text: it remembers the text of each object of `sharedLabels`. */
interface TextValue extends Omit<PrometheusValue, 'labels'> {
  sharedLabels: MetricLabels
}

/** The answer of a metric to prom-client. */
interface Collected<Value> {
  name: string
  help: string
  type: string
  aggregator: string
  values: Value[]
}

/**
 * What a registry of prom-client, 14 or 15, wants of a metric. So an app's registry gets metrics without prom-client being
 * loaded here.
 */
export interface PrometheusMetric {
  name: string
  readonly help: string
  readonly type: MetricFamily['type']
  readonly labelNames: readonly string[]
  /** How prom-client's `AggregatorRegistry` puts the values of a cluster's processes together. */
  readonly aggregator: 'sum' | 'max'
  get (): Promise<Collected<PrometheusValue>>
  /** Prom-client 15 asks for this where it makes text. */
  getForPromString (): Promise<Collected<TextValue>>
  /** Does nothing: the transport counts, and goes on counting. */
  reset (): void
}

/** A `Registry` of prom-client. */
export interface PrometheusRegistry {
  registerMetric (metric: never): void
  getSingleMetric (name: string): unknown
  removeSingleMetric (name: string): void
}

/**
 * Registers all metrics of a transport. Each scrape reads one snapshot. If that fails, these metrics have no values in this
 * scrape, and those of the app are not affected.
 *
 * @returns a function that removes them
 * @throws {@link FanoutError} `ERR_FANOUT_METRIC_EXISTS` if the registry has a metric of one of these names: it has those of
 * another transport, or these were registered before. Then none is registered.
 */
export function registerMetrics (registry: PrometheusRegistry, readSnapshot: () => Promise<FanoutSnapshot> | FanoutSnapshot): () => void {
  const metrics = createMetrics(shared(readSnapshot)).map(metric => ({ metric, name: metric.name }))
  const taken = metrics.find(({ name }) => registry.getSingleMetric(name) !== undefined)
  if (taken !== undefined) {
    throw new FanoutError('ERR_FANOUT_METRIC_EXISTS', `the registry has a metric ${taken.name} already: register the metrics of a transport once, and those of each further transport in a registry of its own`)
  }
  for (const { metric } of metrics) registry.registerMetric(metric as never)
  return () => {
    for (const { metric, name } of metrics) if (registry.getSingleMetric(name) === metric) registry.removeSingleMetric(name)
  }
}

/**
 * A metric of prom-client for each {@link MetricFamily}.
 *
 * @param readSnapshot - Called once for each metric and scrape; `undefined`: there is none
 */
export function createMetrics (readSnapshot: () => Promise<FanoutSnapshot | undefined> | FanoutSnapshot): PrometheusMetric[] {
  return metricFamilies.map(family => new FamilyMetric(family, readSnapshot))
}

class FamilyMetric implements PrometheusMetric {
  name: string
  readonly help: string
  readonly type: MetricFamily['type']
  readonly labelNames: readonly string[]
  readonly aggregator: 'sum' | 'max'
  readonly #family: MetricFamily
  readonly #readSnapshot: () => Promise<FanoutSnapshot | undefined> | FanoutSnapshot

  constructor (family: MetricFamily, readSnapshot: () => Promise<FanoutSnapshot | undefined> | FanoutSnapshot) {
    this.name = METRIC_PREFIX + family.name
    this.help = family.help
    this.type = family.type
    this.labelNames = family.labelNames
    this.aggregator = family.together
    this.#family = family
    this.#readSnapshot = readSnapshot
  }

  async get (): Promise<Collected<PrometheusValue>> {
    return await this.#collect()
  }

  async getForPromString (): Promise<Collected<TextValue>> {
    const collected = await this.#collect()
    return { ...collected, values: collected.values.map(({ metricName, labels, value }) => ({ ...(metricName !== undefined && { metricName }), sharedLabels: labels, value })) }
  }

  reset (): void {}

  async #collect (): Promise<Collected<PrometheusValue>> {
    const { name, help, type, aggregator } = this
    // In OpenMetrics mode prom-client takes `_total` from the name of a counter, right before it calls this, and adds it to each
    // value. It never puts it back: the next scrape in the other format would have another name.
    this.name = METRIC_PREFIX + this.#family.name
    const snapshot = await this.#readSnapshot()
    return { name, help, type, aggregator, values: snapshot === undefined ? [] : this.#values(snapshot) }
  }

  #values (snapshot: FanoutSnapshot): PrometheusValue[] {
    const family = this.#family
    return family.type === 'histogram' ? family.read(snapshot).flatMap(value => valuesOf(family, value)) : family.read(snapshot)
  }
}

function valuesOf ({ name }: HistogramFamily, { labels, buckets, sum, count }: HistogramValue): PrometheusValue[] {
  const metricName = METRIC_PREFIX + name
  const counts = [...buckets.map(({ count }) => count), count]
  return [
    ...labelsOfBuckets(labels, buckets).map((labels, bucket) => ({ metricName: `${metricName}_bucket`, labels, value: counts[bucket] as number })),
    { metricName: `${metricName}_sum`, labels, value: sum },
    { metricName: `${metricName}_count`, labels, value: count }
  ]
}

const knownBuckets = new WeakMap<MetricLabels, MetricLabels[]>()

/** The labels of each bucket: the same objects each time, as those of `LabelSets`. */
function labelsOfBuckets (labels: MetricLabels, buckets: HistogramValue['buckets']): MetricLabels[] {
  let known = knownBuckets.get(labels)
  if (known === undefined) {
    known = [...buckets.map(({ upTo }) => String(upTo)), '+Inf'].map(le => Object.freeze({ le, ...labels }))
    knownBuckets.set(labels, known)
  }
  return known
}

/** One snapshot for all metrics that ask while it is being read, as those of one scrape do. `undefined` if reading it failed. */
function shared (readSnapshot: () => Promise<FanoutSnapshot> | FanoutSnapshot): () => Promise<FanoutSnapshot | undefined> {
  let reading: Promise<FanoutSnapshot | undefined> | undefined
  return () => {
    reading ??= Promise.resolve()
      .then(readSnapshot)
      // A registry fails as a whole if one of its metrics does, with all metrics of the app.
      .catch(() => undefined)
      .finally(() => { reading = undefined })
    return reading
  }
}
