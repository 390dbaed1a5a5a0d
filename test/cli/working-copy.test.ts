import { appendFileSync, closeSync, linkSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import assert from 'node:assert/strict'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { Part } from '#lib/cli/dead-letter-part'
import type { KeptLine } from '#lib/cli/send-lines'
import { linesOf, WorkingCopy } from '#lib/cli/working-copy'
import { lockNameOf } from '#lib/spool/lock'
import { systemOwners } from '#lib/spool/owner'

function letter (id: number, fields: object = {}): string {
  return JSON.stringify({ time: 1, sink: 'loki', reason: 'r', status: 400, attempts: 2, line: `{"id":${id}}`, ...fields })
}

function openFile (t: Test, lines: readonly string[]): { dir: string, path: string, left: () => string[] } {
  const dir = t.testdir()
  const path = join(dir, 'dead.ndjson')
  writeFileSync(path, lines.map(line => `${line}\n`).join(''))
  return { dir, path, left: () => readFileSync(path, 'utf8').trimEnd().split('\n') }
}

async function all (lines: AsyncIterable<KeptLine>): Promise<KeptLine[]> {
  const found: KeptLine[] = []
  for await (const line of lines) found.push(line)
  return found
}

async function textsOf (lines: AsyncIterable<KeptLine>): Promise<string[]> {
  return (await all(lines)).map(({ text }) => text)
}

t.test('what was not delivered comes back as it was, in order, and nothing else stays', async t => {
  const { dir, path, left } = openFile(t, [letter(0), 'no record', letter(2), '', letter(4)])
  const copy = await WorkingCopy.open(path)
  t.same(readdirSync(dir), ['dead.ndjson.replaying'], 'the app would make a new one')
  const lines = await all(copy.lines())
  t.same(lines.map(({ sink }) => sink), ['loki', undefined, 'loki', 'loki'])
  t.same(lines.map(({ text }) => text), ['{"id":0}', '', '{"id":2}', '{"id":4}'])
  lines[2]?.deliver()
  t.equal(await copy.putBack(), 3)
  t.same(left(), [letter(0), 'no record', letter(4)])
  t.same(readdirSync(dir), ['dead.ndjson'])
})

t.test('a record that was refused again has its new reason, and its attempts counted on', async t => {
  const { path, left } = openFile(t, [letter(0, { more: 1 }), letter(1)])
  const copy = await WorkingCopy.open(path)
  const [first, second] = await all(copy.lines()) as [KeptLine, KeptLine]
  first.refuse({ time: 7, sink: 'es', reason: 'still wrong', attempts: 3, line: 'x' })
  second.refuse({ time: 8, sink: 'es', reason: 'worse', status: 422, attempts: 1, line: 'x' })
  await copy.putBack()
  t.same(left().map(line => JSON.parse(line) as unknown), [
    { time: 7, sink: 'loki', reason: 'still wrong', attempts: 5, line: '{"id":0}' },
    { time: 8, sink: 'loki', reason: 'worse', status: 422, attempts: 3, line: '{"id":1}' }
  ])
})

t.test('with all delivered there is no file', async t => {
  const { dir, path } = openFile(t, [letter(0)])
  const copy = await WorkingCopy.open(path)
  for (const line of await all(copy.lines())) line.deliver()
  t.equal(await copy.putBack(), 0)
  t.same(readdirSync(dir), [])
})

t.test('what is appended meanwhile is kept, whether to a new file or by one who had opened the old one before', async t => {
  const { path, left } = openFile(t, [letter(0), letter(1)])
  const before = openSync(path, 'a')
  const copy = await WorkingCopy.open(path)
  const [first] = await all(copy.lines())
  first?.deliver()
  writeSync(before, `${letter(2)}\n`)
  closeSync(before)
  appendFileSync(path, `${letter(3)}\n`)
  t.equal(await copy.putBack(), 2, 'of the old file')
  t.same(left(), [letter(1), letter(2), letter(3)])
})

t.test('what is added once all was copied is found at the very end', async t => {
  const { dir, path } = openFile(t, [letter(0)])
  const part = new Part(path)
  await all(part.lines())
  appendFileSync(path, `${letter(1)}\n`)
  await part.copyAdded(join(dir, 'to'))
  t.equal(readFileSync(join(dir, 'to'), 'utf8'), `${letter(1)}\n`)
})

/** What a run leaves that is killed: its folder, without the lock of anybody alive. */
function killedRun (path: string, files: Record<string, string>): string {
  const folder = `${path}.replaying`
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

t.test('what a run has left that was killed comes first, but for what it has noted as delivered', async t => {
  const { dir, path, left } = openFile(t, [letter(9)])
  killedRun(path, {
    '0000000001.ndjson': [0, 1, 2, 3, 4, 5].map(id => `${letter(id)}\n`).join(''),
    // The last was being written: it may lack a digit.
    '0000000001.delivered': '1-2\n4-4\n0-1',
    'left.ndjson': 'a part of',
    [lockNameOf({ ...systemOwners.self(), pid: 4194305, thread: 4194305 })]: ''
  })
  t.same(await textsOf(linesOf(path)), [0, 3, 5, 9].map(id => `{"id":${id}}`))
  const copy = await WorkingCopy.open(path)
  t.same(await textsOf(copy.lines()), [0, 3, 5, 9].map(id => `{"id":${id}}`))
  await copy.putBack()
  t.same(left(), [letter(0), letter(3), letter(5), letter(9)])
  t.same(readdirSync(dir), ['dead.ndjson'])
})

t.test('a run that was killed once all was put back, and before it had cleared up, has left nothing twice', async t => {
  const { path, left } = openFile(t, [letter(1)])
  const folder = killedRun(path, { '0000000001.ndjson': `${letter(0)}\n${letter(1)}\n`, '0000000001.delivered': '0-0\n' })
  linkSync(path, join(folder, 'left.ndjson'))
  t.same(await textsOf(linesOf(path)), ['{"id":1}'])
  const copy = await WorkingCopy.open(path)
  t.same(await textsOf(copy.lines()), ['{"id":1}'])
  await copy.putBack()
  t.same(left(), [letter(1)])
})

t.test('what has been delivered is noted as it goes, in runs', async t => {
  const { path } = openFile(t, [0, 1, 2, 3, 4].map(id => letter(id)))
  const copy = await WorkingCopy.open(path)
  const lines = await all(copy.lines())
  for (const number of [0, 1, 2]) lines[number]?.deliver()
  await copy.save()
  lines[4]?.deliver()
  await copy.save()
  await copy.save()
  t.equal(readFileSync(`${path}.replaying/0000000001.delivered`, 'utf8'), '0-2\n4-4\n')
  await copy.putBack()
})

t.test('what is no record of a line is told apart', async t => {
  const { path } = openFile(t, ['7', 'null', '{"sink":"loki"}', '{"line":"x"}', letter(0, { line: '' }), letter(0, { line: 'two\nlines' }), letter(0, { attempts: 'many' })])
  t.same((await all(linesOf(path))).map(({ sink }) => sink), [undefined, undefined, undefined, undefined, undefined, undefined, 'loki'])
})

t.test('a large file comes back whole', async t => {
  const letters = Array.from({ length: 5000 }, (_, id) => letter(id, { pad: 'x'.repeat(200) }))
  const { path, left } = openFile(t, letters)
  const copy = await WorkingCopy.open(path)
  t.equal(await copy.putBack(), 5000)
  t.same(left(), letters)
})

t.test('a file comes back byte by byte, wherever its lines end', async t => {
  const dir = t.testdir()
  const path = join(dir, 'dead.ndjson')
  const line = fc.oneof(fc.string({ unit: 'binary', minLength: 1 }).map(text => text.replaceAll('\n', '\r')), fc.constantFrom('x'.repeat(262143), 'x'.repeat(262144), 'x'.repeat(600000)))
  await fc.assert(fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 6 }), fc.boolean(), async (lines, isTorn) => {
    const bytes = Buffer.from(lines.map(line => `${line}\n`).join(''))
    writeFileSync(path, isTorn ? bytes.subarray(0, -1) : bytes)
    const copy = await WorkingCopy.open(path)
    assert.equal(await copy.putBack(), lines.length)
    assert.ok(readFileSync(path).equals(bytes))
  }), { numRuns: 50 })
})
