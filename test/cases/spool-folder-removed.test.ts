// Kind: what a process has made is taken to be there for as long as it runs. A spool folder that was removed was never made
// anew: lines went to files that nobody could ever read, and nothing was told.
import t, { type Test } from 'tap'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { nodeFileSystem } from '#lib/spool/node-file-system'
import { systemOwners } from '#lib/spool/owner'
import { SpoolRig, textsOf } from '../support/spool-rig.js'

const LIMIT_MS = 60000
const onWindows = process.platform === 'win32' && 'Windows does not let anybody remove what is open'

async function until (holds: () => boolean): Promise<void> {
  const limit = performance.now() + LIMIT_MS
  while (!holds()) {
    if (performance.now() > limit) throw new Error('it did not come to that')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

for (const [what, spoil] of Object.entries<(folder: string) => void>({
  'the folder is removed': folder => rmSync(folder, { recursive: true }),
  'all folders above it are removed': folder => rmSync(join(folder, '..'), { recursive: true }),
  'the folder is moved away': folder => renameSync(folder, `${folder}.moved`),
  'another folder stands in its place': folder => {
    renameSync(folder, `${folder}.moved`)
    mkdirSync(folder, { mode: 0o700 })
  },
  'all that is in it is removed': folder => {
    for (const name of readdirSync(folder)) unlinkSync(join(folder, name))
  },
  'its open segment is removed': folder => {
    for (const name of readdirSync(folder).filter(name => name.endsWith('.ndjson'))) unlinkSync(join(folder, name))
  },
  'its lock is removed': folder => {
    for (const name of readdirSync(folder).filter(name => name.startsWith('lock'))) unlinkSync(join(folder, name))
  }
})) {
  t.test(`${what} while the spool is used, and lines go on`, { skip: onWindows }, async (t: Test) => {
    const folder = join(t.testdir(), 'spool', 'loki')
    const rig = new SpoolRig({ fs: nodeFileSystem, owners: systemOwners, folder, syncMs: 20 })
    rig.spool.start()
    await until(() => rig.opened.length === 1)
    rig.append('"before"', '"before"')
    await until(() => rig.written === 2)
    spoil(folder)
    rig.append('"between"')
    const isLock = what === 'its lock is removed'
    await until(() => isLock ? readdirSync(folder).some(name => name.startsWith('lock')) : rig.faults.some(({ during }) => during === 'folder'))
    await until(() => rig.spool.pending.lines === 0)
    await until(() => rig.append('"after"'))
    await until(() => rig.spool.pending.lines === 0)

    const delivered: string[] = []
    while (rig.spool.lines > 0) {
      rig.spool.read(1e6)
      await until(() => rig.given.length > 0)
      delivered.push(...rig.given.flatMap(({ bytes }) => textsOf(bytes)))
      rig.settleAll()
    }
    t.equal(delivered.at(-1), '"after"')
    const returned = rig.returned.flatMap(({ texts }) => texts).length
    t.equal(delivered.length + rig.dropped.damaged + returned, 4, 'each line is counted in one place')
    t.equal(rig.dropped.damaged > 0, !isLock)
    rig.append('"left"')
    await rig.close()
    t.ok(existsSync(folder))
    const next = new SpoolRig({ fs: nodeFileSystem, owners: systemOwners, folder })
    next.spool.start()
    await until(() => next.opened.length === 1)
    t.equal(next.spool.lines, 1, 'and what is left is there for the next start')
    await next.close()
  })
}

t.test('another folder takes its place while it is being looked at, and lines go on', { skip: onWindows }, async t => {
  const folder = join(t.testdir(), 'spool', 'loki')
  let isArmed = false
  const identityOf = async (path: string): Promise<string> => {
    const identity = await nodeFileSystem.identityOf(path)
    if (!isArmed) return identity
    isArmed = false
    renameSync(folder, `${folder}.moved`)
    mkdirSync(folder, { mode: 0o700 })
    return identity
  }
  const rig = new SpoolRig({ fs: { ...nodeFileSystem, identityOf }, owners: systemOwners, folder, syncMs: 20 })
  rig.spool.start()
  await until(() => rig.opened.length === 1)
  isArmed = true
  rig.append('"before"')
  await until(() => rig.faults.some(({ during }) => during === 'folder'))
  await until(() => rig.spool.pending.lines === 0 && rig.append('"after"'))
  await until(() => rig.spool.pending.lines === 0)
  t.same(rig.hindrances, [])
  await rig.close()
})
