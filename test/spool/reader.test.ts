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

t.test('memory that is given back is used for what is read next', async t => {
  const rig = await rigWith('a', 'b', 'c')
  t.same(await rig.read(110), [line('a')])
  const memory = rig.given[0]?.bytes
  if (memory === undefined) return t.fail('nothing was read')
  rig.spool.recycle(memory)
  t.same(await rig.read(110), [line('b')])
  t.equal(rig.given[1]?.bytes.buffer, memory.buffer)
  t.same(await rig.read(110), [line('c')])
  t.not(rig.given[2]?.bytes.buffer, memory.buffer, 'it has not been given back again')
})

t.test('memory that is too small for what is read next is let go', async t => {
  const rig = await rigWith('a', 'b', 'c', 'd')
  await rig.read(110)
  rig.spool.recycle(rig.given[0]?.bytes as Buffer)
  t.same(await rig.read(1000), [line('b'), line('c'), line('d')])
})
