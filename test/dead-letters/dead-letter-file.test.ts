import { appendFileSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { DeadLetterFile } from '#lib/dead-letters/dead-letter-file'
import type { SerializedError } from '#lib/errors'

const record = (text: string): Buffer => Buffer.from(`${text}\n`)
const MUCH = 1e6

function openFile (path: string): { file: DeadLetterFile, troubles: SerializedError[] } {
  const troubles: SerializedError[] = []
  return { file: new DeadLetterFile(path, err => { troubles.push(err) }), troubles }
}

t.test('records are appended in order, also by several users of one file', async t => {
  const path = join(t.testdir(), 'dead.ndjson')
  writeFileSync(path, '"old"\n')
  const { file, troubles } = openFile(path)
  const appended = await Promise.all([file.append([record('1'), record('2')], MUCH), file.append([record('3')], MUCH), openFile(path).file.append([record('4')], MUCH)])
  t.same(appended, [{ written: 2 }, { written: 1 }, { written: 1 }])
  t.same(readFileSync(path, 'utf8').split('\n').sort(), ['', '"old"', '1', '2', '3', '4'])
  t.match(readFileSync(path, 'utf8'), /"old"\n(4\n)?1\n2\n(4\n)?3\n/)
  t.same(troubles, [])
})

t.test('a missing file is created, with its folder, for its owner only', async t => {
  const dir = join(t.testdir(), 'new', 'folder')
  const path = join(dir, 'dead.ndjson')
  const { file } = openFile(path)
  t.equal(existsSync(dir), false, 'not before the first record')
  await file.append([record('1')], MUCH)
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(dir).mode & 0o777, 0o700)
})

t.test('a file that was moved away is created again', async t => {
  const path = join(t.testdir(), 'dead.ndjson')
  const { file } = openFile(path)
  await file.append([record('1')], MUCH)
  renameSync(path, `${path}.1`)
  await file.append([record('2')], MUCH)
  t.same([readFileSync(`${path}.1`, 'utf8'), readFileSync(path, 'utf8')], ['1\n', '2\n'])
})

t.test('the size is read from the disk, and never exceeds maxBytes', async t => {
  const path = join(t.testdir(), 'dead.ndjson')
  writeFileSync(path, 'xxxxx\n')
  const { file, troubles } = openFile(path)
  t.same(await file.append([record('abc'), record('def')], 10), { written: 1 })
  t.same(await file.append([record('g')], 10), { written: 0 })
  t.equal(readFileSync(path, 'utf8'), 'xxxxx\nabc\n')
  t.match(troubles, [{ code: 'ERR_FANOUT_DEAD_LETTERS_FULL' }], 'that is reported once')

  writeFileSync(path, '')
  t.same(await file.append([record('h')], 10), { written: 1 })
  await file.append([record('too long for it')], 10)
  t.equal(troubles.length, 2, 'and again after a success')
})

t.test('a torn record of an earlier process does not spoil the next one', async t => {
  const path = join(t.testdir(), 'dead.ndjson')
  appendFileSync(path, '{"torn":')
  const { file } = openFile(path)
  t.same(await file.append([record('1')], MUCH), { written: 1 })
  t.equal(readFileSync(path, 'utf8'), '{"torn":\n1\n')
})

t.test('a record that another process cuts off just before ours spoils no record, and a spoiled record that is the same as ours is not taken for it', async t => {
  const path = join(t.testdir(), 'dead.ndjson')
  writeFileSync(path, '0\n')
  const handle = await open(path)
  const handles = Object.getPrototypeOf(handle) as FileHandle
  await handle.close()
  const { write } = handles
  t.teardown(() => { handles.write = write })
  const before = (...texts: string[]): void => {
    handles.write = async function (this: FileHandle, bytes: Buffer) {
      const text = texts.shift()
      if (text !== undefined) appendFileSync(path, text)
      return await (write as (bytes: Buffer) => Promise<unknown>).call(this, bytes)
    } as FileHandle['write']
  }
  const { file, troubles } = openFile(path)
  const cases = [
    [['"whole"\n'], '"whole"\n1\n2\n'],
    [['"torn'], '"torn1\n2\n1\n'],
    [['"torn1\n'], '"torn1\n1\n2\n'],
    [['"torn', '"torn again'], '"torn1\n2\n"torn again1\n1\n']
  ] as const
  for (const [texts, expected] of cases) {
    writeFileSync(path, '0\n')
    before(...texts)
    t.same(await file.append([record('1'), record('2')], MUCH), { written: 2 })
    t.equal(readFileSync(path, 'utf8'), `0\n${expected}`)
  }
  t.same(troubles, [])
})

t.test('a file that cannot be opened is reported, and takes no record', async t => {
  const dir = t.testdir()
  const { file, troubles } = openFile(dir)
  t.same(await file.append([record('1')], MUCH), { written: 0 })
  t.match(troubles, [{ code: 'EISDIR' }])
})

t.test('a folder that cannot be created is reported too', async t => {
  const path = join(t.testdir({ file: '' }), 'file', 'dead.ndjson')
  const { file, troubles } = openFile(path)
  t.same(await file.append([record('1')], MUCH), { written: 0 })
  t.match(troubles, [{ code: 'ENOTDIR' }])
})
