import { appendFileSync, closeSync, linkSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Part, type PartRecord } from '#lib/cli/part'
import { partsOf, WorkingCopy } from '#lib/cli/working-copy'

function letter (id: number, fields: object = {}): string {
  return JSON.stringify({ time: 1, sink: 'loki', reason: 'r', status: 400, attempts: 2, line: `{"id":${id}}`, ...fields })
}

function openFile (t: Test, lines: readonly string[]): { dir: string, path: string, left: () => string[] } {
  const dir = t.testdir()
  const path = join(dir, 'dead.ndjson')
  writeFileSync(path, lines.map(line => `${line}\n`).join(''))
  return { dir, path, left: () => readFileSync(path, 'utf8').trimEnd().split('\n') }
}

async function recordsOf (source: { records (): AsyncGenerator<PartRecord> }): Promise<PartRecord[]> {
  const records: PartRecord[] = []
  for await (const record of source.records()) records.push(record)
  return records
}

t.test('what was not delivered comes back as it was, in order, and nothing else stays', async t => {
  const { dir, path, left } = openFile(t, [letter(0), 'no record', letter(2), '', letter(4)])
  const copy = await WorkingCopy.open(path)
  t.same(readdirSync(dir), ['dead.ndjson.replaying'], 'the app would make a new one')
  const records = await recordsOf(copy)
  t.same(records.map(({ letter }) => letter?.line), ['{"id":0}', undefined, '{"id":2}', '{"id":4}'])
  records[2]?.part.deliver(records[2].place)
  t.equal(await copy.putBack(), 3)
  t.same(left(), [letter(0), 'no record', letter(4)])
  t.same(readdirSync(dir), ['dead.ndjson'])
})

t.test('a record that was refused again has its new reason, and its attempts counted on', async t => {
  const { path, left } = openFile(t, [letter(0, { more: 1 }), letter(1)])
  const copy = await WorkingCopy.open(path)
  const [first, second] = await recordsOf(copy) as [PartRecord, PartRecord]
  first.part.refuse(first.place, { time: 7, reason: 'still wrong', attempts: 3 })
  second.part.refuse(second.place, { time: 8, reason: 'worse', status: 422, attempts: 1 })
  await copy.putBack()
  t.same(left().map(line => JSON.parse(line) as unknown), [
    { time: 7, sink: 'loki', reason: 'still wrong', attempts: 5, line: '{"id":0}' },
    { time: 8, sink: 'loki', reason: 'worse', status: 422, attempts: 3, line: '{"id":1}' }
  ])
})

t.test('with all delivered there is no file', async t => {
  const { dir, path } = openFile(t, [letter(0)])
  const copy = await WorkingCopy.open(path)
  for (const { part, place } of await recordsOf(copy)) part.deliver(place)
  t.equal(await copy.putBack(), 0)
  t.same(readdirSync(dir), [])
})

t.test('what is appended meanwhile is kept, whether to a new file or by one who had opened the old one before', async t => {
  const { path, left } = openFile(t, [letter(0), letter(1)])
  const before = openSync(path, 'a')
  const copy = await WorkingCopy.open(path)
  const [first] = await recordsOf(copy) as [PartRecord]
  first.part.deliver(first.place)
  writeSync(before, `${letter(2)}\n`)
  closeSync(before)
  appendFileSync(path, `${letter(3)}\n`)
  t.equal(await copy.putBack(), 2, 'of the old file')
  t.same(left(), [letter(1), letter(2), letter(3)])
})

t.test('what is added once all was copied is found at the very end', async t => {
  const { dir, path } = openFile(t, [letter(0)])
  const part = Part.whole(path)
  const { length } = readFileSync(path)
  appendFileSync(path, `${letter(1)}\n`)
  await part.copyAdded(length, join(dir, 'to'))
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
    'lock.boot.1.1.1': ''
  })
  t.same((await Promise.all((await partsOf(path)).map(recordsOf))).flat().map(({ letter }) => letter?.line), [0, 3, 5, 9].map(id => `{"id":${id}}`))
  const copy = await WorkingCopy.open(path)
  t.same((await recordsOf(copy)).map(({ letter }) => letter?.line), [0, 3, 5, 9].map(id => `{"id":${id}}`))
  await copy.putBack()
  t.same(left(), [letter(0), letter(3), letter(5), letter(9)])
  t.same(readdirSync(dir), ['dead.ndjson'])
})

t.test('a run that was killed once all was put back, and before it had cleared up, has left nothing twice', async t => {
  const { path, left } = openFile(t, [letter(1)])
  const folder = killedRun(path, { '0000000001.ndjson': `${letter(0)}\n${letter(1)}\n`, '0000000001.delivered': '0-0\n' })
  linkSync(path, join(folder, 'left.ndjson'))
  t.equal((await partsOf(path)).length, 1)
  const copy = await WorkingCopy.open(path)
  t.same((await recordsOf(copy)).map(({ letter }) => letter?.line), ['{"id":1}'])
  await copy.putBack()
  t.same(left(), [letter(1)])
})

t.test('what has been delivered is noted as it goes, in runs', async t => {
  const { path } = openFile(t, [0, 1, 2, 3, 4].map(id => letter(id)))
  const copy = await WorkingCopy.open(path)
  const records = await recordsOf(copy)
  for (const place of [2, 0, 1]) records[place]?.part.deliver(place)
  await copy.save()
  records[4]?.part.deliver(4)
  await copy.save()
  await copy.save()
  t.equal(readFileSync(`${path}.replaying/0000000001.delivered`, 'utf8'), '0-2\n4-4\n')
  await copy.putBack()
})

t.test('what is no record of a line is told apart', async t => {
  const { path } = openFile(t, ['7', 'null', '{"sink":"loki"}', '{"line":"x"}', letter(0, { line: '' }), letter(0, { line: 'two\nlines' }), letter(0, { attempts: 'many' })])
  const records = await recordsOf(Part.whole(path))
  t.same(records.map(({ letter }) => letter?.attempts), [undefined, undefined, undefined, undefined, undefined, undefined, 0])
})

t.test('a large file comes back whole', async t => {
  const letters = Array.from({ length: 5000 }, (_, id) => letter(id, { pad: 'x'.repeat(200) }))
  const { path, left } = openFile(t, letters)
  const copy = await WorkingCopy.open(path)
  t.equal(await copy.putBack(), 5000)
  t.same(left(), letters)
})
