import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { CursorFile, decodeCursor, encodeCursor } from '#lib/spool/cursor'
import { MemoryDisk } from '../support/memory-disk.js'
import { FOLDER } from '../support/spool-rig.js'

const PATH = `${FOLDER}/cursor.json`

async function openDisk (): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  await disk.makeFolder(FOLDER)
  return disk
}

t.test('a cursor is one line of JSON, and decodes to the same position', async t => {
  t.match(encodeCursor({ segment: 3, offset: 1234 }), /^\{"segment":3,"offset":1234,"check":"[0-9a-f]{16}"\}\n$/)
  fc.assert(fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (segment, offset) => {
    assert.deepEqual(decodeCursor(encodeCursor({ segment, offset })), { segment, offset })
  }))
})

t.test('a changed text is not accepted as a cursor', async t => {
  const text = encodeCursor({ segment: 3, offset: 1234 })
  for (const other of ['', '{}', 'null', '[]', '"x"', text.trim(), `${text}\n`, text.replace('1234', '1235'), '{"segment":3,"offset":1234}\n', text.replace('3', '3.5')]) {
    t.equal(decodeCursor(other), undefined, JSON.stringify(other))
  }
})

t.test('reading a cursor file returns whether it is missing, damaged or found', async t => {
  const disk = await openDisk()
  const file = new CursorFile(disk, FOLDER)
  t.same(await file.read(), { kind: 'missing' })
  await file.write({ segment: 1, offset: 5 })
  t.same(await file.read(), { kind: 'found', position: { segment: 1, offset: 5 } })
  disk.fail('read', { code: 'EIO' })
  t.same(await file.read(), { kind: 'damaged' })
  disk.put(PATH, Buffer.alloc(5000, 'x'))
  t.same(await file.read(), { kind: 'damaged' })
})

t.test('a cursor file that cannot be replaced keeps its old position, and the next attempt replaces it', async t => {
  for (const call of ['create', 'write', 'sync', 'rename'] as const) {
    const disk = await openDisk()
    const file = new CursorFile(disk, FOLDER)
    await file.write({ segment: 1, offset: 5 })
    disk.fail(call, { code: 'EIO' })
    await t.rejects(file.write({ segment: 1, offset: 9 }), { code: 'EIO' })
    t.same(await file.read(), { kind: 'found', position: { segment: 1, offset: 5 } })
    await file.write({ segment: 2, offset: 7 })
    t.same(await file.read(), { kind: 'found', position: { segment: 2, offset: 7 } })
    t.same(disk.paths, [PATH])
  }
})

t.test('a cursor file is written completely even if the disk takes a few bytes at a time; if it takes none, writing fails', async t => {
  const disk = await openDisk()
  const file = new CursorFile(disk, FOLDER)
  disk.fail('write', { shortBytes: 1 }, { shortBytes: 7 }, { shortBytes: 2 })
  await file.write({ segment: 1, offset: 5 })
  t.same(await file.read(), { kind: 'found', position: { segment: 1, offset: 5 } })
  disk.fail('write', { shortBytes: 0 })
  await t.rejects(file.write({ segment: 1, offset: 6 }))
})

t.test('after a power cut at any call there is the old cursor or the new one', async t => {
  for (let calls = 0; calls < 8; calls++) {
    for (const choice of [0, 1]) {
      const disk = await openDisk()
      const file = new CursorFile(disk, FOLDER)
      await file.write({ segment: 1, offset: 5 })
      disk.allow(calls)
      file.write({ segment: 2, offset: 9 })
      await new Promise(resolve => setImmediate(resolve))
      disk.cutPower('garbage', max => Math.min(choice, max))
      const reading = await file.read()
      t.equal(reading.kind, 'found', `after ${calls} calls`)
    }
  }
})
