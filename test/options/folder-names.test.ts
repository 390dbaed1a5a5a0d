import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { folderNameOf } from '#lib/options/folder-names'

t.test('a name that is safe stays as it is, and one that is not is made so', async t => {
  const names = {
    loki: 'loki',
    'loki-2': 'loki-2',
    '@logtail/pino': '@logtail-pino',
    'a b:c*d': 'a-b-c-d',
    '../../etc': '__-..-etc',
    '..': '__',
    '.hidden': '_hidden',
    'ends.': 'ends_',
    'loki.2': 'loki-2',
    '10.0.0.1': '10.0.0-1',
    'v1.x': 'v1.x',
    '': '_',
    con: '_con',
    'NUL.txt': '_NUL.txt',
    COM1: '_COM1',
    'lpt³': '_lpt³',
    'nul ': 'nul-',
    'C:\\logs': 'C--logs',
    журнал: 'журнал'
  }
  for (const [name, folder] of Object.entries(names)) t.equal(folderNameOf(name), folder)
})

t.test('whatever a target is called, its folder is one folder below the given one', async t => {
  const dir = t.testdir()
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 300, size: 'max' }), fc.string({ unit: 'grapheme', maxLength: 300, size: 'max' })), name => {
    const folder = folderNameOf(name)
    mkdirSync(join(dir, folder))
    assert.deepEqual(readdirSync(dir).map(name => name.normalize('NFC')), [folder])
    rmSync(join(dir, folder), { recursive: true })
  }))
})

t.test('a name that is too long is cut, and told apart from others that begin like it', async t => {
  const [one, other] = [folderNameOf(`${'ж'.repeat(300)}1`), folderNameOf(`${'ж'.repeat(300)}2`)]
  t.ok(Buffer.byteLength(one) <= 200)
  t.not(one, other)
  t.match(one, /^ж+-[0-9a-f]{8}$/)
  t.match(folderNameOf(`a${'𐐀'.repeat(300)}`), /^a𐐀+-[0-9a-f]{8}$/u)
})
