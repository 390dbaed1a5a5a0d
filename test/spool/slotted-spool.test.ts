import t from 'tap'
import { lockNameOf } from '#lib/spool/lock'
import type { Owner } from '#lib/spool/owner'
import { MAX_SLOTS } from '#lib/spool/slots'
import { HandClock } from '../support/hand-clock.js'
import { MemoryDisk } from '../support/memory-disk.js'
import { FOLDER, OwnerList, rest, SpoolRig, textsOf, type SpoolRigOptions } from '../support/spool-rig.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => clock.release())

/** Transports with the same options on one disk. */
class Machine {
  readonly disk = new MemoryDisk()
  readonly alive: Owner[] = []
  #pids = 0

  /** Starts another transport. */
  begin (options: Partial<SpoolRigOptions> = {}): SpoolRig & { owner: Owner } {
    const pid = ++this.#pids
    const owner = { bootId: 'boot', pid, thread: pid, startTime: pid }
    const owners = new OwnerList()
    owners.current = owner
    this.alive.push(owner)
    owners.isAlive = async ({ pid }) => this.alive.some(other => other.pid === pid)
    const rig = Object.assign(new SpoolRig({ fs: this.disk, owners, isSlotted: true, ...options }, clock), { owner })
    rig.spool.start()
    return rig
  }

  /** Kills a transport. */
  kill ({ owner }: { owner: Owner }): void {
    this.alive.splice(this.alive.findIndex(({ pid }) => pid === owner.pid), 1)
  }

  /** Leaves lines in a slot without a transport. */
  leave (slot: number, ...texts: string[]): void {
    this.disk.put(`${FOLDER}${slot === 1 ? '' : `.${slot}`}/0000000001.ndjson`, texts.map(text => `${text}\n`).join(''))
  }

  /** The files of all slots, except their locks. */
  get files (): string[] {
    return this.disk.paths.map(path => path.slice('/spool/'.length)).filter(path => !path.includes('/lock.'))
  }

  get folders (): string[] {
    return [...new Set(this.files.map(path => path.slice(0, path.indexOf('/'))))].sort()
  }
}

/** Reads and settles all lines, including those that came before on an earlier request. */
async function deliverAll (rig: SpoolRig): Promise<string[]> {
  const all: string[] = []
  for (let idle = 0; idle < 3; idle++) {
    if (rig.given.length > 0) idle = 0
    all.push(...rig.given.flatMap(({ bytes }) => textsOf(bytes)))
    rig.settleAll()
    rig.spool.read(1e6)
    await rest()
  }
  return all
}

async function end (...rigs: SpoolRig[]): Promise<void> {
  await Promise.all(rigs.map(rig => rig.spool.close(clock.now() + 10000)))
}

t.test('a single transport uses the folder of its target, and creates no other', async t => {
  const machine = new Machine()
  const one = machine.begin()
  await rest()
  t.ok(one.append('1'))
  await rest()
  t.equal(one.written, 1)
  t.same(machine.folders, ['loki'])
  await end(one)
  t.same(machine.files.filter(path => path.endsWith('.ndjson')), ['loki/0000000001.ndjson'])
})

t.test('each transport takes the first free slot, and does not report the taken ones', async t => {
  const machine = new Machine()
  const rigs = [machine.begin()]
  await rest()
  rigs.push(machine.begin())
  await rest()
  rigs.push(machine.begin())
  await rest()
  for (const [index, rig] of rigs.entries()) rig.append(`${index}`)
  await rest()
  t.same(rigs.map(({ opened, hindrances }) => [opened.length, hindrances.length]), [[1, 0], [1, 0], [1, 0]])
  t.same(machine.folders, ['loki', 'loki.2', 'loki.3'])
  await end(rigs[1] as SpoolRig)
  const next = machine.begin()
  await rest()
  t.equal(next.opened[0]?.lines, 1, 'and recovers the lines in it')
  await end(...rigs, next)
})

t.test('an existing slot with lines is taken before a new one is created', async t => {
  const machine = new Machine()
  machine.leave(4, '4')
  const one = machine.begin()
  await rest()
  t.equal(one.opened[0]?.lines, 1)
  t.same(machine.folders, ['loki.4'])
  await end(one)
})

t.test('two transports that start at the same moment get a slot each, one of them the first', async t => {
  for (let calls = 0; calls < 40; calls++) {
    const machine = new Machine()
    const [one, other] = [machine.begin({ random: () => 0.1 }), machine.begin({ random: () => 0.9 })]
    // The disk answers the two alternately, and only one of them for some calls.
    machine.disk.allow(calls)
    await rest()
    machine.disk.allow(Infinity)
    for (let n = 0; n < 20 && one.opened.length + other.opened.length < 2; n++) {
      await rest()
      clock.advance(10)
    }
    await rest()
    one.append('one')
    other.append('other')
    await rest()
    t.same(machine.folders, ['loki', 'loki.2'])
    t.same([...one.hindrances, ...other.hindrances], [])
    await end(one, other)
  }
})

t.test('if all slots are in use, that is reported once, and the first slot to become free is taken', async t => {
  const machine = new Machine()
  const owners: Owner[] = Array.from({ length: MAX_SLOTS }, (_, index) => ({ bootId: 'boot', pid: 1000 + index, thread: 1, startTime: 1 }))
  for (const [index, owner] of owners.entries()) {
    machine.disk.put(`${FOLDER}${index === 0 ? '' : `.${index + 1}`}/${lockNameOf(owner)}`, '')
    machine.alive.push(owner)
  }
  const one = machine.begin()
  await rest()
  t.same(one.hindrances, [{ kind: 'locked', pid: 1000, slots: MAX_SLOTS }])
  t.notOk(one.append('1'))
  t.equal(one.spool.lines, 0)
  t.not(await one.spool.sync(), true)
  machine.kill({ owner: owners[41] as Owner })
  clock.advance(20000)
  await rest()
  t.equal(one.opened.length, 1)
  t.ok(one.append('1'))
  await rest()
  t.same(machine.folders, ['loki.42'])
  await end(one)
  t.equal(clock.timers, 0)
})

t.test('lines of other slots come after its own lines, slot by slot and in order', async t => {
  const machine = new Machine()
  machine.leave(1, '1', '2')
  machine.leave(3, '31', '32')
  machine.leave(2, '21', '22')
  const one = machine.begin()
  await rest()
  one.append('3')
  await rest()
  t.same(await one.readAll(), ['1', '2', '3', '21', '22'])
  t.same(one.adopted, [{ lines: 2, slot: 2 }], 'the next slot is adopted once this one is empty')
  one.settleAll()
  t.same(await deliverAll(one), ['31', '32'])
  t.same(one.adopted, [{ lines: 2, slot: 2 }, { lines: 2, slot: 3 }])
  t.same([one.spool.lines, one.spool.outstandingLines], [0, 0])
  t.same(machine.folders, ['loki'], 'empty folders are removed')
  await end(one)
  t.equal(clock.timers, 0)
})

t.test('lines of an adopted slot have the same ids as with their own transport, and are settled in their slot', async t => {
  const machine = new Machine()
  machine.leave(2, '21', '22')
  machine.disk.put(`${FOLDER}.2/id.0123456789ab`, '')
  machine.leave(1)
  const one = machine.begin()
  await rest()
  await one.read(4)
  const [first] = one.given
  t.equal(one.spool.idOf(first as never), '0123456789ab:1:0')
  t.ok(one.spool.has(first as never))
  one.settleAll()
  await rest()
  t.equal(one.spool.adoptedLines, 1)
  t.equal(one.spool.bytes, 6)
  await end(one)
  machine.kill(one)
  t.match(machine.disk.contentOf(`${FOLDER}.2/cursor.json`).toString(), '"segment":1,"offset":3')
  t.equal(one.spool.lines, 1, 'it is counted as spooled')

  const next = machine.begin()
  await rest()
  t.same(await next.readAll(), ['22'])
  t.equal(next.spool.idOf(next.given[0] as never), '0123456789ab:1:3')
  await end(next)
})

t.test('new lines of its own are sent before the rest of an adopted slot', async t => {
  const machine = new Machine()
  machine.leave(1)
  machine.leave(2, '21', '22', '23')
  const one = machine.begin()
  await rest()
  t.same(await one.read(3), ['21'])
  one.append('1')
  await rest()
  t.same(await one.readAll(3), ['1', '22', '23'])
  one.settleAll()
  await rest()
  await end(one)
})

t.test('the slot of a live transport is adopted only once that transport has ended', async t => {
  const machine = new Machine()
  const one = machine.begin()
  await rest()
  const other = machine.begin()
  await rest()
  other.append('21')
  clock.advance(15000)
  await rest()
  t.same(await deliverAll(one), [])
  machine.kill(other)
  clock.advance(15000)
  await rest()
  t.same(await deliverAll(one), ['21'])
  t.same(machine.folders, ['loki'])
  await end(one)
})

t.test('no slot is adopted while the sink is down', async t => {
  const machine = new Machine()
  machine.leave(1)
  machine.leave(2, '21')
  const one = machine.begin()
  one.mayAdopt = false
  await rest()
  clock.advance(60000)
  await rest()
  t.same(one.adopted, [])
  one.mayAdopt = true
  clock.advance(15000)
  await rest()
  t.same(await deliverAll(one), ['21'])
  await end(one)
})

t.test('if a transport is killed while it sends an adopted slot, the next transport adopts that slot', async t => {
  const machine = new Machine()
  machine.leave(1)
  machine.leave(2, '21', '22')
  const one = machine.begin()
  await rest()
  t.same(await one.read(3), ['21'])
  const beside = machine.begin()
  await rest()
  t.same(beside.adopted, [], 'the slot stays taken as long as its owner lives')
  machine.kill(one)
  clock.advance(15000)
  await rest()
  t.same(await deliverAll(beside), ['21', '22'])
  await end(beside)
})

t.test('a slot that cannot be opened or read is reported, and affects no other slot', async t => {
  const machine = new Machine()
  machine.leave(1)
  machine.leave(2, '21')
  machine.leave(3, '31', 'no json', '32')
  const one = machine.begin({ random: () => 0.5 })
  one.mayAdopt = false
  await rest()
  // By now it has written its cursor.
  clock.advance(2000)
  await rest()
  one.mayAdopt = true
  machine.disk.fail('create', { code: 'EACCES' })
  clock.advance(15000)
  await rest()
  t.match(one.faults, [{ during: 'adopt', slot: 2, error: { code: 'EACCES' } }])
  t.same(await deliverAll(one), ['31', '32'])
  t.equal(one.dropped.damaged, 1)
  t.same(machine.files.filter(path => path.startsWith('loki.3')).length, 3, 'what is damaged is kept')
  clock.advance(15000)
  await rest()
  t.same(await deliverAll(one), ['21'])
  t.same(machine.folders, ['loki', 'loki.3'])
  const { length } = one.adopted
  clock.advance(60000)
  await rest()
  t.equal(one.adopted.length, length, 'a folder with only files for a person to look at stays')
  await end(one)
})

t.test('a transport removes its empty slot at its end, unless that is the first slot', async t => {
  const machine = new Machine()
  const one = machine.begin()
  await rest()
  const two = machine.begin()
  await rest()
  for (const rig of [one, two]) {
    rig.append('1')
    await rest()
    t.same(await deliverAll(rig), ['1'])
  }
  await end(two)
  t.same(machine.folders, ['loki'])
  await end(one)
  t.same(machine.folders, ['loki'])
  t.same(await machine.disk.list('/spool'), ['loki'])
})

t.test('a transport that enters a slot while it is being removed keeps or recreates it, and no line is lost', async t => {
  for (let calls = 0; calls < 60; calls++) {
    const machine = new Machine()
    const one = machine.begin()
    await rest()
    const two = machine.begin()
    await rest()
    machine.disk.allow(0)
    const ended = end(two)
    await rest()
    machine.disk.allow(calls)
    await rest()
    const next = machine.begin()
    await rest()
    machine.disk.allow(Infinity)
    await ended
    for (let n = 0; n < 200 && next.opened.length === 0; n++) {
      await rest()
      clock.advance(10)
    }
    next.append('kept')
    await rest()
    t.equal(next.written, 1)
    t.equal(machine.files.filter(path => /^loki\.\d\/0+1\.ndjson$/.test(path)).length, 1)
    await end(next, one)
  }
})

t.test('a slot whose folder is removed while it is created or locked is tried again, and nothing is reported', async t => {
  for (const call of ['makeFolder', 'create'] as const) {
    const machine = new Machine()
    const one = machine.begin()
    await rest()
    machine.disk.fail(call, ...Array.from({ length: 4 }, () => ({ code: 'ENOENT' })))
    const two = machine.begin()
    await rest()
    t.equal(two.opened.length, 1, call)
    t.same(two.hindrances, [])
    await end(two, one)
  }
})

t.test('a close while a slot is being searched for or opened releases everything', async t => {
  for (let calls = 0; calls < 60; calls++) {
    const machine = new Machine()
    machine.leave(1, '1')
    machine.leave(2, '21', '22')
    machine.disk.allow(calls)
    const one = machine.begin()
    await rest()
    const ended = end(one)
    await rest()
    machine.disk.allow(Infinity)
    await ended
    await rest()
    t.same(machine.disk.paths.filter(path => path.includes('/lock.')), [])
    t.equal(clock.timers, 0)
    machine.kill(one)
    const next = machine.begin()
    await rest()
    t.same(await deliverAll(next), ['1', '21', '22'])
    await end(next)
  }
})

t.test('two transports of one thread get a slot each', async t => {
  const disk = new MemoryDisk()
  const owners = new OwnerList()
  owners.alive.push(owners.current)
  const rigs = [1, 2].map(() => new SpoolRig({ fs: disk, owners, isSlotted: true }, clock))
  for (const { spool } of rigs) spool.start()
  await rest()
  for (const rig of rigs) rig.append('1')
  await rest()
  t.same(rigs.map(({ written }) => written), [1, 1])
  t.same(disk.paths.filter(path => path.endsWith('.ndjson')), [`${FOLDER}.2/0000000001.ndjson`, `${FOLDER}/0000000001.ndjson`])
  await end(...rigs)
})

t.test('a folder whose name only resembles that of a slot is not a slot', async t => {
  const machine = new Machine()
  for (const name of ['loki.1', 'loki.02', 'loki.101', 'loki.x', 'loki2', 'xloki.2', 'loki.2.3']) machine.disk.put(`/spool/${name}/0000000001.ndjson`, 'x\n')
  machine.disk.put('/spool/loki.2', 'a file')
  machine.leave(1)
  const one = machine.begin()
  await rest()
  t.same(await deliverAll(one), [])
  t.same(textsOf(machine.disk.contentOf('/spool/loki.1/0000000001.ndjson')), ['x'])
  await end(one)
})
