import t from 'tap'
import { Lock, lockNameOf, ownerOf } from '#lib/spool/lock'
import type { Owner } from '#lib/spool/owner'
import { HandClock } from '../support/hand-clock.js'
import { MemoryDisk } from '../support/memory-disk.js'
import { FOLDER, OwnerList, rest } from '../support/spool-rig.js'

const ONE: Owner = { bootId: 'a-1', pid: 10, thread: 11, startTime: 100 }
const OTHER: Owner = { bootId: 'a-1', pid: 20, thread: 20, startTime: 200 }

async function createFolder (): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  await disk.makeFolder(FOLDER)
  return disk
}

function createLock (disk: MemoryDisk, owners: OwnerList, owner: Owner): Lock {
  return new Lock(disk, FOLDER, { self: () => owner, knows: other => owners.knows(other), isAlive: other => owners.isAlive(other) })
}

t.test('the name of a lock says who owns it', async t => {
  t.equal(lockNameOf(ONE), 'lock.a-1.10.11.100')
  t.same(ownerOf(lockNameOf(ONE)), ONE)
  for (const name of ['lock', 'lock.a.1', 'lock.a.1.2.x', 'cursor.json', 'xlock.a.1.2.3']) t.equal(ownerOf(name), undefined)
})

t.test('a folder has one owner, until that one releases it', async t => {
  const disk = await createFolder()
  const owners = new OwnerList()
  owners.alive.push(ONE, OTHER)
  const [one, other] = [createLock(disk, owners, ONE), createLock(disk, owners, OTHER)]
  t.equal(await one.take(), undefined)
  t.same(await other.take(), ONE)
  t.same(await other.take(), ONE)
  await one.release()
  await one.release()
  t.equal(await other.take(), undefined)
  t.same(await one.take(), OTHER)
  t.same(disk.paths, [`${FOLDER}/${lockNameOf(OTHER)}`])
})

t.test('the lock of a dead owner is removed: another process, another boot, or the same ids with another start time', async t => {
  const stale = [OTHER, { ...ONE, bootId: 'b-2' }, { ...ONE, startTime: 99 }, { ...ONE, thread: 10 }]
  for (const owner of stale) {
    const disk = await createFolder()
    disk.put(`${FOLDER}/${lockNameOf(owner)}`, '')
    const owners = new OwnerList()
    owners.alive.push(ONE)
    t.equal(await createLock(disk, owners, ONE).take(), undefined)
    t.same(disk.paths, [`${FOLDER}/${lockNameOf(ONE)}`])
  }
})

t.test('the lock of an owner that cannot be seen holds as long as it is touched, and is removed a minute later', async t => {
  const far = { ...OTHER, bootId: 'elsewhere' }
  const disk = await createFolder()
  const path = `${FOLDER}/${lockNameOf(far)}`
  disk.put(path, '')
  const lock = createLock(disk, new OwnerList(), ONE)
  for (const ageMs of [0, 59999]) {
    disk.ages.set(path, ageMs)
    t.same(await lock.take(), far)
    t.equal(lock.isTie, false)
  }
  disk.ages.set(path, 60000)
  t.equal(await lock.take(), undefined)
  t.same(disk.paths, [`${FOLDER}/${lockNameOf(ONE)}`])
  await lock.release()
})

t.test('an owner touches its lock every ten seconds until it releases it, and asks a disk that hangs only once', async t => {
  const clock = new HandClock().take()
  t.teardown(() => clock.release())
  const disk = await createFolder()
  const jobs: Array<() => Promise<void>> = []
  const lock = new Lock(disk, FOLDER, new OwnerList(), async job => { jobs.push(job) })
  await lock.take()
  clock.advance(60000)
  t.equal(jobs.length, 1)
  for (const job of jobs) await job()
  t.equal(disk.touched.length, 1)
  clock.advance(10000)
  t.equal(jobs.length, 2)
  await lock.release()
  await jobs[1]?.()
  clock.advance(60000)
  t.same([jobs.length, disk.touched.length], [2, 1], 'a lock that was released is left alone')
})

t.test('the lock of a dead owner does no harm if it cannot be removed', async t => {
  const disk = await createFolder()
  disk.put(`${FOLDER}/${lockNameOf(OTHER)}`, '')
  disk.fail('remove', { code: 'EIO' }, { code: 'EIO' })
  t.equal(await createLock(disk, new OwnerList(), ONE).take(), undefined)
})

t.test('however the calls of two writers interleave, they never both own the folder', async t => {
  let both = 0
  for (let pattern = 0; pattern < 1 << 10; pattern++) {
    const disk = await createFolder()
    const owners = new OwnerList()
    owners.alive.push(ONE, OTHER)
    disk.put(`${FOLDER}/lock.a-1.1.1.1`, '')
    // Each writer waits at a disk of its own, and the pattern says whose call continues.
    const gates = [new Gate(disk), new Gate(disk)]
    const results: Array<Owner | undefined | 'waiting'> = ['waiting', 'waiting']
    for (const [i, owner] of [ONE, OTHER].entries()) {
      new Lock((gates[i] as Gate).disk, FOLDER, { self: () => owner, knows: other => owners.knows(other), isAlive: other => owners.isAlive(other) }).take().then(result => { results[i] = result })
    }
    for (let step = 0; step < 10; step++) await gates[(pattern >> step) & 1]?.pass()
    for (let step = 0; step < 10; step++) await Promise.all(gates.map(gate => gate.pass()))
    t.notOk(results.includes('waiting'))
    if (results.every(result => result === undefined)) both++
  }
  t.equal(both, 0)
})

t.test('a lock that could not be released still belongs to its owner', async t => {
  const disk = await createFolder()
  const owners = new OwnerList()
  owners.alive.push(ONE)
  const lock = createLock(disk, owners, ONE)
  await lock.take()
  disk.fail('remove', { code: 'EIO' })
  await t.rejects(lock.release(), { code: 'EIO' })
  t.equal(await lock.take(), undefined)
  t.same(await createLock(disk, owners, ONE).take(), ONE, 'another spool of the same thread cannot take it')
})

/** Lets the calls of one user of a disk continue one at a time. */
class Gate {
  readonly disk: MemoryDisk
  #waiting: Array<() => void> = []

  constructor (disk: MemoryDisk) {
    const wait = async (): Promise<void> => await new Promise(resolve => this.#waiting.push(resolve))
    this.disk = Object.create(disk, {
      list: { value: async (path: string) => { await wait(); return await disk.list(path) } },
      create: { value: async (path: string) => { await wait(); return await disk.create(path) } },
      remove: { value: async (path: string) => { await wait(); await disk.remove(path) } }
    }) as MemoryDisk
  }

  async pass (): Promise<void> {
    this.#waiting.shift()?.()
    await rest()
  }
}
