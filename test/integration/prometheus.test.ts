import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import fanout, { type FanoutStream } from '#lib/fanout'
import type { FanoutSnapshot, SinkSnapshot } from '#lib/metrics'
import { expose } from '#lib/monitor/exposition'
import { until } from '../support/fanout-rig.js'
import { eventually, startPrometheus, type Alert, type Prometheus } from '../support/prometheus.js'
import { findCommand, needs } from '../support/real-servers.js'
import { freshSink, hostileNames, snapshotOf } from '../support/snapshots.js'
import { serveText } from '../support/text-server.js'

t.setTimeout(300000)

const INSTALL = 'scripts/install-prometheus.sh'
const LINE_EACH_MS = 20
const examples = join(process.cwd(), 'examples', 'monitoring')
const alertRules = readFileSync(join(examples, 'alerts.yml'), 'utf8')

/** A transport of which some sinks can be broken and mended. */
interface Scene {
  stream: FanoutStream
  /** The port of its monitor. */
  port: number
  /** An empty folder. */
  folder: string
  sink (name: string): SinkSnapshot
  breakSinks (): void
  mendSinks (): void
}

/** Starts a transport that gets lines all the time, until the end of the test. */
async function openScene (t: Test): Promise<Scene> {
  let stop = async (): Promise<void> => {}
  // tap removes a folder before what is torn down, unless the first teardown is there before the folder.
  t.teardown(() => stop())
  const dir = t.testdir({ prometheus: {} })
  const down = join(dir, 'down')
  const backend = (name: string): { name: string, target: string, options: object } => ({
    name,
    target: resolve('test/fixtures/sink-records-batches.js'),
    options: { lines: join(dir, `${name}.log`), attempts: join(dir, `${name}.attempts`), down }
  })
  const stream = await fanout({
    targets: [
      { name: 'file', target: 'pino/file', options: { destination: join(dir, 'file.log') } },
      { ...backend('skips'), whenOpen: 'skip' },
      { ...backend('spools'), whenOpen: 'spool', spool: { dir: join(dir, 'spool') } },
      { ...backend('falls-back'), whenOpen: 'fallback', fallback: 'spare' },
      { name: 'spare', target: 'pino/file', standby: true, options: { destination: join(dir, 'spare.log') } },
      { name: 'errs', target: resolve('test/fixtures/sink-errors-after-lines.js'), options: { afterLines: 5 }, breaker: false }
    ],
    isolation: 'inline',
    breaker: { failureThreshold: 2, recoveryTimeoutMs: 1000 },
    maxLineBytes: 1000,
    diagnostics: false,
    monitor: { port: 0 },
    closeTimeoutMs: 1000
  })
  let lines = 0
  const logging = setInterval(() => {
    if (stream.writableEnded) return
    const msg = lines++ % 100 === 50 ? 'too long '.repeat(200) : `line ${lines}`
    stream.write(`{"level":30,"msg":"${msg}"}\n`)
  }, LINE_EACH_MS)
  stop = async () => {
    clearInterval(logging)
    stream.end()
    if (!stream.closed) await once(stream, 'close')
  }
  const [{ port }] = await once(stream, 'monitor') as [{ port: number }]
  return {
    stream,
    port,
    folder: join(dir, 'prometheus'),
    sink: name => stream.snapshot().sinks.find(sink => sink.name === name) as SinkSnapshot,
    breakSinks: () => writeFileSync(down, ''),
    mendSinks: () => rmSync(down)
  }
}

t.test('promtool finds nothing wrong with the metrics, before anything has happened, after an outage, and with hostile names', needs('promtool', INSTALL), async t => {
  const check = async (snapshot: FanoutSnapshot): Promise<{ status: number | null, output: string }> => {
    const { body } = await expose(snapshot, undefined, [process.cwd()])
    return promtool(['check', 'metrics'], body)
  }
  const scene = await openScene(t)
  t.same(await check(scene.stream.snapshot()), { status: 0, output: '' })
  scene.breakSinks()
  await until(() => ['skips', 'spools', 'falls-back'].every(name => scene.sink(name).state !== 'closed'), 'the breakers to open')
  await until(() => scene.sink('skips').linesSkipped > 0 && scene.sink('spools').spoolLines > 0 && scene.sink('falls-back').linesFallback > 0, 'lines to be skipped, spooled and passed on')
  t.same(await check(scene.stream.snapshot()), { status: 0, output: '' })
  scene.mendSinks()
  await until(() => ['skips', 'spools', 'falls-back'].every(name => scene.sink(name).state === 'closed'), 'the breakers to close')
  t.same(await check(scene.stream.snapshot()), { status: 0, output: '' })
  t.same(await check(snapshotOf(...hostileNames.map(name => freshSink(name, { fallback: name })))), { status: 0, output: '' })
})

t.test('promtool accepts the alert rules, and their tests pass', needs('promtool', INSTALL), async t => {
  t.match(promtool(['check', 'rules', join(examples, 'alerts.yml')]), { status: 0, output: /SUCCESS: 8 rules found/ })
  t.match(promtool(['check', 'config', join(examples, 'prometheus.yml')]), { status: 0 })
  t.match(promtool(['test', 'rules', join(examples, 'alerts.test.yml')]), { status: 0, output: /SUCCESS/ })
  const tests = readFileSync(join(examples, 'alerts.test.yml'), 'utf8')
  for (const [, alert] of alertRules.matchAll(/- alert: (\w+)/g)) {
    const checks = tests.split(`alertname: ${alert}\n`).slice(1).map(rest => /^\s+exp_alerts:/.test(rest))
    t.ok(checks.includes(true), `a test sees ${alert} fire`)
    t.ok(checks.includes(false), `a test sees ${alert} silent`)
  }
})

t.test('a real Prometheus sees an outage, its alerts fire and resolve, and the dashboard has data for each query', needs('prometheus', INSTALL), async t => {
  const scene = await openScene(t)
  const text = await serveText(t, () => scene.stream.snapshot())
  const prometheus = await startPrometheus(t, scene.folder, {
    scrapeConfigs: [
      `  - { job_name: pino-breaker-fanout, static_configs: [{ targets: ['127.0.0.1:${scene.port}'] }] }`,
      `  - { job_name: text, static_configs: [{ targets: ['127.0.0.1:${text.port}'] }] }`
    ].join('\n'),
    rules: shortened(alertRules)
  })

  await eventually('a rate of delivered lines', async () => await isTrue(prometheus, 'rate(pino_breaker_fanout_lines_delivered_total{sink="skips"}[4s]) > 0'))
  t.same(await prometheus.latest('up == 0'), [], 'both formats are scraped')
  const [accept = ''] = text.accepted
  t.equal((await fetch(`http://127.0.0.1:${scene.port}/metrics`, { headers: { accept } })).headers.get('content-type'), 'application/openmetrics-text; version=1.0.0; charset=utf-8', 'Prometheus prefers OpenMetrics')
  const names = async (job: string): Promise<string[]> => (await prometheus.latest(`count by (__name__) ({__name__=~"pino_.*", job="${job}"})`)).map(({ metric, value }) => `${metric['__name__']} ${value}`).sort()
  t.same(await names('text'), await names('pino-breaker-fanout'), 'both formats have the same series')
  t.ok((await names('text')).length >= 25)
  t.notOk((await firing(prometheus)).some(({ labels }) => labels['alertname'] === 'PinoSinkOpen'), 'nothing is down')

  scene.breakSinks()
  for (const sink of ['skips', 'spools', 'falls-back']) {
    const { annotations } = await eventually(`the alert that ${sink} is open`, async () => await firingOf(prometheus, 'PinoSinkOpen', sink))
    t.equal(annotations['summary'], `The log sink ${sink} of 127.0.0.1:${scene.port} is down`)
  }
  const { annotations } = await eventually('the alert that lines are lost', async () => await firingOf(prometheus, 'PinoSinkLosingLines', 'skips'))
  t.match(annotations['description'], /^[\d.]+ lines of skips were lost/)
  await eventually('lines in the spool', async () => await isTrue(prometheus, 'pino_breaker_fanout_spool_lines{sink="spools"} > 0 and pino_breaker_fanout_spool_bytes > 0'))
  t.notOk(await firingOf(prometheus, 'PinoSinkOpen', 'file'), 'the file is not down')

  scene.mendSinks()
  for (const sink of ['skips', 'spools', 'falls-back']) {
    await eventually(`the end of the alert that ${sink} is open`, async () => await firingOf(prometheus, 'PinoSinkOpen', sink) === undefined || undefined)
  }
  await eventually('an empty spool', async () => await isTrue(prometheus, 'pino_breaker_fanout_spool_lines{sink="spools"} == 0'))
  const [outage] = await prometheus.range('pino_breaker_fanout_circuit_state{job="text", sink="skips", state="open"}')
  t.ok(outage?.values.includes(1), 'a query shows that it was open')
  t.equal(outage?.values[0], 0, 'and was not at first')
  t.ok(await isTrue(prometheus, 'increase(pino_breaker_fanout_circuit_transitions_total{sink="skips", from="closed", to="open", reason="write-error"}[5m]) > 0'), 'a query counts how often')
  t.ok(await isTrue(prometheus, 'pino_breaker_fanout_circuit_open_seconds_total{sink="skips"} > 1'), 'and for how long')
  const sums = 'sum by (sink) ({__name__=~"pino_breaker_fanout_(lines_(delivered|skipped|dropped|fallback|dead_lettered)_total|(queue|unsettled|spool)_lines)", job="text"})'
  t.same(await prometheus.latest(`${sums} != sum by (sink) (pino_breaker_fanout_lines_received_total{job="text"})`), [], 'every line is counted once')

  const dashboard = JSON.parse(readFileSync(join(examples, 'dashboard.json'), 'utf8')) as Dashboard
  const queries = queriesOf(dashboard)
  t.ok(queries.length > 20)
  for (const { title, expr } of queries) {
    const series = await eventually(`data for ${title}: ${expr}`, async () => {
      const found = (await prometheus.range(filledIn(expr))).filter(({ values }) => values.some(Number.isFinite))
      return found.length > 0 ? found : undefined
    })
    t.ok(series.length > 0, title)
    if (title === 'State of each breaker') t.same(new Set(series.find(({ metric }) => metric['sink'] === 'skips')?.values.filter(state => state !== 1)), new Set([0, 2]))
  }
  for (const { definition = '' } of dashboard.templating.list) {
    const [, metric, label] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? []
    if (metric === undefined) continue
    t.ok((await prometheus.labelValues(filledIn(metric), label as string)).length > 0, definition)
  }

  const documented = ['metrics.md', 'alerts.md'].flatMap(queriesIn)
  t.ok(documented.length >= 10)
  for (const query of documented) await t.resolves(prometheus.latest(query), query)

  scene.stream.end()
  await eventually('the alert that the monitor is absent', async () => await firingOf(prometheus, 'PinoMonitorAbsent'))
})

interface Dashboard {
  annotations: { list: Array<{ name: string, expr?: string }> }
  templating: { list: Array<{ definition?: string }> }
  panels: Array<{ title: string, targets?: Array<{ expr: string }> }>
}

function queriesOf ({ annotations, panels }: Dashboard): Array<{ title: string, expr: string }> {
  return [
    ...annotations.list.flatMap(({ name, expr }) => expr === undefined ? [] : [{ title: name, expr }]),
    ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })))
  ]
}

/** The queries that a page of the docs shows. */
function queriesIn (page: string): string[] {
  const text = readFileSync(join(process.cwd(), 'docs', page), 'utf8')
  const blocks = [...text.matchAll(/^```promql\n([\s\S]*?)^```$/gm)].map(([, query]) => query as string)
  const spans = [...text.matchAll(/`([^`\n]*pino_breaker_fanout_[a-z][^`\n]*)`/g)].map(([, query]) => query as string)
  return [...blocks, ...spans]
}

/** A query as Grafana sends it, with everything chosen. */
function filledIn (query: string): string {
  return query.replaceAll('$__rate_interval', '4s').replaceAll('$__range', '5m').replaceAll(/\$(?:job|instance|sink)\b/g, '.*')
}

/** The same rules with short times: an alert fires a second after its condition holds, and looks back for some seconds. */
function shortened (rules: string): string {
  return rules.replace(/\bfor: \d+m/g, 'for: 1s').replace(/\[\d+m\]/g, '[10s]')
}

async function isTrue (prometheus: Prometheus, condition: string): Promise<true | undefined> {
  return (await prometheus.latest(condition)).length > 0 || undefined
}

async function firing (prometheus: Prometheus): Promise<Alert[]> {
  return (await prometheus.alerts()).filter(({ state }) => state === 'firing')
}

async function firingOf (prometheus: Prometheus, name: string, sink?: string): Promise<Alert | undefined> {
  return (await firing(prometheus)).find(({ labels }) => labels['alertname'] === name && labels['sink'] === sink && labels['job'] !== 'text')
}

function promtool (args: readonly string[], input = ''): { status: number | null, output: string } {
  const { status, stdout, stderr } = spawnSync(findCommand('promtool') ?? 'promtool', args, { input, encoding: 'utf8' })
  return { status, output: stdout + stderr }
}
