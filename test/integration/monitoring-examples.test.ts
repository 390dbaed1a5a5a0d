import { readFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { METRIC_PREFIX, metricFamilies } from '#lib/monitor/metric-families'

interface Panel {
  id: number
  type: string
  title: string
  description?: string
  datasource?: { uid: string }
  gridPos: { x: number, y: number, w: number, h: number }
  fieldConfig?: { defaults: { unit?: string } }
  targets?: Array<{ refId: string, expr: string, legendFormat: string, datasource: { uid: string } }>
}

const root = process.cwd()
const folder = join(root, 'examples', 'monitoring')
const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8')
const dashboard = JSON.parse(read('examples', 'monitoring', 'dashboard.json')) as { panels: Panel[] }
const alerts = read('examples', 'monitoring', 'alerts.yml')
const alertNames = [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name]) => name as string)

t.test('the table in docs/metrics.md has every metric, as the code describes it', async t => {
  const rows = metricFamilies.map(({ name, type, unit, labelNames, help }) => `| \`${name}\` | ${type} | ${unit} | ${labelNames.map(label => `\`${label}\``).join(', ')} | ${help} |`)
  const [, table = ''] = /\| name \| type \| unit \| labels \| meaning \|\n\|[-|]+\n((?:\|.*\n)+)/.exec(read('docs', 'metrics.md')) ?? []
  t.same(table.trimEnd().split('\n'), rows)
})

t.test('examples and docs name only metrics and labels that there are', async t => {
  const known = new Set(metricFamilies.flatMap(({ name, type }) => type === 'histogram' ? ['_bucket', '_sum', '_count'].map(suffix => name + suffix) : [name]))
  const labels = new Set(['job', 'instance', 'le', ...metricFamilies.flatMap(({ labelNames }) => labelNames)])
  for (const page of ['examples/monitoring/dashboard.json', 'examples/monitoring/alerts.yml', 'examples/monitoring/alerts.test.yml', 'docs/metrics.md', 'docs/alerts.md']) {
    const text = read(page)
    const used = [...text.matchAll(new RegExp(`${METRIC_PREFIX}([a-z][a-z_]*)(?:\\{([^}]*)\\})?`, 'g'))]
    t.ok(used.length > 2, page)
    for (const [, name, selector = ''] of used) {
      t.ok(known.has(name as string), `${page}: ${name}`)
      for (const [, label] of selector.matchAll(/(\w+)(?:=|!)/g)) t.ok(labels.has(label as string), `${page}: ${label}`)
    }
  }
})

t.test('each alert has a summary, a sentence for whoever is on call, and a runbook that is there', async t => {
  t.equal(alertNames.length, 8)
  const runbook = read('docs', 'alerts.md')
  const readme = read('examples', 'monitoring', 'README.md')
  const headings = [...runbook.matchAll(/^## (\w+)$/gm)].map(([, heading]) => heading as string)
  t.same(headings.sort(), [...alertNames].sort(), 'the runbook has each alert, and no other')
  for (const rule of alerts.split('- alert: ').slice(1)) {
    const [name] = rule.split('\n') as [string]
    t.match(rule, /^ +severity: (?:warning|critical)$/m, name)
    t.match(rule, /^ +summary: '.+'$/m, name)
    t.match(rule, /^ +description: >-$/m, name)
    const [, path, anchor] = /^ +runbook_url: ([\w/.]+)#(\w+)$/m.exec(rule) ?? []
    t.ok(existsSync(join(root, path ?? '?')), name)
    t.ok(headings.some(heading => heading.toLowerCase() === anchor), name)
    const [, severity] = /severity: (\w+)/.exec(rule) ?? []
    t.match(readme, `| ${name} | ${severity} | `, `${name} is in the README`)
  }
})

t.test('each panel of the dashboard says what it shows, in which unit, and takes the chosen data source', async t => {
  const panels = dashboard.panels.filter(({ type }) => type !== 'row')
  for (const { title, description, datasource, fieldConfig, targets = [] } of panels) {
    t.match(description, /^[A-Z].{20,}\.$/, title)
    t.type(fieldConfig?.defaults.unit, 'string', title)
    t.ok(targets.length > 0, title)
    for (const { uid } of [datasource, ...targets.map(({ datasource }) => datasource)] as Array<{ uid: string }>) t.equal(uid, '$' + '{datasource}', title)
    for (const { expr, legendFormat } of targets) {
      t.match(expr, /job=~"\$job", instance=~"\$instance"/, `${title} is of the chosen processes`)
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) t.match(expr, new RegExp(`\\bby \\([^)]*\\b${label}\\b`), `${title} keeps ${label}`)
    }
    t.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title)
  }
  t.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
})

t.test('no panel of the dashboard covers another', async t => {
  const places = dashboard.panels.map(({ title, gridPos: { x, y, w, h } }) => ({ title, left: x, right: x + w, top: y, bottom: y + h }))
  for (const [i, one] of places.entries()) {
    t.ok(one.left >= 0 && one.right <= 24, one.title)
    for (const other of places.slice(i + 1)) {
      t.notOk(one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom, `${one.title} and ${other.title}`)
    }
  }
})

t.test('no probe of the Kubernetes example follows a sink', async t => {
  const manifest = readFileSync(join(folder, 'kubernetes.yaml'), 'utf8')
  const paths = [...manifest.matchAll(/^ +httpGet: \{ path: (\S+), port: monitor \}$/gm)].map(([, path]) => path)
  t.same(paths, ['/healthz', '/healthz'])
})

t.test('every link of the README leads somewhere', async t => {
  for (const [, link] of read('examples', 'monitoring', 'README.md').matchAll(/\]\(([^)#]+)/g)) t.ok(existsSync(join(folder, link as string)), String(link))
})
