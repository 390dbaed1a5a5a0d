import t, { type Test } from 'tap'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeFileSystem } from '#lib/spool/node-file-system'
import { systemOwners } from '#lib/spool/owner'
import { SpoolRig, type SpoolRigOptions } from '../support/spool-rig.js'

const LIMIT_MS = 20000
const DISK_BYTES = 4 * 1024 * 1024

/** Mounts a disk of 4 MB, or says why it cannot. */
function mount (t: Test): { disk: string } | { reason: string } {
  // Not a folder of the test's own: that is removed before it could be unmounted.
  const disk = mkdtempSync(join(tmpdir(), 'spool-'))
  t.teardown(() => rmdirSync(disk))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', disk], { stdio: 'pipe' })
  } catch (error) {
    return { reason: `no small disk could be mounted: ${String(error).split('\n')[0]}` }
  }
  t.teardown(() => { execFileSync('umount', [disk]) })
  return { disk }
}

/** Runs a test on a small disk; without one it is skipped, though never in CI. */
function onSmallDisk (name: string, test: (t: Test, disk: string) => Promise<void>): void {
  t.test(name, { timeout: 60000 }, async t => {
    const mounted = mount(t)
    if ('disk' in mounted) return await test(t, mounted.disk)
    if (process.env['CI'] === 'true') t.fail(mounted.reason)
    else t.pass(mounted.reason, { skip: mounted.reason })
  })
}

async function until (holds: () => boolean): Promise<void> {
  const limit = performance.now() + LIMIT_MS
  while (!holds()) {
    if (performance.now() > limit) throw new Error('it did not come to that')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

function createSpool (folder: string, options: Partial<SpoolRigOptions> = {}): SpoolRig {
  return new SpoolRig({ fs: nodeFileSystem, owners: systemOwners, folder, segmentBytes: 1024 * 1024, syncMs: 50, ...options })
}

async function open (rig: SpoolRig): Promise<void> {
  rig.spool.start()
  await until(() => rig.opened.length > 0)
}

/** Appends lines until the disk takes no more; returns all, and those that came back. */
async function fill (rig: SpoolRig): Promise<{ all: string[], back: string[] }> {
  const all: string[] = []
  const had = rig.returned.length
  while (rig.returned.length === had) {
    const texts = Array.from({ length: 20 }, (_, i) => `{"n":${all.length + i},"x":"${'x'.repeat((all.length + i) % 500)}"}`)
    if (rig.append(...texts)) all.push(...texts)
    else await new Promise(resolve => setTimeout(resolve, 1))
    if (rig.spool.pending.lines > 200) await until(() => rig.spool.pending.lines === 0 || rig.returned.length > had)
  }
  return { all, back: rig.returned.slice(had).flatMap(({ texts }) => texts) }
}

function readSegments (folder: string): string[] {
  return readdirSync(folder).filter(name => name.endsWith('.ndjson')).sort().flatMap(name => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1))
}

async function readAll (rig: SpoolRig, lines: number): Promise<string[]> {
  const texts: string[] = []
  while (texts.length < lines) {
    rig.spool.read(100000)
    await until(() => rig.given.length > 0)
    for (const given of rig.given.splice(0)) {
      texts.push(...given.bytes.toString().split('\n').slice(0, -1))
      rig.spool.settle(given)
    }
  }
  return texts
}

onSmallDisk('a full disk has every whole line that it took, the others come back, and it is tried again each second', async (t, disk) => {
  const folder = join(disk, 'spool')
  const rig = createSpool(folder)
  await open(rig)
  const { all, back } = await fill(rig)
  t.match(rig.returned[0]?.error, { code: 'ENOSPC' })
  t.equal(statfsSync(disk).bfree, 0)
  t.equal(rig.spool.lines, all.length - back.length)
  t.same(back, all.slice(all.length - back.length))
  t.same(readSegments(folder), all.slice(0, all.length - back.length))

  await until(() => rig.writable > 0)
  t.equal(rig.append(...back), true, 'it is tried again')
  await until(() => rig.returned.length > 1 || rig.spool.pending.lines === 0)

  const lines = rig.spool.lines
  t.same(await readAll(rig, lines), all.slice(0, lines), 'and what is there is delivered')
  await until(() => rig.spool.bytes === 0)
  const last = rig.writable
  if (!rig.append('1')) await until(() => rig.writable > last && rig.append('1'))
  await until(() => rig.spool.lines === 1)
  await rig.close()
})

onSmallDisk('a spool on a full disk is opened, delivered, and makes room by that', async (t, disk) => {
  const folder = join(disk, 'spool')
  const rig = createSpool(folder)
  await open(rig)
  const { all, back } = await fill(rig)
  await rig.close()
  while (statfsSync(disk).bfree > 0) writeFileSync(join(disk, 'other'), Buffer.alloc(4096), { flag: 'a' })

  const next = createSpool(folder)
  await open(next)
  const lines = all.length - back.length
  t.equal(next.opened[0]?.lines, lines)
  t.same(next.hindrances, [])
  t.same(await readAll(next, lines), all.slice(0, lines))
  await until(() => next.spool.bytes === 0)
  t.equal(next.append('1'), true)
  await until(() => next.spool.lines === 1)
  await next.close()
})

onSmallDisk('with another file that takes the last byte, lines come back until it is gone', async (t, disk) => {
  const folder = join(disk, 'spool')
  mkdirSync(folder)
  const rig = createSpool(folder)
  await open(rig)
  rig.append('"first"')
  await until(() => rig.spool.lines === 1)
  const other = join(disk, 'other')
  try {
    for (;;) writeFileSync(other, Buffer.alloc(4096), { flag: 'a' })
  } catch {
    t.equal(statfsSync(disk).bfree, 0)
  }
  // What fits into the page that the segment has already is written; the next one is not there.
  const { all, back } = await fill(rig)
  t.ok(back.length > 0)
  t.same(readSegments(folder), ['"first"', ...all.slice(0, all.length - back.length)])
  rmSync(other)
  await until(() => rig.writable > 0 && rig.append(...back))
  await until(() => rig.spool.pending.lines === 0)
  t.same(readSegments(folder), ['"first"', ...all])
  await rig.close()
})

onSmallDisk('a spool that is as large as it may be on a disk that is just larger never meets its end', async (t, disk) => {
  const folder = join(disk, 'spool')
  const rig = createSpool(folder, { maxBytes: 3 * 1024 * 1024, segmentBytes: 256 * 1024 })
  await open(rig)
  let appended = 0
  while (rig.dropped['spool-full'] < 20000) {
    if (rig.append(...Array.from({ length: 50 }, (_, i) => `{"n":${appended + i},"x":"${'x'.repeat(200)}"}`))) appended += 50
    await until(() => rig.spool.pending.bytes < 1e6)
  }
  await until(() => rig.spool.pending.lines === 0)
  t.same(rig.returned, [])
  t.equal(rig.spool.lines + rig.dropped['spool-full'], appended)
  const left = readSegments(folder)
  t.equal(left.length, rig.spool.lines)
  t.equal(left.at(-1)?.startsWith(`{"n":${appended - 1},`), true)
  await rig.close()
})
