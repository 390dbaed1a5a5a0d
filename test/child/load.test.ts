import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { loadFactory } from '#lib/child/load'

t.test('a factory is found in whatever shape a module exports it', async t => {
  const dir = t.testdir({
    'esm.mjs': 'export default () => "esm"',
    'cjs.cjs': 'module.exports = () => "cjs"',
    'transpiled.cjs': 'Object.defineProperty(exports, "__esModule", { value: true }); exports.default = () => "transpiled"',
    'with a space.mjs': 'export default () => "space"',
    'with #, ? and %41.mjs': 'export default () => "odd"'
  })
  for (const [file, made] of [['esm.mjs', 'esm'], ['cjs.cjs', 'cjs'], ['transpiled.cjs', 'transpiled'], ['with a space.mjs', 'space'], ['with #, ? and %41.mjs', 'odd']] as const) {
    t.equal((await loadFactory(pathToFileURL(join(dir, file)).href))(undefined), made, `${file} by URL`)
    t.equal((await loadFactory(join(dir, file)))(undefined), made, `${file} by path`)
  }
})

t.test('a module that exports no function is no target', async t => {
  const dir = t.testdir({ 'object.mjs': 'export default { default: { default: () => {} } }', 'nothing.mjs': 'export const named = () => {}', 'null.cjs': 'module.exports = null' })
  for (const [file, got] of [['object.mjs', 'object'], ['nothing.mjs', 'undefined'], ['null.cjs', 'null']] as const) {
    await t.rejects(loadFactory(join(dir, file)), { code: 'ERR_FANOUT_SINK_INVALID', message: new RegExp(`got ${got}$`) }, file)
  }
})

t.test('what a module throws is told as it is', async t => {
  const dir = t.testdir({ 'throws.mjs': 'throw Object.assign(new Error("on load"), { code: "E_LOAD" })', 'bare.mjs': 'throw new Error("on load")' })
  await t.rejects(loadFactory(join(dir, 'throws.mjs')), { message: 'on load', code: 'E_LOAD' })
  await t.rejects(loadFactory(join(dir, 'bare.mjs')), { message: 'on load' })
  await t.rejects(loadFactory(join(dir, 'missing.mjs')), { code: 'ERR_MODULE_NOT_FOUND' })
})

t.test('what import() cannot load, require() may', async t => {
  const dir = t.testdir({ 'sink.txt': 'module.exports = () => "by require"' })
  t.equal((await loadFactory(join(dir, 'sink.txt')))(undefined), 'by require')
})

t.test('TypeScript goes through ts-node-dev where that is at work, and is told if it is not there', async t => {
  const dir = t.testdir({ 'sink.cts': 'export default () => "ts"' })
  process.env['TS_NODE_DEV'] = 'true'
  t.teardown(() => { delete process.env['TS_NODE_DEV'] })
  await t.rejects(loadFactory(join(dir, 'sink.cts')), { code: 'MODULE_NOT_FOUND' })
})
