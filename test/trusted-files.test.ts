import t from 'tap'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, constants, existsSync, linkSync, lchownSync, mkdirSync, statSync, symlinkSync } from 'node:fs'
import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { checkTrustedFolder, checkTrustedParent, makeFolders, openTrustedFile } from '#lib/trusted-files'

const { O_RDONLY, O_RDWR, O_CREAT, O_APPEND } = constants
const REFUSED = { code: 'ERR_FANOUT_UNTRUSTED_PATH' }
const onWindows = process.platform === 'win32' && 'Windows has neither owners nor modes'
const self = process.geteuid?.() ?? 0
const unlessRoot = self !== 0 && 'only root can give files away'
const STRANGER = 12345

async function open (path: string, flags = O_RDWR): Promise<string> {
  const file = await openTrustedFile(path, flags, { mode: 0o600 })
  try {
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

t.test('a file of this user is opened, and created with O_CREAT', async t => {
  const dir = t.testdir({ file: 'x' })
  for (const flags of [O_RDONLY, O_RDWR, O_RDWR | O_CREAT]) t.equal(await open(join(dir, 'file'), flags), 'x')
  t.equal(await open(join(dir, 'new'), O_RDWR | O_CREAT), '')
  t.equal(statSync(join(dir, 'new')).mode & 0o777, process.platform === 'win32' ? 0o666 : 0o600)
  await t.rejects(open(join(dir, 'missing')), { code: 'ENOENT' })
})

t.test('a symbolic link is never followed', { skip: onWindows }, async t => {
  const dir = t.testdir({ file: 'secret' })
  symlinkSync('file', join(dir, 'link'))
  symlinkSync('nothing', join(dir, 'dangling'))
  for (const flags of [O_RDONLY, O_RDWR, O_RDWR | O_CREAT | O_APPEND]) {
    await t.rejects(open(join(dir, 'link'), flags), { ...REFUSED, message: /link: is a symbolic link$/ })
    await t.rejects(open(join(dir, 'dangling'), flags), REFUSED)
  }
  t.notOk(existsSync(join(dir, 'nothing')))
})

t.test('a file with a second name is refused, unless that name is known', async t => {
  const dir = t.testdir({ file: 'x', other: 'y' })
  const [path, second] = [join(dir, 'file'), join(dir, 'second')]
  linkSync(path, second)
  await t.rejects(open(path), { ...REFUSED, message: /2 names/ })
  await t.rejects(openTrustedFile(path, O_RDWR, { secondName: join(dir, 'other') }), REFUSED)
  await (await openTrustedFile(path, O_RDWR, { secondName: second })).close()
  linkSync(path, join(dir, 'third'))
  await t.rejects(openTrustedFile(path, O_RDWR, { secondName: second }), REFUSED)
})

t.test('a folder, a device or a FIFO is refused, and a FIFO does not block', { skip: onWindows }, async t => {
  const dir = t.testdir({ folder: {} })
  execFileSync('mkfifo', [join(dir, 'fifo')])
  for (const flags of [O_RDONLY, O_RDWR]) await t.rejects(open(join(dir, 'fifo'), flags), { ...REFUSED, message: /not a regular file/ })
  await t.rejects(open(join(dir, 'folder'), O_RDONLY), REFUSED)
  await t.rejects(open('/dev/null'), REFUSED)
})

t.test('a file that others may write to is refused, and one that they may only read is not', { skip: onWindows }, async t => {
  const path = join(t.testdir({ file: 'x' }), 'file')
  for (const mode of [0o600, 0o644, 0o640]) {
    chmodSync(path, mode)
    t.equal(await open(path), 'x')
  }
  for (const mode of [0o602, 0o666]) {
    chmodSync(path, mode)
    await t.rejects(open(path), { ...REFUSED, message: new RegExp(`mode ${mode.toString(8)}`) })
  }
})

t.test('a file of another user is refused, and one of root is not', { skip: onWindows || unlessRoot }, async t => {
  const path = join(t.testdir({ file: 'x' }), 'file')
  chmodSync(path, 0o666 & ~0o022)
  chownSync(path, STRANGER, STRANGER)
  await t.rejects(open(path), { ...REFUSED, message: new RegExp(`belongs to user ${STRANGER}`) })
  process.seteuid?.(STRANGER)
  const asStranger = await open(path)
  process.seteuid?.(0)
  chownSync(path, 0, STRANGER)
  process.seteuid?.(STRANGER)
  const ofRoot = await open(path, O_RDONLY)
  process.seteuid?.(0)
  t.same([asStranger, ofRoot], ['x', 'x'])
})

t.test('a group may write if it is root\'s, or has the same number as the user', { skip: onWindows || unlessRoot }, async t => {
  const path = join(t.testdir({ file: 'x' }), 'file')
  chmodSync(path, 0o660)
  t.equal(await open(path), 'x')
  chownSync(path, 0, STRANGER)
  await t.rejects(open(path), { ...REFUSED, message: new RegExp(`mode 660, group ${STRANGER}`) })
})

t.test('a folder must belong to this user and must not be a symbolic link', { skip: onWindows }, async t => {
  const dir = t.testdir({ folder: {}, file: 'x' })
  const path = join(dir, 'folder')
  symlinkSync(path, join(dir, 'link'))
  chmodSync(path, 0o755)
  await checkTrustedFolder(path)
  await t.rejects(checkTrustedFolder(join(dir, 'link')), { ...REFUSED, message: /symbolic link/ })
  await t.rejects(checkTrustedFolder(join(dir, 'file')), { code: 'ENOTDIR' })
  for (const mode of [0o777, 0o1777]) {
    chmodSync(path, mode)
    await t.rejects(checkTrustedFolder(path), REFUSED)
  }
})

t.test('the parent folder may be sticky, or a symbolic link, if it belongs to a trusted user', { skip: onWindows }, async t => {
  const dir = t.testdir({ folder: {} })
  const path = join(dir, 'folder')
  const link = join(dir, 'link')
  symlinkSync(path, link)
  for (const mode of [0o755, 0o1777]) {
    chmodSync(path, mode)
    await checkTrustedParent(path)
    await checkTrustedParent(link)
  }
  chmodSync(path, 0o777)
  for (const name of [path, link]) await t.rejects(checkTrustedParent(name), REFUSED)
  if (self !== 0) return
  chmodSync(path, 0o755)
  lchownSync(link, STRANGER, STRANGER)
  await t.rejects(checkTrustedParent(link), { ...REFUSED, message: new RegExp(`symbolic link of user ${STRANGER}`) })
  chownSync(path, STRANGER, STRANGER)
  await t.rejects(checkTrustedParent(path), REFUSED)
})

t.test('missing folders are created, and the highest of them is returned', async t => {
  const dir = t.testdir({ file: '' })
  t.equal(await makeFolders(join(dir, 'a', 'b', 'c'), 0o700), join(dir, 'a'))
  t.equal(await makeFolders(join(dir, 'a', 'b', 'd'), 0o700), join(dir, 'a', 'b', 'd'))
  t.equal(await makeFolders(join(dir, 'a', 'b'), 0o700), undefined)
  await t.rejects(makeFolders(join(dir, 'file'), 0o700), { code: 'EEXIST' })
  await t.rejects(makeFolders(join(dir, 'file', 'a'), 0o700), { code: 'ENOTDIR' })
  mkdirSync(join(dir, 'x'))
  const all = await Promise.all(Array.from({ length: 20 }, (_, i) => makeFolders(join(dir, 'x', 'y', 'z', `${i}`), 0o700)))
  t.equal(all.length, 20, 'concurrent calls do not disturb each other')
})

t.test('a folder that somebody else removes meanwhile is created, or missing, but never said to exist', async t => {
  const path = join(t.testdir(), 'a')
  const failed = new Set<string | undefined>()
  for (let round = 0; round < 300; round++) {
    const made = Array.from({ length: 3 }, async () => await makeFolders(path, 0o700).catch((error: NodeJS.ErrnoException) => failed.add(error.code)))
    const removed = Array.from({ length: 3 }, async () => await rmdir(path).catch(() => {}))
    await Promise.all([...made, ...removed])
  }
  await rmdir(path).catch(() => {})
  t.notOk(failed.has('EEXIST'))
  symlinkSync('nowhere', path)
  await t.rejects(makeFolders(path, 0o700), { code: 'EEXIST' }, 'a link that leads nowhere is there')
})

t.test('a folder that can be neither created nor found is an error', { skip: !existsSync('/proc/self') && 'there is no /proc' }, async t => {
  await t.rejects(makeFolders('/proc/spool/loki', 0o700), { code: 'ENOENT' })
})
