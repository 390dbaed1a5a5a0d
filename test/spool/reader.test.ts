import t from 'tap'
import { MemoryDisk } from '../support/memory-disk.js'
import { SpoolRig } from '../support/spool-rig.js'

const line = (letter: string): string => JSON.stringify(letter.repeat(98))

async function rigWith (...letters: string[]): Promise<SpoolRig> {
  const rig = new SpoolRig({ fs: new MemoryDisk() })
  await rig.open()
  rig.append(...letters.map(line))
  return rig
}

t.test('recycled memory is used for the next read', async t => {
  const rig = await rigWith('a', 'b', 'c')
  t.same(await rig.read(110), [line('a')])
  const memory = rig.given[0]?.bytes
  if (memory === undefined) return t.fail('nothing was read')
  rig.spool.recycle(memory)
  t.same(await rig.read(110), [line('b')])
  t.equal(rig.given[1]?.bytes.buffer, memory.buffer)
  t.same(await rig.read(110), [line('c')])
  t.not(rig.given[2]?.bytes.buffer, memory.buffer, 'the memory was given back only once')
})

t.test('recycled memory that is too small for the next read is kept for a later one', async t => {
  const rig = await rigWith('a', 'b', 'c', 'd', 'e')
  await rig.read(110)
  const memory = rig.given[0]?.bytes as Buffer
  rig.spool.recycle(memory)
  t.same(await rig.read(303), [line('b'), line('c'), line('d')])
  t.same(await rig.read(110), [line('e')])
  t.equal(rig.given[2]?.bytes.buffer, memory.buffer)
})

t.test('a small read does not use a large recycled buffer, since the lines may be held for long', async t => {
  const rig = await rigWith('a', 'b', 'c', 'd')
  await rig.read(202)
  const memory = rig.given[0]?.bytes as Buffer
  rig.spool.recycle(memory)
  t.same(await rig.read(101), [line('c')])
  t.not(rig.given[1]?.bytes.buffer, memory.buffer)
})

t.test('at most three recycled buffers are kept, the largest ones', async t => {
  const rig = await rigWith('a', 'b', 'c', 'd', 'e', 'f')
  const large = [Buffer.allocUnsafeSlow(150), Buffer.allocUnsafeSlow(160), Buffer.allocUnsafeSlow(170)]
  for (const memory of [Buffer.allocUnsafeSlow(101), ...large, Buffer.allocUnsafeSlow(102)]) rig.spool.recycle(memory)
  for (let n = 0; n < 4; n++) await rig.read(101)
  const used = rig.given.map(({ bytes }) => large.findIndex(({ buffer }) => buffer === bytes.buffer))
  t.same(used.toSorted(), [-1, 0, 1, 2])
})
