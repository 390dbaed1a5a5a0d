import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '#lib/cli/config'
import { UsageError } from '#lib/cli/command'

const target = '{ "target": "pino/file", "name": "file" }'
const options = `{ "targets": [${target}] }`

t.test('options stand in JSON, an ES module or a CommonJS module, as those of the transport or as one target', async t => {
  const dir = t.testdir({
    'package.json': '{ "type": "module" }',
    'a.json': options,
    'b.json': target,
    'a.js': `export default ${options}`,
    'a.mjs': `export default ${target}`,
    'a.cjs': `module.exports = ${options}`,
    'b.cjs': `exports.__esModule = true; exports.default = ${target}`
  })
  for (const name of ['a.json', 'b.json', 'a.js', 'a.mjs', 'a.cjs', 'b.cjs']) {
    t.match((await loadConfig(join(dir, name))).targets, [{ name: 'file', source: { kind: 'target' } }], name)
  }
})

t.test('targets are looked for from the file first', async t => {
  const dir = t.testdir({ 'c.json': '{ "target": "./sink.mjs" }', 'sink.mjs': 'export default () => {}' })
  const { targets: [found] } = await loadConfig(join(dir, 'c.json'))
  t.match(found?.source, { entry: { file: join(dir, 'sink.mjs') } })
})

t.test('what is wrong is told with the name of the file', async t => {
  const dir = t.testdir({
    'config.yaml': '',
    'broken.json': '{ "targets": [',
    'secret.json': '{ "token": s3cret }',
    'throws.mjs': "throw new Error('no password for redis://me:secret@host')",
    'empty.mjs': '',
    'array.json': '[]',
    'null.json': 'null',
    'wrong.json': '{ "targets": [{ "target": "pino/file", "whenOpne": "hold" }], "x": 1 }',
    'none.json': '{}'
  })
  for (const [name, message] of [
    ['config.yaml', /config\.yaml: expected a file that ends in one of \.json, \.js, \.mjs, \.cjs$/],
    ['missing.json', /missing\.json: cannot be loaded: ENOENT/],
    ['broken.json', /broken\.json: cannot be loaded: .*JSON/],
    ['secret.json', /^(?!.*s3cret).*secret\.json: cannot be loaded: Unexpected token .*JSON/],
    ['throws.mjs', /throws\.mjs: cannot be loaded: no password for redis:\/\/host$/],
    ['empty.mjs', /empty\.mjs: expected an object, \{ targets: \[\.\.\.\] \} or \{ target, options \}, got undefined$/],
    ['array.json', /got an array$/],
    ['null.json', /got null$/],
    ['wrong.json', /wrong\.json: ERR_FANOUT_OPTIONS: (?=[^]*whenOpne)(?=[^]*whenOpen)[^]*x: /],
    ['none.json', /none\.json: ERR_FANOUT_OPTIONS: targets: /]
  ] as const) {
    const error: unknown = await loadConfig(join(dir, name)).catch((error: unknown) => error)
    t.ok(error instanceof UsageError, name)
    t.match((error as Error).message, message)
  }
})
