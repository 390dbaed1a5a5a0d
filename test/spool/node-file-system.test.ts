import t from 'tap'
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeFileSystem } from '#lib/spool/node-file-system'

t.test('only their owner may read folders and files', { skip: process.platform === 'win32' && 'Windows has no file modes' }, async t => {
  const dir = t.testdir()
  await nodeFileSystem.makeFolder(join(dir, 'a', 'b'))
  await nodeFileSystem.makeFolder(join(dir, 'a', 'b'))
  await (await nodeFileSystem.create(join(dir, 'a', 'b', 'c'))).close()
  const modeOf = (path: string): string => (statSync(join(dir, path)).mode & 0o777).toString(8)
  t.same([modeOf('a'), modeOf('a/b'), modeOf('a/b/c')], ['700', '700', '600'])
})

t.test('a file can be written and read at any position, truncated, measured and synced', async t => {
  const dir = t.testdir()
  const path = join(dir, 'file')
  const file = await nodeFileSystem.create(path)
  t.equal(await file.write(Buffer.from('hello'), 0), 5)
  t.equal(await file.write(Buffer.from('y!'), 4), 2)
  await file.sync()
  await nodeFileSystem.syncFolder(dir)
  t.equal(await file.size(), 6)
  await file.truncate(4)
  const into = Buffer.alloc(10)
  t.equal(await file.read(into, 1), 3)
  t.equal(into.toString('utf8', 0, 3), 'ell')
  t.equal(await file.read(into, 4), 0)
  await file.close()

  const again = await nodeFileSystem.open(path, 'change')
  await again.write(Buffer.from('J'), 0)
  await again.close()
  const read = await nodeFileSystem.open(path, 'read')
  await t.rejects(read.write(Buffer.from('J'), 0), { code: 'EBADF' })
  await read.close()
  t.equal(readFileSync(path, 'utf8'), 'Jell')
})

t.test('an existing file cannot be created, and a missing one cannot be opened, renamed or removed', async t => {
  const dir = t.testdir({ file: 'x', other: 'y' })
  const missing = join(dir, 'missing')
  await t.rejects(nodeFileSystem.create(join(dir, 'file')), { code: 'EEXIST' })
  await t.rejects(nodeFileSystem.open(missing, 'change'), { code: 'ENOENT' })
  t.notOk(existsSync(missing))
  await t.rejects(nodeFileSystem.rename(missing, join(dir, 'file')), { code: 'ENOENT' })
  await t.rejects(nodeFileSystem.remove(missing), { code: 'ENOENT' })
  await nodeFileSystem.rename(join(dir, 'other'), join(dir, 'file'))
  t.same(await nodeFileSystem.list(dir), ['file'])
  t.equal(readFileSync(join(dir, 'file'), 'utf8'), 'y')
  await nodeFileSystem.remove(join(dir, 'file'))
  t.same(await nodeFileSystem.list(dir), [])
})

t.test('creating or syncing a folder that the system refuses rejects with the system\'s code', async t => {
  const dir = t.testdir({ file: 'x' })
  await t.rejects(nodeFileSystem.makeFolder(join(dir, 'file', 'a')), { code: 'EEXIST' })
  await t.rejects(nodeFileSystem.syncFolder(join(dir, 'missing')), { code: 'ENOENT' })
})

t.test('the parent of a spool folder may be a symbolic link', { skip: process.platform === 'win32' && 'symbolic links need a permission on Windows' }, async t => {
  const dir = t.testdir()
  mkdirSync(join(dir, 'real'))
  symlinkSync(join(dir, 'real'), join(dir, 'link'))
  await nodeFileSystem.makeFolder(join(dir, 'link', 'a'))
  writeFileSync(join(dir, 'link', 'a', 'x'), '')
  t.ok(existsSync(join(dir, 'real', 'a', 'x')))
})
