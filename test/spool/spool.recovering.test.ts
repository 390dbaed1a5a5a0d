import t, { type Test } from 'tap'
import { encodeCursor } from '#lib/spool/cursor'
import { FOLDER, rest, type SpoolRig, type SpoolRigOptions } from '../support/spool-rig.js'
import { pathOf, SpoolScene } from '../support/spool-scene.js'

/** A spool that takes lines while those of an earlier run are still to be counted, since the disk stands still. */
async function enterSpool (t: Test, options: Partial<SpoolRigOptions> = {}): Promise<SpoolScene & { rig: SpoolRig }> {
  const scene = new SpoolScene(t)
  for (const [number, text] of [[1, '1\n2\n'], [2, '3\n'], [3, '4\n5\n']] as const) scene.disk.put(pathOf(number), text)
  scene.disk.put(`${FOLDER}/cursor.json`, encodeCursor({ segment: 1, offset: 2 }))
  const rig = scene.begin(options)
  scene.disk.allow(0)
  rig.spool.start()
  for (await rest(); rig.entered === 0; await rest()) scene.disk.allow(1)
  t.equal(rig.opened.length, 0)
  return Object.assign(scene, { rig })
}

/** Allows just the disk calls that are needed to write the appended lines. */
async function untilWritten ({ disk, rig }: { disk: SpoolScene['disk'], rig: SpoolRig }, lines: number): Promise<void> {
  for (; rig.written < lines; await rest()) disk.allow(1)
}

t.test('lines are taken while those of an earlier run are still being counted, and come after them', async t => {
  const { disk, rig } = await enterSpool(t)
  rig.spool.read(1e6)
  t.ok(rig.append('6', '7'))
  t.equal(rig.spool.bytes, 10, 'the size of the earlier segments is known')
  await untilWritten({ disk, rig }, 2)
  t.equal(rig.opened.length, 0, 'they are written before everything is counted')
  t.same([rig.spool.lines, rig.spool.bytes, rig.given.map(({ bytes }) => bytes.toString())], [2, 14, ['2\n']])
  t.ok(disk.contentOf(pathOf(4)).equals(Buffer.from('6\n7\n')))
  disk.allow(Infinity)
  await rest()
  t.match(rig.opened, [{ lines: 4, bytes: 10, cursor: 'found' }])
  t.equal(rig.spool.lines, 6 - (rig.given[0]?.count ?? 0))
  t.same([...rig.given.map(({ bytes }) => bytes.toString()), ...await rig.readAll()], ['2\n', '3', '4', '5', '6', '7'])
})

t.test('if the process ends during the count, neither the lines written meanwhile nor the earlier ones are lost', async t => {
  for (const end of ['kill', 'close'] as const) {
    const scene = await enterSpool(t)
    const { disk, rig } = scene
    rig.append('6')
    await untilWritten({ disk, rig }, 1)
    t.equal(rig.opened.length, 0)
    if (end === 'close') {
      disk.allow(Infinity)
      await rig.close()
      await rest()
      t.equal(rig.opened.length, 0, 'reading does not wait for the count')
      t.same(scene.locks(), [])
    }
    disk.kill()
    t.equal(scene.cursor(), encodeCursor({ segment: 1, offset: 2 }), end)
    const next = scene.begin()
    await next.open()
    t.same(await next.readAll(), ['2', '3', '4', '5', '6'], end)
    await next.close()
  }
})

t.test('the cursor and delivered segments stay unchanged until all lines are counted, however long that takes', async t => {
  const { disk, rig, clock, cursor } = await enterSpool(t, { syncMs: 100, segmentBytes: 2 })
  for (const text of ['6', '7', '8']) rig.append(text)
  await untilWritten({ disk, rig }, 3)
  // Upkeep has its turn between the counts of two segments.
  clock.advance(100)
  while (rig.opened.length === 0) {
    t.equal(cursor(), encodeCursor({ segment: 1, offset: 2 }))
    disk.allow(1)
    await rest()
  }
  disk.allow(Infinity)
  t.same(await rig.readAll(), ['2', '3', '4', '5', '6', '7', '8'])
})

t.test('a torn line of the earlier run is cut off before another segment is created', async t => {
  const scene = new SpoolScene(t)
  scene.disk.put(pathOf(1), '1\n')
  scene.disk.put(pathOf(2), '2\n{"torn')
  const rig = scene.begin()
  scene.disk.allow(0)
  rig.spool.start()
  for (await rest(); rig.entered === 0; await rest()) scene.disk.allow(1)
  t.equal(rig.opened.length, 0)
  t.equal(scene.textOf(2), '2\n')
  scene.disk.allow(Infinity)
  await rest()
  t.match(rig.opened, [{ lines: 2, cutBytes: 6 }])
})

t.test('during the count no more lines are taken than there is room for; after it, old lines can make room', async t => {
  const { disk, rig } = await enterSpool(t, { maxBytes: 14, segmentBytes: 7 })
  t.ok(rig.append('6'))
  t.notOk(rig.append('seven'), 'even if nothing else waits for the disk')
  t.ok(rig.append('8'))
  t.notOk(rig.append('9'))
  const told = rig.writable
  disk.allow(Infinity)
  await rest()
  t.equal(rig.writable, told + 1)
  t.equal(rig.dropped['spool-full'], 0)
  t.ok(rig.append('9'))
  await rest()
  t.same(rig.dropped, { 'spool-full': 1, damaged: 0 })
  t.same(await rig.readAll(), ['3', '4', '5', '6', '8', '9'])
})

t.test('lines that the disk refuses during the count are returned, and writing is tried again', async t => {
  const { disk, rig, clock } = await enterSpool(t)
  disk.fail('write', { code: 'ENOSPC' })
  rig.append('6')
  for (; rig.returned.length === 0; await rest()) disk.allow(1)
  t.equal(rig.opened.length, 0)
  t.same(rig.returned.map(({ texts }) => texts), [['6']])
  t.notOk(rig.append('6'))
  const told = rig.writable
  clock.advance(1000)
  t.equal(rig.writable, told + 1)
  t.ok(rig.append('6'))
  await untilWritten({ disk, rig }, 1)
})

t.test('sync() works during the count', async t => {
  const { disk, rig } = await enterSpool(t)
  rig.append('6')
  const told: boolean[] = []
  rig.spool.sync().then(isSynced => told.push(isSynced))
  for (; told.length === 0; await rest()) disk.allow(1)
  t.same(told, [true])
  t.equal(rig.opened.length, 0)
})

t.test('a close stops the count', async t => {
  const { disk, rig, segments } = await enterSpool(t)
  // The first segment is read to its end. The second would count as unreadable.
  disk.fail('read', { shortBytes: 0 }, { shortBytes: 0 }, { code: 'EIO' })
  const closed = rig.close()
  disk.allow(Infinity)
  await closed
  await rest()
  t.same(segments(), ['0000000001.ndjson', '0000000002.ndjson', '0000000003.ndjson'])
})

t.test('a spool that is closed at any moment while it enters its folder releases it and changes nothing', async t => {
  for (let calls = 0; ; calls++) {
    const scene = new SpoolScene(t)
    for (const number of [1, 2]) scene.disk.put(pathOf(number), '1\n')
    const rig = scene.begin()
    scene.disk.allow(calls)
    rig.spool.start()
    await rest()
    if (rig.entered > 0) return t.ok(calls > 5)
    const closed = rig.close()
    scene.disk.allow(Infinity)
    await closed
    await rest()
    t.equal(rig.entered, 0, `after ${calls} calls of the disk`)
    t.notOk(rig.append('2'))
    t.same(scene.locks(), [])
  }
})

t.test('counted segments are read, settled and removed during the count, and no later segment is', async t => {
  const scene = new SpoolScene(t)
  const { disk } = scene
  const all = Array.from({ length: 20 }, (_, i) => `${i + 1}`)
  for (const text of all) disk.put(pathOf(Number(text)), `${text}\n`)
  const rig = scene.begin({ syncMs: 100 })
  disk.allow(0)
  rig.spool.start()
  const texts: string[] = []
  let isBehind = false
  rig.spool.read(1e6)
  for (let calls = 0; rig.opened.length === 0; calls++) {
    if (rig.entered > 0 && !isBehind) isBehind = rig.append('new')
    disk.allow(1)
    await rest()
    if (rig.given.length > 0) {
      texts.push(...rig.given.flatMap(({ bytes }) => bytes.toString().trimEnd()))
      rig.settleAll()
      rig.spool.read(1e6)
    }
    if (calls % 20 === 0) scene.clock.advance(100)
    t.equal(rig.found, texts.length + rig.spool.lines - rig.written, 'each counted line is in exactly one place')
  }
  t.ok(texts.length > 5, `${texts.length} were delivered before all were counted`)
  t.ok(scene.segments().length < 20, 'and their segments are removed')
  t.notOk(texts.includes('new'))
  disk.allow(Infinity)
  await rest()
  texts.push(...rig.given.flatMap(({ bytes }) => bytes.toString().trimEnd()), ...await rig.readAll())
  t.same(texts, [...all, 'new'])
})

t.test('after a kill during count and delivery, the next run starts with the undelivered lines', async t => {
  const scene = new SpoolScene(t)
  const { disk } = scene
  const all = Array.from({ length: 12 }, (_, i) => `${i + 1}`)
  for (const text of all) disk.put(pathOf(Number(text)), `${text}\n`)
  const delivered = new Set<string>()
  for (let life = 0; delivered.size < all.length; life++) {
    t.ok(life < 100)
    const rig = scene.begin({ syncMs: 100 })
    disk.allow(0)
    rig.spool.start()
    rig.spool.read(1e6)
    for (let calls = 0; calls < 60 + life; calls++) {
      disk.allow(1)
      await rest()
      for (const { bytes } of rig.given) {
        const text = bytes.toString().trimEnd()
        t.ok(all.slice(0, delivered.size + 1).includes(text), `${text} comes after ${delivered.size}`)
        delivered.add(text)
      }
      if (rig.given.length > 0) {
        rig.settleAll()
        rig.spool.read(1e6)
      }
      if (calls % 15 === 0) scene.clock.advance(100)
    }
    disk.kill()
  }
})

t.test('a cursor does not move back while segments before it are counted', async t => {
  const scene = new SpoolScene(t)
  const { disk } = scene
  for (const number of [1, 2, 3, 4]) disk.put(pathOf(number), `${number}\n`)
  const cursor = encodeCursor({ segment: 4, offset: 0 })
  disk.put(`${FOLDER}/cursor.json`, cursor)
  const rig = scene.begin({ syncMs: 1 })
  disk.allow(0)
  rig.spool.start()
  while (rig.opened.length === 0) {
    disk.allow(1)
    await rest()
    scene.clock.advance(1)
    t.equal(scene.cursor(), cursor)
  }
  disk.allow(Infinity)
  t.same(await rig.readAll(), ['4'])
})

t.test('with very many segments, sizes are not looked up, small ones are read only once, and one sync of the folder covers many removals', async t => {
  const scene = new SpoolScene(t)
  const { disk } = scene
  const count = 3000
  for (let number = 1; number <= count; number++) disk.put(pathOf(number), `${number}\n`)
  const rig = scene.begin({ syncMs: 100 })
  const { calls } = disk
  disk.allow(0)
  rig.spool.start()
  for (await rest(); rig.entered === 0; await rest()) disk.allow(1)
  t.notOk(rig.append('new'), 'while its size is unknown, no lines are taken')
  disk.allow(Infinity)
  rig.spool.read(1e6)
  for (let lines = 0; lines < count;) {
    await rest()
    lines += rig.given.length
    if (rig.given.length > 0) {
      rig.settleAll()
      rig.spool.read(1e6)
    }
  }
  t.equal(rig.writable, 1)
  await scene.wait(100)
  await rest()
  t.same(scene.segments(), [])
  t.ok(calls.get('syncFolder') as number < 100, `${calls.get('syncFolder')} syncs of the folder`)
  t.ok(calls.get('open') as number <= count + 10, `${calls.get('open')} files opened`)
})
