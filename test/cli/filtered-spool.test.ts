import fc from 'fast-check'
import t from 'tap'
import assert from 'node:assert/strict'
import { FilteredSpool, type Change } from '#lib/cli/filtered-spool'
import type { KeptLine } from '#lib/cli/send-lines'
import type { DeadLetter } from '#lib/dead-letters/dead-letter'
import { encodeCursor } from '#lib/spool/cursor'
import { MemoryDisk } from '../support/memory-disk.js'
import { FOLDER, OwnerList, rest, SpoolRig } from '../support/spool-rig.js'
import { pathOf } from '../support/spool-scene.js'

const CURSOR = `${FOLDER}/cursor.json`
const ID = `${FOLDER}/id.0123456789ab`

const refusal: DeadLetter = { time: 1, sink: 'loki', reason: 'no', attempts: 1, line: '' }

/** A disk with a spool on it that has these segments. */
function diskWith (segments: readonly string[]): MemoryDisk {
  const disk = new MemoryDisk()
  disk.put(ID, '')
  for (const [index, content] of segments.entries()) disk.put(pathOf(index + 1), content)
  return disk
}

async function open (disk: MemoryDisk, owners = new OwnerList()): Promise<FilteredSpool> {
  return await FilteredSpool.open(FOLDER, { fs: disk, owners })
}

async function linesOf (spool: FilteredSpool): Promise<KeptLine[]> {
  const lines: KeptLine[] = []
  for await (const line of spool.lines()) lines.push(line)
  return lines
}

/** Sends lines, which arrive. */
async function takeOut (spool: FilteredSpool, isChosen: (text: string) => boolean): Promise<void> {
  for await (const line of spool.lines()) {
    if (isChosen(line.text)) line.deliver()
    else line.leave()
  }
}

/** A whole run, in which these lines arrive. */
async function replay (disk: MemoryDisk, isChosen: (text: string) => boolean): Promise<Change[]> {
  const spool = await open(disk)
  await takeOut(spool, isChosen)
  return await spool.close()
}

function contentsOf (disk: MemoryDisk): Record<string, string> {
  return Object.fromEntries(disk.paths.map(path => [path.slice(FOLDER.length + 1), disk.contentOf(path).toString()]))
}

/** What the app would send that finds this spool. */
async function waitingIn (disk: MemoryDisk): Promise<string[]> {
  const rig = new SpoolRig({ fs: disk })
  await rig.open()
  const lines = await rig.readAll()
  await rig.close()
  return lines
}

t.test('lines that arrived are gone, all others stay as they are and in order, and a segment of which nothing is left goes', async t => {
  const disk = diskWith(['1\n22\n3\n', '4\n5\n', '6\n{"odd\n\n7\n'])
  const spool = await open(disk)
  t.same((await linesOf(spool)).map(({ text }) => text), ['1', '22', '3', '4', '5', '6', '{"odd', '', '7'])
  spool.rewind()
  await takeOut(spool, text => ['22', '4', '5', '6'].includes(text))
  t.same(await spool.close(), [])
  t.same(contentsOf(disk), { '0000000001.ndjson': '1\n3\n', '0000000003.ndjson': '{"odd\n\n7\n' })
})

t.test('with nothing taken out, nothing is touched', async t => {
  const disk = diskWith(['1\n2', '3\n{"torn'])
  disk.put(CURSOR, 'damaged')
  const before = contentsOf(disk)
  t.same(await replay(disk, () => false), [])
  t.same(contentsOf(disk), before)
})

t.test('whoever only looks sees the same lines, also while it is in use, and changes nothing', async t => {
  const disk = diskWith(['1\n2', '3\n{"torn'])
  disk.put(`${FOLDER}/lock.boot.77.77.3`, '')
  const before = contentsOf(disk)
  const spool = await FilteredSpool.open(FOLDER, { isReadOnly: true, fs: disk })
  t.same((await linesOf(spool)).map(({ text }) => text), ['1', '2', '3'])
  t.same(contentsOf(disk), before)
  disk.fail('read', { code: 'EIO' })
  await t.rejects(FilteredSpool.open(FOLDER, { isReadOnly: true, fs: disk }), { code: 'EIO' })
})

t.test('a segment that its app delivers and removes while the spool is only read has no lines any more', async t => {
  const disk = diskWith(['1\n', '2\n', '3\n'])
  const spool = await FilteredSpool.open(FOLDER, { isReadOnly: true, fs: disk })
  disk.delete(pathOf(2))
  t.same((await linesOf(spool)).map(({ text }) => text), ['1', '3'])
})

t.test('a line in flight, and one that was refused, stays', async t => {
  const disk = diskWith(['1\n2\n3\n'])
  const spool = await open(disk)
  const [first, second] = await linesOf(spool) as [KeptLine, KeptLine, KeptLine]
  first.deliver()
  second.refuse(refusal)
  await spool.save()
  t.equal(contentsOf(disk)['0000000001.ndjson'], '1\n2\n3\n', 'not before all is known of it')
  await spool.close()
  t.equal(contentsOf(disk)['0000000001.ndjson'], '2\n3\n')
})

t.test('a segment is rewritten as soon as all its lines are decided, while others are read', async t => {
  const disk = diskWith(['1\n2\n', '3\n4\n'])
  const spool = await open(disk)
  for await (const line of spool.lines()) {
    if (line.text !== '2') line.deliver()
    else line.leave()
    await spool.save()
    if (line.text === '3') t.same(contentsOf(disk)['0000000001.ndjson'], '2\n')
  }
  await spool.close()
  t.same(Object.keys(contentsOf(disk)), ['0000000001.ndjson'])
})

t.test('what its cursor has passed is not sent, and it means the same afterwards', async t => {
  const disk = diskWith(['1\n', '2\n3\n4\n5\n', '6\n7\n'])
  disk.put(CURSOR, encodeCursor({ segment: 2, offset: 4 }))
  const spool = await open(disk)
  await takeOut(spool, text => ['1', '2', '4', '7'].includes(text))
  await spool.close()
  t.match(contentsOf(disk), { '0000000002.ndjson': '2\n3\n5\n', '0000000003.ndjson': '6\n' })
  t.notOk(disk.paths.includes(pathOf(1)), 'or else it would be sent again, should that of the cursor go')
  t.same(await waitingIn(disk), ['5', '6'])
})

t.test('the segment of the cursor may go: nothing before it is sent again', async t => {
  const disk = diskWith(['1\n', '2\n3\n', '4\n'])
  disk.put(CURSOR, encodeCursor({ segment: 2, offset: 2 }))
  await replay(disk, text => text === '3')
  t.same(await waitingIn(disk), ['4'])
})

t.test('a cursor that stands within a line tells nothing, and does not come to tell anything by shorter segments', async t => {
  const disk = diskWith(['1\n22\n333\n', '4\n'])
  // Behind the newline of the second line, once the first one is gone.
  disk.put(CURSOR, encodeCursor({ segment: 1, offset: 3 }))
  await replay(disk, text => text === '1')
  t.same(await waitingIn(disk), ['22', '333', '4'])
})

t.test('a line without a newline in the midst is one, and is so still when all behind it are gone', async t => {
  const disk = diskWith(['1\n2', '3\n4', '5\n'])
  await replay(disk, text => text === '3' || text === '4' || text === '5')
  t.same(await waitingIn(disk), ['1', '2'])
  const taken = diskWith(['1\n2', '3\n'])
  await replay(taken, text => text === '2')
  t.same(contentsOf(taken), { '0000000001.ndjson': '1\n', '0000000002.ndjson': '3\n' })
})

t.test('what is torn at the very end is no line, and stays', async t => {
  const disk = diskWith(['1\n', '2\n{"torn":1}'])
  const spool = await open(disk)
  t.same((await linesOf(spool)).map(({ text }) => text), ['1', '2'])
  spool.rewind()
  await takeOut(spool, () => true)
  await spool.close()
  t.same(contentsOf(disk), { '0000000002.ndjson': '{"torn":1}' })
})

t.test('other lines at a place get another id than those that a backend has had from there', async t => {
  const disk = diskWith(['1\n2\n'])
  await replay(disk, text => text === '1')
  const rig = new SpoolRig({ fs: disk })
  await rig.open()
  await rig.readAll()
  t.not(rig.given[0] && rig.spool.idOf(rig.given[0]), '0123456789ab:1:0')
  await rig.close()
})

t.test('another process that has it is told of, and the lock is free at the end', async t => {
  const disk = diskWith(['1\n'])
  const other = { bootId: 'boot', pid: 77, thread: 77, startTime: 3 }
  const owners = new OwnerList()
  owners.alive.push(other)
  disk.put(`${FOLDER}/lock.boot.77.77.3`, '')
  await t.rejects(open(disk, owners), { name: 'UsageError', message: `${FOLDER}: is in use by process 77` })
  owners.alive.length = 0
  const spool = await open(disk, owners)
  const locks = (): string[] => disk.paths.filter(path => path.includes('lock'))
  t.same(locks(), [`${FOLDER}/lock.boot.1.1.1`])
  await spool.close()
  t.same(locks(), [])
  disk.fail('list', ...Array.from({ length: 2 }, () => ({ shortBytes: 0 })), { code: 'EIO' })
  await t.rejects(open(disk, owners), { code: 'EIO' })
  t.same(locks(), [])
})

for (const [what, spoil] of Object.entries<(disk: MemoryDisk) => void>({
  'a full disk': disk => { disk.capacityBytes = 0 },
  'a rename that fails': disk => disk.fail('rename', { code: 'EIO' }, { code: 'EIO' }),
  'a draft that cannot be synced': disk => disk.fail('sync', { code: 'EIO' }, { code: 'EIO' }),
  'a draft that cannot be made': disk => disk.fail('create', { code: 'EACCES' }, { code: 'EACCES' })
})) {
  t.test(`${what} leaves the segment as it was, and says how many lines of it have arrived`, async t => {
    const disk = diskWith(['1\n2\n3\n', '4\n'])
    const spool = await open(disk)
    await takeOut(spool, text => text === '1' || text === '3')
    spoil(disk)
    await spool.save()
    t.match(await spool.close(), [{ name: '0000000001.ndjson', lines: 2, error: { code: /^E/ } }])
    disk.heal()
    t.same(await waitingIn(disk), ['1', '2', '3', '4'])
    t.notOk(disk.paths.some(path => path.endsWith('.new')))
  })
}

t.test('what failed is tried again at the end, and not each second', async t => {
  const disk = diskWith(['1\n2\n'])
  const spool = await open(disk)
  await takeOut(spool, text => text === '1')
  disk.fail('rename', { code: 'EIO' })
  for (let n = 0; n < 3; n++) await spool.save()
  t.equal(contentsOf(disk)['0000000001.ndjson'], '1\n2\n')
  t.same(await spool.close(), [])
  t.equal(contentsOf(disk)['0000000001.ndjson'], '2\n')
})

t.test('a spool that cannot lose its identity is not changed', async t => {
  const disk = diskWith(['1\n2\n', '3\n'])
  const spool = await open(disk)
  await takeOut(spool, text => text !== '2')
  disk.fail('syncFolder', { code: 'EIO' }, { code: 'EIO' })
  t.match(await spool.close(), [{ lines: 1, error: { code: 'EIO' } }, { lines: 1, error: { code: 'EIO' } }])
  t.same(await waitingIn(disk), ['1', '2', '3'])
})

t.test('the draft of a run that was killed is removed', async t => {
  const disk = diskWith(['1\n2\n'])
  disk.put(`${pathOf(1)}.new`, 'half of')
  disk.put(`${FOLDER}/notes.new`, 'mine')
  await replay(disk, text => text === '1')
  t.same(contentsOf(disk), { '0000000001.ndjson': '2\n', 'notes.new': 'mine' })
})

interface Plan {
  /** The lines of each segment: their lengths, and whether they are to arrive. */
  segments: Array<Array<{ length: number, isChosen: boolean }>>
  /** Whether the last line of each has a newline. */
  areTorn: boolean[]
  cursor: { segment: number, offset: number } | 'damaged' | undefined
  /** Runs that are interrupted, each after so many calls of the disk. */
  interruptions: Array<{ calls: number, isPowerCut: boolean, wreckage: 'nothing' | 'zeros' | 'garbage', choices: number[] }>
  faults: Array<'rename' | 'sync' | 'create' | 'write' | 'remove' | 'syncFolder' | 'read' | 'open'>
  savesAfter: number
}

const plan: fc.Arbitrary<Plan> = fc.record({
  segments: fc.array(fc.array(fc.record({ length: fc.nat(12), isChosen: fc.boolean() }), { maxLength: 6 }), { minLength: 1, maxLength: 4 }),
  areTorn: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
  cursor: fc.oneof(fc.constant(undefined), fc.constant('damaged' as const), fc.record({ segment: fc.integer({ min: 1, max: 5 }), offset: fc.nat(80) })),
  interruptions: fc.array(fc.record({
    calls: fc.nat(60), isPowerCut: fc.boolean(), wreckage: fc.constantFrom('nothing' as const, 'zeros' as const, 'garbage' as const), choices: fc.array(fc.nat(), { minLength: 1, maxLength: 8 })
  }), { maxLength: 3 }),
  faults: fc.array(fc.constantFrom('rename', 'sync', 'create', 'write', 'remove', 'syncFolder', 'read', 'open'), { maxLength: 3 }),
  savesAfter: fc.integer({ min: 1, max: 9 })
})

function build ({ segments, areTorn, cursor }: Plan): MemoryDisk {
  let n = 0
  const disk = diskWith(segments.map((lines, index) => {
    const text = lines.map(({ length, isChosen }) => `${JSON.stringify({ n: n++, isChosen, pad: 'x'.repeat(length) })}\n`).join('')
    return areTorn[index] === true ? text.slice(0, -1) : text
  }))
  if (cursor === 'damaged') disk.put(CURSOR, '{"segment":1')
  else if (cursor !== undefined) disk.put(CURSOR, encodeCursor(cursor))
  return disk
}

/** A run that saves now and then; some of what it sends is not answered. */
async function run (disk: MemoryDisk, savesAfter: number): Promise<void> {
  const spool = await open(disk)
  try {
    let lines = 0
    for await (const line of spool.lines()) {
      if (!isChosen(line.text)) {
        line.leave()
        continue
      }
      line.deliver()
      if (++lines % savesAfter === 0) await spool.save()
    }
  } finally {
    await spool.close()
  }
}

function isChosen (text: string): boolean {
  return (JSON.parse(text) as { isChosen: boolean }).isChosen
}

t.test('whatever fails, and whenever it is killed or the power is cut, no line goes that has not arrived, and none changes its place', async () => {
  await fc.assert(fc.asyncProperty(plan, async plan => {
    const all = await waitingIn(build({ ...plan, cursor: undefined }))
    const before = await waitingIn(build(plan))
    const disk = build(plan)
    for (const { calls, isPowerCut, wreckage, choices } of plan.interruptions) {
      disk.allow(calls)
      run(disk, plan.savesAfter).catch(() => {})
      await rest()
      let choice = 0
      if (isPowerCut) disk.cutPower(wreckage, max => (choices[choice++ % choices.length] as number) % (max + 1))
      else disk.kill()
      disk.allow(Infinity)
    }
    for (const call of plan.faults) disk.fail(call, { code: 'EIO' })
    await run(disk, plan.savesAfter).catch(() => {})
    disk.heal()
    const left = await waitingIn(disk)
    assert.deepEqual(before.filter(text => !isChosen(text) && !left.includes(text)), [], 'what has not arrived is there')
    // A cursor that cannot be read is none, so that what it has passed may be there too.
    assert.deepEqual(left, all.filter(text => left.includes(text)), 'in the order that they had, once')
    if (plan.faults.length === 0) assert.deepEqual(left, before.filter(text => !isChosen(text)), 'nothing stays that has arrived')
  }), { numRuns: Number(process.env['FILTER_RUNS'] ?? 300) })
})
