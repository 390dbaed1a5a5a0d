// Kind: what a process has made is taken to be there for as long as it runs. A spool folder that was removed was never made
// anew: lines went to files that nobody could ever read, and nothing was told.
import t, { type Test } from 'tap'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { FileSystem } from '#lib/spool/file-system'
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

/** What a check of the folder asks of the disk; another folder takes its place right after the answer. */
for (const question of ['identityOf', 'size'] as const) {
  t.test(`another folder takes its place while it is being looked at, after ${question}`, { skip: onWindows }, async t => {
    const folder = join(t.testdir(), 'spool', 'loki')
    let isArmed = false
    const swap = (): void => {
      if (!isArmed) return
      isArmed = false
      renameSync(folder, `${folder}.moved`)
      mkdirSync(folder, { mode: 0o700 })
    }
    const fs: FileSystem = {
      ...nodeFileSystem,
      [question]: async (path: string) => {
        const answer = await nodeFileSystem[question](path)
        // Of the sizes it is that of the lock which is looked at.
        if (path === folder || path.includes('lock.')) swap()
        return answer
      }
    }
    const rig = new SpoolRig({ fs, owners: systemOwners, folder, syncMs: 20 })
    rig.spool.start()
    await until(() => rig.opened.length === 1)
    rig.append('"before"')
    await until(() => rig.written === 1)
    isArmed = true
    // The folder is looked at while lines come.
    await until(() => {
      rig.append('"before"')
      return rig.opened.length === 2
    })
    await until(() => rig.spool.pending.lines === 0 && rig.append('"after"'))
    await until(() => rig.spool.pending.lines === 0)
    t.same(rig.hindrances, [])
    t.equal(rig.faults.filter(({ during }) => during === 'folder').length, 1, 'it is lost as a whole, once')
    await rig.close()
  })
}
