import { appendFileSync, chmodSync, constants, readFileSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { endTornLine, hasTornLine, type ReadableFile } from '#lib/torn-line'
import { mountSmallDisk } from './support/small-disk.js'

t.test('a torn last line gets its newline, and any other file stays as it is', async t => {
  const dir = t.testdir({ torn: '{"a":1}\n{"b":', whole: '{"a":1}\n', empty: '', folder: {} })
  for (const name of ['torn', 'whole', 'empty', 'folder', 'missing']) await endTornLine(join(dir, name))
  t.same(['torn', 'whole', 'empty'].map(name => readFileSync(join(dir, name), 'utf8')), ['{"a":1}\n{"b":\n', '{"a":1}\n', ''])
})

t.test('a FIFO is not waited for', { skip: process.platform === 'win32' && 'Windows has none' }, async t => {
  const path = join(t.testdir(), 'fifo')
  execFileSync('mkfifo', [path])
  await endTornLine(path)
  t.pass('it has not blocked')
})

t.test('a file that cannot be read is left to who writes to it', { skip: (process.platform === 'win32' || process.geteuid?.() === 0) && 'this user may read every file' }, async t => {
  const path = join(t.testdir({ file: 'torn' }), 'file')
  chmodSync(path, 0o200)
  await endTornLine(path)
  chmodSync(path, 0o600)
  t.equal(readFileSync(path, 'utf8'), 'torn')
})

t.test('a line that another process is just writing is not torn', async t => {
  const path = join(t.testdir({ file: '{"a":1}\n{"b":' }), 'file')
  const file = await open(path, constants.O_RDONLY)
  t.teardown(async () => { await file.close() })
  let looks = 0
  const growing: ReadableFile = {
    stat: file.stat.bind(file) as ReadableFile['stat'],
    read: (async (buffer: Buffer, offset: number, length: number, position: number) => {
      const read = await file.read(buffer, offset, length, position)
      if (looks++ === 0) appendFileSync(path, '2}\n{"c":')
      return read
    }) as ReadableFile['read']
  }
  t.equal(await hasTornLine(growing), false)
  t.equal(await hasTornLine(file), true, 'the next line, that nobody ends, is')
})

t.test('a file that is emptied meanwhile has no torn line', async t => {
  const path = join(t.testdir({ file: 'torn' }), 'file')
  const file = await open(path, constants.O_RDONLY)
  t.teardown(async () => { await file.close() })
  writeFileSync(path, '')
  t.equal(await hasTornLine(file, 4), false)
  t.equal(await hasTornLine(file), false)
})

t.test('a disk that takes no newline is told', async t => {
  const dir = mountSmallDisk(t, 8)
  if (dir === undefined) return t.pass('no disk may be mounted here')
  const path = join(dir, 'file')
  t.throws(() => writeFileSync(path, 'x'.repeat(20000)), { code: 'ENOSPC' })
  await t.rejects(endTornLine(path), { code: 'ENOSPC' })
})
