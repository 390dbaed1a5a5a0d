import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import t from 'tap'
import { breakerDefaults } from '#lib/breaker'
import { fanoutSchema } from '#lib/options'
import { fanoutDefaults, targetDefaults } from '#lib/options/defaults'
import { propertiesOf, type SchemaNode } from '#lib/options/schema-node'
import { wrongOptions } from '../wrong-options.js'

const published: SchemaNode = JSON.parse(readFileSync('dist/schema.json', 'utf8'))
const validates = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(published)

t.test('the published schema refuses what the options refuse, as far as it can tell', async (t) => {
  for (const { what, options, beyondSchema } of wrongOptions) t.equal(validates(options), beyondSchema === true, what)
})

t.test('the published schema admits what the options admit', async (t) => {
  for (const options of [
    { targets: [{ target: 'pino/file' }] },
    { targets: [{ pipeline: [{ target: 'pino-pretty', options: { colorize: true } }, { target: 'pino/file' }], level: 30, breaker: false }] },
    { targets: [{ target: 'a', standby: false, worker: { env: { A: 'b' }, resourceLimits: { stackSizeMb: 1 } } }], levels: { audit: 35 }, diagnostics: false, monitor: false },
    { targets: [{ target: 'a' }], monitor: { port: { from: 9464, to: 9473 }, host: '0.0.0.0', token: 'secret', actions: true } },
    { targets: [{ target: 'a', match: { module: ['audit', 1, true, null], '': '', tenant: { not: ['a', null], exists: false }, url: { prefix: ['/api'] }, user: null } }] },
    { targets: [{ target: 'a' }], monitor: { socket: '/run/log.sock' } },
    { targets: [{ target: 'a' }], breaker: { mode: 'observe', jitter: 0.5 }, queue: { overflow: 'block' }, diagnostics: { to: ['a'], level: 'warn' } }
  ]) t.ok(validates(options), JSON.stringify(validates.errors))
})

t.test('every field of the schema has a title and a meaning', async (t) => {
  const bare: string[] = []
  visit(fanoutSchema, '', (path, { title, description }) => {
    if (title === undefined || description === undefined || !/[.)]$/.test(description)) bare.push(path)
  })
  t.strictSame(bare, [])
})

t.test('every optional field has a default, in figures or in words', async (t) => {
  const bare: string[] = []
  visit(fanoutSchema, '', (path, node) => {
    if (node.default === undefined && node['x-default'] === undefined) bare.push(path)
  })
  t.strictSame(bare, ['targets', 'targets.target', 'targets.options', 'targets.pipeline', 'targets.pipeline.target', 'targets.pipeline.options', 'monitor.port.from', 'monitor.port.to'])
})

t.test('the defaults of the schema are those of the settings', async (t) => {
  const defaultsOf = (node: SchemaNode) => Object.fromEntries(Object.entries(propertiesOf(node)).flatMap(([key, field]) => field.default === undefined ? [] : [[key, field.default]]))
  const { breaker = {}, queue = {}, diagnostics = {}, monitor = {} } = propertiesOf(fanoutSchema)
  t.match({ ...breakerDefaults }, defaultsOf(breaker))
  t.match({ ...targetDefaults.queue }, defaultsOf(queue))
  t.strictSame(defaultsOf(diagnostics), fanoutDefaults.diagnostics)
  t.strictSame(defaultsOf(monitor), fanoutDefaults.monitor)
  t.match({ ...targetDefaults, ...fanoutDefaults }, defaultsOf(fanoutSchema))
  t.strictSame(Object.keys(propertiesOf(breaker)).sort(), [...Object.keys(breakerDefaults), 'failureRate', 'slowMs'].sort())
})

t.test('the published schema has no keywords of our own, but says in words what they say', async (t) => {
  t.notMatch(JSON.stringify(published), /"x-/)
  t.match(propertiesOf(propertiesOf(published).breaker ?? {}).successThreshold?.description, /Default: `halfOpenMaxCalls`\.$/)
})

t.test('the types of the options, and the tables in the docs, are those of the schema', async (t) => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/options.mjs', '--check'], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
})

/** Calls for every field, also of objects within lists and choices. */
function visit (node: SchemaNode, path: string, call: (path: string, node: SchemaNode) => void): void {
  for (const [key, field] of Object.entries({ ...propertiesOf(node), ...propertiesOf(node.items ?? {}) })) {
    const fieldPath = path === '' ? key : `${path}.${key}`
    call(fieldPath, field)
    visit(field, fieldPath, call)
  }
}
