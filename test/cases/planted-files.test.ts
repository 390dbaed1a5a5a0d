// Kind: what stands at a path is taken for one's own. A link in a spool folder that somebody else had made sent a file of
// root's to the backend, cut another to nothing, and appended to a third.
import t, { type Test } from 'tap'
import { chmodSync, chownSync, existsSync, lchownSync, linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DeadLetterFile } from '#lib/dead-letters/dead-letter-file'
import type { SerializedError } from '#lib/errors'
import { decodeCursor } from '#lib/spool/cursor'
import { nodeFileSystem } from '#lib/spool/node-file-system'
import { segmentNameOf } from '#lib/spool/segment'
import { SpoolRig, textsOf } from '../support/spool-rig.js'

const SECRET = '{"secret":1}\n{"secret":2}\n'
const STRANGER = 12345
const onWindows = process.platform === 'win32' && 'Windows knows neither owners nor modes'
const unlessRoot = process.geteuid?.() !== 0 && 'only root can give files away'
const LIMIT_MS = 30000

async function until (holds: () => boolean): Promise<void> {
  const limit = performance.now() + LIMIT_MS
  while (!holds()) {
    if (performance.now() > limit) throw new Error('it did not come to that')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** A spool folder, and a file beside it that nothing of the spool may touch. */
function scene (t: Test): { folder: string, secret: string, begin: () => SpoolRig } {
  const dir = t.testdir({ secret: SECRET, spool: { loki: {} } })
  for (const path of ['spool', 'spool/loki']) chmodSync(join(dir, path), 0o700)
  const folder = join(dir, 'spool', 'loki')
  const begin = (): SpoolRig => {
    const rig = new SpoolRig({ fs: nodeFileSystem, folder, syncMs: 5 })
    t.teardown(() => rig.close())
    rig.spool.start()
    return rig
  }
  return { folder, secret: join(dir, 'secret'), begin }
}

async function refusalOf (begin: () => SpoolRig): Promise<string> {
  const rig = begin()
  await until(() => rig.hindrances.length > 0 || rig.opened.length > 0)
  const [hindrance] = rig.hindrances
  return hindrance?.kind === 'failed' ? String(hindrance.error) : 'nothing'
}

t.test('a segment that is a link, symbolic or hard, is not sent, not cut, and told of', { skip: onWindows }, async t => {
  for (const plant of [symlinkSync, linkSync]) {
    const { folder, secret, begin } = scene(t)
    // The last one would be cut behind its last newline, all others only be read.
    writeFileSync(secret, `${SECRET}torn`)
    for (const number of [1, 2]) plant(secret, join(folder, segmentNameOf(number)))
    const rig = begin()
    await until(() => rig.opened.length > 0)
    t.match(rig.opened[0], { lines: 0, unreadableSegments: 2 })
    t.match(rig.faults[0], { during: 'read', error: { code: 'ERR_FANOUT_UNTRUSTED_PATH' } }, 'the reason is told')
    await rig.close()
    t.equal(readFileSync(secret, 'utf8'), `${SECRET}torn`)
  }
})

t.test('nothing is written through a cursor, a draft of one, or a quarantine that is a link', { skip: onWindows }, async t => {
  const { folder, secret, begin } = scene(t)
  for (const name of ['cursor.json', 'cursor.json.new', 'quarantine', segmentNameOf(2)]) symlinkSync(secret, join(folder, name))
  writeFileSync(join(folder, segmentNameOf(1)), 'no json\n{"id":1}\n')
  const rig = begin()
  await until(() => rig.opened.length > 0)
  rig.append('{"id":2}')
  await until(() => rig.written === 1)
  rig.spool.read(1e6)
  await until(() => rig.given.length > 0)
  t.same(rig.given.flatMap(({ bytes }) => textsOf(bytes)), ['{"id":1}'])
  rig.settleAll()
  rig.spool.read(1e6)
  await until(() => rig.given.length > 0)
  rig.settleAll()
  await rig.close()
  t.equal(readFileSync(secret, 'utf8'), SECRET)
  t.equal(decodeCursor(readFileSync(join(folder, 'cursor.json'), 'utf8'))?.segment, 3, 'the cursor takes the place of the link')
  t.same(rig.faults.map(({ during, error }) => [during, (error as NodeJS.ErrnoException).code]), [['read', 'ERR_FANOUT_UNTRUSTED_PATH'], ['quarantine', 'ERR_FANOUT_UNTRUSTED_PATH']])
})

t.test('a folder that is a link, or that others may write to, is not entered', { skip: onWindows }, async t => {
  const { folder, begin } = scene(t)
  chmodSync(folder, 0o777)
  t.match(await refusalOf(begin), /loki: may be written by others \(mode 777/)
  chmodSync(folder, 0o700)
  chmodSync(join(folder, '..'), 0o777)
  t.match(await refusalOf(begin), /spool: may be written by others/)
  chmodSync(join(folder, '..'), 0o1777)
  t.equal(await refusalOf(begin), 'nothing', 'in a sticky folder nobody can replace what is another\'s')

  const other = scene(t)
  const target = join(other.folder, '..', 'target')
  mkdirSync(target)
  symlinkSync(target, join(other.folder, '..', 'link'))
  const rig = new SpoolRig({ fs: nodeFileSystem, folder: join(other.folder, '..', 'link') })
  t.teardown(() => rig.close())
  t.match(await refusalOf(() => {
    rig.spool.start()
    return rig
  }), /link: is a symbolic link/)
  t.same(readdirSync(target), [])
})

t.test('a folder or a segment of another user is not touched, as root neither', { skip: onWindows || unlessRoot }, async t => {
  const { folder, begin } = scene(t)
  writeFileSync(join(folder, segmentNameOf(1)), SECRET, { mode: 0o600 })
  chownSync(folder, STRANGER, STRANGER)
  t.match(await refusalOf(begin), /loki: belongs to user 12345, where this process runs as user 0/)
  chownSync(folder, 0, 0)
  lchownSync(join(folder, segmentNameOf(1)), STRANGER, STRANGER)
  const rig = begin()
  await until(() => rig.opened.length > 0)
  t.match(rig.opened[0], { lines: 0, unreadableSegments: 1 })
  // It syncs its folder every few milliseconds, which must be over before the folder is removed.
  await rig.close()
})

t.test('a dead-letter file that is a link, or another\'s, is not appended to', { skip: onWindows }, async t => {
  const dir = t.testdir({ secret: SECRET })
  const path = join(dir, 'dead.ndjson')
  const troubles: SerializedError[] = []
  const append = async (path: string): Promise<number> => (await new DeadLetterFile(path, err => troubles.push(err)).append([Buffer.from('{}\n')], 1e6)).written
  symlinkSync('secret', path)
  symlinkSync('missing', join(dir, 'dangling'))
  linkSync(join(dir, 'secret'), join(dir, 'hard'))
  for (const name of ['dead.ndjson', 'dangling', 'hard']) t.equal(await append(join(dir, name)), 0, name)
  writeFileSync(join(dir, 'open'), '')
  chmodSync(join(dir, 'open'), 0o666)
  t.equal(await append(join(dir, 'open')), 0)
  t.equal(troubles.length, 4)
  for (const trouble of troubles) t.equal(trouble.code, 'ERR_FANOUT_UNTRUSTED_PATH')
  t.equal(readFileSync(join(dir, 'secret'), 'utf8'), SECRET)
  t.notOk(existsSync(join(dir, 'missing')))
})

t.test('a dead-letter file into which a replay is putting records back is appended to all the same', { skip: onWindows }, async t => {
  const dir = t.testdir({ 'dead.ndjson': '{"id":1}\n', 'dead.ndjson.replaying': {} })
  const path = join(dir, 'dead.ndjson')
  linkSync(path, join(dir, 'dead.ndjson.replaying', 'left.ndjson'))
  t.same(await new DeadLetterFile(path, () => {}).append([Buffer.from('{"id":2}\n')], 1e6), { written: 1 })
  t.equal(readFileSync(path, 'utf8'), '{"id":1}\n{"id":2}\n')
})
