import t from 'tap'
import assert from 'node:assert/strict'
import { MemoryDisk } from '../support/memory-disk.js'
import { FOLDER, SpoolRig, textsOf } from '../support/spool-rig.js'

const SEGMENTS = ['0000000001', '0000000002', '0000000003'].map(number => `${FOLDER}/${number}.ndjson`)
const CURSOR = `${FOLDER}/cursor.json`
const IDENTITY = `${FOLDER}/id.800000000000`

function line (number: number): string {
  return `{"n":${number},"x":"${'é'.repeat(number % 4)}"}`
}

const ALL = Array.from({ length: 9 }, (_, i) => line(i))

/** A disk with three segments of three lines each. The first two lines are delivered. */
async function createDisk (): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  const rig = new SpoolRig({ fs: disk, segmentBytes: 60 })
  await rig.open()
  for (const text of ALL) rig.append(text)
  await rig.read(40)
  rig.settleAll()
  await rig.close()
  assert.deepEqual(disk.paths, [...SEGMENTS, CURSOR, IDENTITY])
  assert.deepEqual(textsOf(disk.contentOf(SEGMENTS[0] as string)), ALL.slice(0, 3))
  return disk
}

/** Opens the spool on a disk. Returns all lines that it delivers, and the rig with all events. */
async function deliver (disk: MemoryDisk): Promise<{ texts: string[], rig: SpoolRig }> {
  const rig = new SpoolRig({ fs: disk })
  const { lines } = await rig.open()
  const texts = await rig.readAll(50)
  assert.equal(texts.length + rig.dropped.damaged, lines, 'every line found is delivered or damaged')
  rig.settleAll()
  assert.equal(rig.append(line(99)), true)
  assert.deepEqual(await rig.read(), [line(99)], 'it goes on')
  rig.settleAll()
  await rig.close()
  assert.deepEqual(disk.paths.filter(path => path.endsWith('.ndjson')), [], 'delivered segments are removed')
  return { texts, rig }
}

t.test('if the last segment is cut at any byte, the whole lines before it are delivered', async t => {
  const { length } = (await createDisk()).contentOf(SEGMENTS[2] as string)
  for (let cut = 0; cut <= length; cut++) {
    const disk = await createDisk()
    const whole = disk.contentOf(SEGMENTS[2] as string).subarray(0, cut)
    disk.put(SEGMENTS[2] as string, whole)
    const { texts, rig } = await deliver(disk)
    const left = whole.toString().split('\n').slice(0, -1)
    assert.deepEqual(texts, [...ALL.slice(2, 6), ...left], `cut at ${cut}`)
    assert.equal(rig.opened[0]?.cutBytes, whole.length - (whole.lastIndexOf(10) + 1))
  }
  t.equal(length > 40, true)
})

t.test('if a middle segment is cut at any byte, only the lines from there to its end are lost', async t => {
  const { length } = (await createDisk()).contentOf(SEGMENTS[1] as string)
  for (let cut = 0; cut <= length; cut++) {
    const disk = await createDisk()
    const kept = disk.contentOf(SEGMENTS[1] as string).subarray(0, cut).toString()
    disk.put(SEGMENTS[1] as string, disk.contentOf(SEGMENTS[1] as string).subarray(0, cut))
    const { texts, rig } = await deliver(disk)
    // A line that lacks only its newline is whole.
    const whole = kept.split('\n').filter(text => ALL.includes(text))
    assert.deepEqual(texts, [...ALL.slice(2, 3), ...whole, ...ALL.slice(6)], `cut at ${cut}`)
    const isTorn = kept !== '' && !kept.endsWith('\n') && !ALL.includes(kept.split('\n').at(-1) as string)
    assert.equal(rig.dropped.damaged, isTorn ? 1 : 0)
    assert.equal(disk.paths.includes(`${FOLDER}/quarantine`), isTorn)
  }
  t.equal(length > 40, true)
})

t.test('if the first segment, which the cursor points into, is cut, only the lines that were cut off are lost', async t => {
  const { length } = (await createDisk()).contentOf(SEGMENTS[0] as string)
  for (let cut = 0; cut <= length; cut++) {
    const disk = await createDisk()
    disk.put(SEGMENTS[0] as string, disk.contentOf(SEGMENTS[0] as string).subarray(0, cut))
    const { texts } = await deliver(disk)
    assert.deepEqual(texts.filter(text => !ALL.slice(0, 3).includes(text)), ALL.slice(3), `cut at ${cut}`)
    assert.ok(texts.every(text => ALL.includes(text)), 'every line was appended')
  }
  t.equal(length > 40, true)
})

t.test('with a wrong byte in the cursor all lines are delivered again, and none is lost', async t => {
  const cursor = (await createDisk()).contentOf(CURSOR)
  for (let at = 0; at < cursor.length; at++) {
    for (const flip of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
      const disk = await createDisk()
      const damaged = Buffer.from(cursor)
      damaged[at] = (damaged[at] as number) ^ flip
      disk.put(CURSOR, damaged)
      const { texts, rig } = await deliver(disk)
      assert.deepEqual(texts, ALL, `byte ${at} flipped by ${flip}`)
      assert.equal(rig.opened[0]?.cursor, 'damaged')
    }
  }
  t.equal(cursor.length > 40, true)
})

t.test('if the cursor is cut, empty, missing, or of another file, all lines are delivered again', async t => {
  const whole = (await createDisk()).contentOf(CURSOR)
  for (let cut = 0; cut < whole.length; cut++) {
    const disk = await createDisk()
    disk.put(CURSOR, whole.subarray(0, cut))
    assert.deepEqual((await deliver(disk)).texts, ALL, `cut at ${cut}`)
  }

  const missing = await createDisk()
  missing.delete(CURSOR)
  const { texts, rig } = await deliver(missing)
  t.same(texts, ALL)
  t.equal(rig.opened[0]?.cursor, 'missing')

  const other = await createDisk()
  other.put(SEGMENTS[0] as string, other.contentOf(SEGMENTS[2] as string))
  const replayed = await deliver(other)
  t.same(replayed.texts, [...ALL.slice(6), ...ALL.slice(3)])
  t.equal(replayed.rig.opened[0]?.cursor, 'damaged')
})

t.test('with a wrong byte anywhere in a segment, only the lines that it touches are lost', async t => {
  const content = (await createDisk()).contentOf(SEGMENTS[1] as string)
  for (let at = 0; at < content.length; at++) {
    const disk = await createDisk()
    const damaged = Buffer.from(content)
    // A NUL is not valid anywhere in JSON.
    damaged[at] = 0
    disk.put(SEGMENTS[1] as string, damaged)
    const { texts, rig } = await deliver(disk)
    const sound = damaged.toString().split('\n').filter(text => ALL.includes(text))
    assert.deepEqual(texts, [...ALL.slice(2, 3), ...sound, ...ALL.slice(6)], `byte ${at}`)
    assert.equal(rig.dropped.damaged, damaged.toString().split('\n').filter(text => text !== '' && !ALL.includes(text)).length)
  }
  t.equal(content.length > 40, true)
})

t.test('if a segment is missing, only its lines are lost', async t => {
  for (const [i, path] of SEGMENTS.entries()) {
    const disk = await createDisk()
    disk.delete(path)
    const { texts } = await deliver(disk)
    t.same(texts, ALL.slice(i === 0 ? 3 : 2).filter(text => !ALL.slice(3 * i, 3 * i + 3).includes(text)))
  }
})

t.test('an empty segment is ignored, wherever it is', async t => {
  for (const path of [...SEGMENTS, `${FOLDER}/0000000007.ndjson`]) {
    const disk = await createDisk()
    disk.put(path, '')
    const { texts } = await deliver(disk)
    const i = SEGMENTS.indexOf(path)
    t.same(texts, ALL.slice(2).filter(text => i === -1 || !ALL.slice(3 * i, 3 * i + 3).includes(text)))
  }
})

t.test('a segment that was copied is delivered twice', async t => {
  const disk = await createDisk()
  disk.put(`${FOLDER}/0000000012.ndjson`, disk.contentOf(SEGMENTS[1] as string))
  t.same((await deliver(disk)).texts, [...ALL.slice(2), ...ALL.slice(3, 6)])
})

t.test('segments are delivered in the order of their numbers, which may have gaps, and other files stay unchanged', async t => {
  const disk = await createDisk()
  disk.put(`${FOLDER}/12345678901.ndjson`, `${line(50)}\n`)
  disk.put(`${FOLDER}/0000000009.ndjson`, `${line(51)}\n`)
  const others = ['0000000000.ndjson', '00000000002.ndjson', '0000000002 (1).ndjson', '2.ndjson', 'notes', 'lock.x'].map(name => `${FOLDER}/${name}`)
  for (const path of others) disk.put(path, `${line(60)}\n`)
  const rig = new SpoolRig({ fs: disk })
  await rig.open()
  t.same(await rig.readAll(), [...ALL.slice(2), line(51), line(50)])
  rig.settleAll()
  rig.append(line(70))
  await rig.close()
  t.same(disk.paths, [...others, `${FOLDER}/12345678902.ndjson`, CURSOR, IDENTITY].sort())
})

t.test('a segment that cannot be opened is set aside, and the others are delivered', async t => {
  for (const [i, path] of SEGMENTS.entries()) {
    const disk = await createDisk()
    const open = disk.open.bind(disk)
    disk.open = async name => name === path ? await Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' })) : await open(name)
    const { texts, rig } = await deliver(disk)
    t.same(texts, ALL.slice(i === 0 ? 3 : 2).filter(text => !ALL.slice(3 * i, 3 * i + 3).includes(text)))
    t.equal(rig.opened[0]?.unreadableSegments, 1)
    t.ok(disk.paths.includes(path.replace('ndjson', 'unreadable')))
  }
})

t.test('a segment that cannot be read is tried again, and set aside the third time', async t => {
  const disk = await createDisk()
  const rig = new SpoolRig({ fs: disk })
  const { lines } = await rig.open()
  t.equal(lines, 7)
  disk.fail('read', { code: 'EIO' })
  t.same(await rig.read(), [])
  t.same(await rig.read(1), ALL.slice(2, 3), 'once is no reason')
  disk.fail('read', { code: 'EIO' }, { code: 'EIO' }, { code: 'EIO' })
  t.same([await rig.read(), await rig.read()], [[], []])
  t.same(await rig.readAll(), ALL.slice(6), 'the next one is')
  t.equal(rig.dropped.damaged, 3)
  t.same(rig.faults.map(({ during }) => during), ['read', 'read', 'read', 'read'])
  t.ok(disk.paths.includes(`${FOLDER}/0000000002.unreadable`))
  await rig.close()
})

t.test('if somebody removes or shortens a segment while the spool runs, only its lines are lost', async t => {
  for (const harm of ['removed', 'shortened'] as const) {
    const disk = await createDisk()
    const rig = new SpoolRig({ fs: disk })
    await rig.open()
    if (harm === 'removed') disk.delete(SEGMENTS[1] as string)
    else disk.put(SEGMENTS[1] as string, '{"n"')
    const texts: string[] = []
    for (let i = 0; i < 8; i++) texts.push(...await rig.read())
    t.same(texts, [...ALL.slice(2, 3), ...ALL.slice(6)])
    t.equal(rig.dropped.damaged, 3)
    await rig.close()
  }
})

t.test('damaged lines go to the quarantine unchanged, each once, however often they are read', async t => {
  const disk = await createDisk()
  disk.put(SEGMENTS[1] as string, `${ALL[3]}\nnot JSON\n\u0000\u0001\n${ALL[5]}\nno more`)
  const rig = new SpoolRig({ fs: disk })
  t.equal((await rig.open()).lines, 9)
  for (let i = 0; i < 2; i++) {
    t.same(await rig.readAll(7), [...ALL.slice(2, 4), ...ALL.slice(5)].filter(text => text !== ALL[4]))
    rig.spool.rewind()
  }
  t.equal(rig.dropped.damaged, 3)
  t.equal(rig.spool.lines, 6)
  t.equal(disk.contentOf(`${FOLDER}/quarantine`).toString(), 'not JSON\n\u0000\u0001\nno more\n')
  await rig.close()
})

t.test('if the quarantine is full or cannot be written, damaged lines are lost, but counted', async t => {
  const disk = await createDisk()
  disk.put(`${FOLDER}/quarantine`, Buffer.alloc(16 * 1024 * 1024 - 8))
  disk.put(SEGMENTS[1] as string, `not JSON\n${ALL[4]}\nnot JSON either\n`)
  t.equal((await deliver(disk)).rig.dropped.damaged, 2)
  t.equal(disk.contentOf(`${FOLDER}/quarantine`).length, 16 * 1024 * 1024 - 8)

  const refusing = await createDisk()
  refusing.put(SEGMENTS[1] as string, `not JSON\n${ALL[4]}\n`)
  const rig = new SpoolRig({ fs: refusing })
  await rig.open()
  await rig.read(1)
  refusing.fail('create', { code: 'ENOSPC' })
  t.same(await rig.readAll(), [ALL[4], ...ALL.slice(6)])
  t.equal(rig.dropped.damaged, 1)
  await rig.close()
})
