import { AggregatorRegistry, Counter, Registry } from 'prom-client'
import t from 'tap'
import type { FanoutSnapshot } from '#lib/metrics'
import { METRIC_PREFIX, metricFamilies } from '#lib/monitor/metric-families'
import { registerMetrics, type PrometheusMetric } from '#lib/monitor/prometheus'
import { parseExposition, valueIn } from '../support/exposition-text.js'
import { freshSink, snapshotOf } from '../support/snapshots.js'

const names = metricFamilies.map(({ name }) => METRIC_PREFIX + name)
const delivered = 'pino_breaker_fanout_lines_delivered_total'

t.test('a registry of prom-client shows the metrics of a transport beside those of the app', async t => {
  const registry = new Registry()
  new Counter({ name: 'orders_total', help: 'Orders.', registers: [registry] }).inc(3)
  registerMetrics(registry, async () => snapshotOf(freshSink('loki', { linesDelivered: 7 })))
  const families = parseExposition(await registry.metrics())
  t.same([...families.keys()], ['orders_total', ...names])
  t.equal(valueIn(families, delivered, { sink: 'loki' }), 7)
  t.equal(valueIn(families, 'orders_total'), 3)
  for (const { name, help, type } of metricFamilies) t.match(families.get(METRIC_PREFIX + name), { help, type })
})

t.test('each scrape reads one snapshot for all metrics', async t => {
  const registry = new Registry()
  let reads = 0
  registerMetrics(registry, () => snapshotOf(freshSink('loki', { linesDelivered: ++reads })))
  t.equal(valueIn(parseExposition(await registry.metrics()), delivered, { sink: 'loki' }), 1)
  t.equal(valueIn(parseExposition(await registry.metrics()), delivered, { sink: 'loki' }), 2)
  await registry.getMetricsAsJSON()
  t.equal(reads, 3)
})

t.test('a snapshot that cannot be read costs this scrape the metrics of the transport, and none of the app', async t => {
  for (const fail of [async () => { throw new Error('no answer') }, () => { throw new Error('no answer') }]) {
    const registry = new Registry()
    new Counter({ name: 'orders_total', help: 'Orders.', registers: [registry] }).inc(3)
    let read: () => Promise<FanoutSnapshot> | FanoutSnapshot = fail
    registerMetrics(registry, () => read())
    const without = parseExposition(await registry.metrics())
    t.equal(valueIn(without, 'orders_total'), 3)
    t.equal([...without.values()].flatMap(({ samples }) => samples).length, 1)
    read = () => snapshotOf(freshSink('loki'))
    t.equal(valueIn(parseExposition(await registry.metrics()), delivered, { sink: 'loki' }), 0, 'the next scrape has them again')
  }
})

t.test('metrics that were registered before are refused with what to do, and nothing is changed', async t => {
  const registry = new Registry()
  const remove = registerMetrics(registry, () => snapshotOf(freshSink('one')))
  t.throws(() => registerMetrics(registry, () => snapshotOf(freshSink('two'))), {
    code: 'ERR_FANOUT_METRIC_EXISTS',
    message: /has a metric pino_breaker_fanout_circuit_state already: register the metrics of a transport once, and those of each further transport in a registry of its own$/
  })
  t.equal(valueIn(parseExposition(await registry.metrics()), delivered, { sink: 'one' }), 0)
  remove()

  const other = new Registry()
  const own = new Counter({ name: delivered, help: 'Of somebody else.', registers: [other] })
  t.throws(() => registerMetrics(other, () => snapshotOf()), { code: 'ERR_FANOUT_METRIC_EXISTS' })
  t.same(other.getMetricsAsArray(), [own])
})

t.test('metrics that were removed can be registered again, and removing them twice removes nothing else', async t => {
  const registry = new Registry()
  const remove = registerMetrics(registry, () => snapshotOf(freshSink('one')))
  remove()
  t.equal((await registry.metrics()).trim(), '')
  registerMetrics(registry, () => snapshotOf(freshSink('two')))
  remove()
  t.equal(valueIn(parseExposition(await registry.metrics()), delivered, { sink: 'two' }), 0)
})

t.test('a registry that changes between the formats shows the same names each time, and removes the metrics', async t => {
  const registry = new Registry()
  const remove = registerMetrics(registry, () => snapshotOf(freshSink('loki', { linesDelivered: 7 })))
  for (let round = 0; round < 2; round++) {
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never)
    const openMetrics = await registry.metrics()
    t.match(openMetrics, /^# TYPE pino_breaker_fanout_lines_delivered counter\npino_breaker_fanout_lines_delivered_total\{sink="loki"\} 7$/m)
    t.match(openMetrics, /\n# EOF\n$/)
    registry.setContentType(Registry.PROMETHEUS_CONTENT_TYPE)
    const text = await registry.metrics()
    t.match(text, /^# TYPE pino_breaker_fanout_lines_delivered_total counter\npino_breaker_fanout_lines_delivered_total\{sink="loki"\} 7$/m)
  }
  remove()
  t.same(registry.getMetricsAsArray(), [])
})

t.test('the labels of a value are the same object in each scrape, so that prom-client writes them as text once', async t => {
  const registry = new Registry()
  registerMetrics(registry, () => snapshotOf(freshSink('loki', { fallback: 'spare' })))
  const scrape = async (): Promise<object[]> => {
    const metrics = registry.getMetricsAsArray() as unknown as PrometheusMetric[]
    return (await Promise.all(metrics.map(metric => metric.getForPromString()))).flatMap(({ values }) => values.map(({ sharedLabels }) => sharedLabels))
  }
  const [first, second] = [await scrape(), await scrape()]
  t.ok(first.length > 90)
  t.ok(first.every((labels, i) => labels === second[i]))
})

t.test('reset() of a registry leaves the counts of the transport as they are', async t => {
  const registry = new Registry()
  registerMetrics(registry, () => snapshotOf(freshSink('loki', { linesDelivered: 7 })))
  registry.resetMetrics()
  t.equal(valueIn(parseExposition(await registry.metrics()), delivered, { sink: 'loki' }), 7)
})

t.test('default labels of a registry stand at every value', async t => {
  const registry = new Registry()
  registry.setDefaultLabels({ app: 'shop', sink: 'not this' })
  registerMetrics(registry, () => snapshotOf(freshSink('loki', { linesDelivered: 7 })))
  for (const families of [parseExposition(await registry.metrics()), parseExposition(await registry.metrics())]) {
    t.equal(valueIn(families, delivered, { sink: 'loki', app: 'shop' }), 7)
    t.equal(valueIn(families, 'pino_breaker_fanout_attempt_duration_seconds_count', { sink: 'loki', app: 'shop' }), 0)
  }
  const json = await registry.getMetricsAsJSON() as unknown as Array<{ name: string, values: unknown[] }>
  t.match(json.find(({ name }) => name === delivered)?.values, [{ labels: { sink: 'loki', app: 'shop' }, value: 7 }])
})

t.test('merged registries show the metrics', async t => {
  const registry = new Registry()
  registerMetrics(registry, () => snapshotOf(freshSink('loki', { linesDelivered: 7 })))
  const merged = Registry.merge([registry, new Registry()])
  t.equal(valueIn(parseExposition(await merged.metrics()), delivered, { sink: 'loki' }), 7)
  t.equal(await merged.getSingleMetricAsString(delivered), `# HELP ${delivered} Lines that arrived.\n# TYPE ${delivered} counter\n${delivered}{sink="loki"} 7`)
})

t.test("the values of a cluster's processes are put together: counts are added, and of times the longest is taken", async t => {
  const processes = [
    snapshotOf(freshSink('loki', { linesDelivered: 7, state: 'open', consecutiveFailures: 5, attempts: attempts(3, 40), failures: { 'http-503': 2 } })),
    { ...snapshotOf(freshSink('loki', { linesDelivered: 4, consecutiveFailures: 1, attempts: attempts(2, 7000) })), upMs: 90000 }
  ]
  const collected = await Promise.all(processes.map(async snapshot => {
    const registry = new Registry()
    registerMetrics(registry, () => snapshot)
    // As they come from the other process.
    return JSON.parse(JSON.stringify(await registry.getMetricsAsJSON())) as object
  }))
  const families = parseExposition(await AggregatorRegistry.aggregate(collected).metrics())
  const value = (name: string, labels: Record<string, string> = {}): number | undefined => valueIn(families, METRIC_PREFIX + name, labels)
  t.equal(value('lines_delivered_total', { sink: 'loki' }), 11)
  t.equal(value('circuit_state', { sink: 'loki', state: 'open' }), 1)
  t.equal(value('circuit_state', { sink: 'loki', state: 'closed' }), 1)
  t.equal(value('failures_total', { sink: 'loki', reason: 'http-503' }), 2)
  t.equal(value('consecutive_failures', { sink: 'loki' }), 5)
  t.equal(value('up_seconds'), 90)
  t.equal(value('attempt_duration_seconds_count', { sink: 'loki' }), 5)
  t.equal(value('attempt_duration_seconds_bucket', { sink: 'loki', le: '0.05' }), 3)
  t.equal(value('attempt_duration_seconds_bucket', { sink: 'loki', le: '10' }), 5)
  t.equal(value('attempt_duration_seconds_sum', { sink: 'loki' }), 14.12)
})

function attempts (count: number, ms: number): ReturnType<typeof freshSink>['attempts'] {
  const { buckets } = freshSink('').attempts
  const bucket = ms < 50 ? 5 : 12
  return { count, sumMs: count * ms, buckets: buckets.map((none, i) => i === bucket ? { count, sumMs: count * ms } : none) }
}
