import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { findFile, findNeighbour } from '#lib/neighbours'

const folder = mkdtempSync(join(tmpdir(), 'fanout-neighbours-'))
t.teardown(() => rmSync(folder, { recursive: true }))
for (const file of ['outside.js', 'dist/pino-pretty.js', 'dist/@logtail/pino.cjs', 'dist/pino-file.js', 'dist/pino-breaker-fanout/http.js']) {
  mkdirSync(join(folder, file, '..'), { recursive: true })
  writeFileSync(join(folder, file), '')
}
const dist = join(folder, 'dist')

t.test('a bundled package is found by its name', async t => {
  t.equal(findFile('pino-pretty', [dist]), join(dist, 'pino-pretty.js'))
  t.equal(findFile('@logtail/pino', [dist]), join(dist, '@logtail/pino.cjs'))
  t.equal(findFile('pino-breaker-fanout/http', [dist]), join(dist, 'pino-breaker-fanout/http.js'))
  t.equal(findFile('pino/file', [dist]), join(dist, 'pino-file.js'))
  t.equal(findFile('pino-loki', [dist]), undefined)
})

t.test('folders are searched in order', async t => {
  t.equal(findFile('http', [dist, join(dist, 'pino-breaker-fanout')]), join(dist, 'pino-breaker-fanout', 'http.js'))
})

t.test('a path is no name of a package', async t => {
  for (const path of ['../outside', './pino-pretty', 'pino-pretty/../../outside', join(folder, 'outside')]) t.equal(findFile(path, [dist]), undefined, path)
})

t.test('outside a bundle, no file beside this package is taken for another one', async t => {
  t.equal(findNeighbour('fanout'), undefined)
})
