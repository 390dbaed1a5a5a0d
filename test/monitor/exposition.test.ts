import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import t from 'tap'
import fanout from '#lib/fanout'
import { expose } from '#lib/monitor/exposition'
import { METRIC_PREFIX, metricFamilies } from '#lib/monitor/metric-families'
import { parseExposition, valueIn } from '../support/exposition-text.js'
import { anySnapshot, freshSink, hostileNames, snapshotOf } from '../support/snapshots.js'

const places = [process.cwd()]
const openMetrics = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5'

t.test('a scraper gets the format that it prefers', async t => {
  const snapshot = snapshotOf(freshSink('loki', { linesDelivered: 7 }))
  const text = await expose(snapshot, undefined, places)
  t.equal(text.contentType, 'text/plain; version=0.0.4; charset=utf-8')
  t.match(text.body, /^# TYPE pino_breaker_fanout_lines_delivered_total counter\npino_breaker_fanout_lines_delivered_total\{sink="loki"\} 7$/m)
  const open = await expose(snapshot, openMetrics, places)
  t.equal(open.contentType, 'application/openmetrics-text; version=1.0.0; charset=utf-8')
  t.match(open.body, /^# TYPE pino_breaker_fanout_lines_delivered counter\npino_breaker_fanout_lines_delivered_total\{sink="loki"\} 7$/m)
  t.match(open.body, /\n# EOF\n$/)
  t.equal((await expose(snapshot, undefined, places)).body, text.body)
})

for (const accept of [undefined, openMetrics]) {
  t.test(`what is read back from the text has the numbers of the snapshot, whatever its sinks are named (${accept === undefined ? 'text' : 'OpenMetrics'})`, async () => {
    await fc.assert(fc.asyncProperty(anySnapshot, async snapshot => {
      const families = parseExposition((await expose(snapshot, accept, places)).body)
      let samples = 0
      const expectValue = (name: string, labels: Record<string, string>, value: number): void => {
        samples++
        const found = valueIn(families, METRIC_PREFIX + name, labels)
        if (found !== value) throw new Error(`${name} ${JSON.stringify(labels)}: ${found}, expected ${value}`)
      }
      for (const family of metricFamilies) {
        if (family.type !== 'histogram') {
          for (const { labels, value } of family.read(snapshot)) expectValue(family.name, labels, value)
          continue
        }
        for (const { labels, buckets, sum, count } of family.read(snapshot)) {
          for (const bucket of [...buckets, { upTo: '+Inf', count }]) expectValue(`${family.name}_bucket`, { ...labels, le: String(bucket.upTo) }, bucket.count)
          expectValue(`${family.name}_sum`, labels, sum)
          expectValue(`${family.name}_count`, labels, count)
        }
      }
      const all = [...families.values()].reduce((sum, family) => sum + family.samples.length, 0)
      if (all !== samples) throw new Error(`${all} samples, expected ${samples}`)
    }), { numRuns: 30 })
  })
}

t.test('a hostile name of a sink stays one label', async t => {
  const { body } = await expose(snapshotOf(...hostileNames.map((name, i) => freshSink(name, { linesDelivered: i }))), undefined, places)
  const families = parseExposition(body)
  t.equal(families.size, metricFamilies.length)
  for (const [i, sink] of hostileNames.entries()) t.equal(valueIn(families, 'pino_breaker_fanout_lines_delivered_total', { sink }), i)
})

t.test('counters go on over restarts of a sink', async t => {
  const stream = await fanout({
    targets: [{ name: 'errs', target: resolve('test/fixtures/sink-errors-per-line.js'), isolation: 'inline', level: 'trace' }],
    breaker: false,
    diagnostics: false,
    closeTimeoutMs: 100
  })
  const scrape = async (): Promise<(name: string, labels?: Record<string, string>) => number> => {
    const families = parseExposition((await expose(stream.snapshot(), undefined, places)).body)
    return (name, labels = {}) => valueIn(families, METRIC_PREFIX + name, { sink: 'errs', ...labels }) as number
  }
  const restarts = async (): Promise<number> => (await scrape())('restarts_total', { reason: 'stream-error' })
  let last = await scrape()
  t.equal(await restarts(), 0)
  for (let seen = 0; seen < 2; seen = await restarts()) {
    stream.write('{"level":30,"msg":"x"}\n')
    await nextTurn()
    const next = await scrape()
    for (const name of ['lines_received_total', 'lines_delivered_total', 'circuit_open_seconds_total', 'attempt_duration_seconds_count']) {
      if (next(name) < last(name)) t.fail(`${name} went from ${last(name)} to ${next(name)}`)
    }
    last = next
  }
  t.ok(last('failures_total', { reason: 'stream-error' }) >= 2)
  stream.destroy()
  await once(stream, 'close')
})

t.test('prom-client is the one of the app', async t => {
  const dir = t.testdir()
  const folder = join(dir, 'node_modules', 'prom-client')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"main":"own.js"}')
  writeFileSync(join(folder, 'own.js'), 'exports.Registry = class { contentType = "own"; names = []; registerMetric (metric) { this.names.push(metric.name) }; async metrics () { return this.names.join() } }')
  const names = metricFamilies.map(({ name }) => METRIC_PREFIX + name).join()
  for (const place of [dir, join(dir, 'app.js'), pathToFileURL(join(dir, 'app.js')).href]) {
    t.same(await expose(snapshotOf(), openMetrics, [place, process.cwd()]), { contentType: 'own', body: names }, place)
  }
})

t.test('without prom-client the error says what to install, and it is looked for again', async t => {
  // Where no folder above has a node_modules with prom-client.
  const dir = mkdtempSync(join(tmpdir(), 'no-prom-client-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  cpSync('build/package/lib', join(dir, 'lib'), { recursive: true })
  cpSync('node_modules/real-require', join(dir, 'node_modules', 'real-require'), { recursive: true })
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}')
  const elsewhere = await import(pathToFileURL(join(dir, 'lib', 'monitor', 'exposition.js')).href) as { expose: typeof expose }
  const app = join(dir, 'app')
  await t.rejects(elsewhere.expose(snapshotOf(), undefined, [app]), { code: 'ERR_FANOUT_PACKAGE_MISSING', message: `ERR_FANOUT_PACKAGE_MISSING: /metrics needs the package prom-client, which was not found from ${app}, pino-breaker-fanout: npm install prom-client` })

  const folder = join(app, 'node_modules', 'prom-client')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'index.js'), 'exports.register = {}')
  await t.rejects(elsewhere.expose(snapshotOf(), undefined, [app]), { code: 'ERR_FANOUT_PACKAGE_MISSING', message: /needs the package prom-client, version 14 or 15, and .*index\.js is none: npm install prom-client$/ })
})
