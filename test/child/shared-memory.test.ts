import t from 'tap'
import { giveSharedMemoryBack, takeSharedMemory } from '#lib/child/shared-memory'

t.test('memory that was given back is the next of its size', async t => {
  const first = takeSharedMemory(1000)
  const second = takeSharedMemory(1000)
  t.not(first, second)
  t.equal(first.byteLength, 1000)
  giveSharedMemoryBack(first)
  t.not(takeSharedMemory(2000), first)
  t.equal(takeSharedMemory(1000), first)
  t.not(takeSharedMemory(1000), first)
})

t.test('no more than four of a size are kept', async t => {
  const memories = Array.from({ length: 5 }, () => takeSharedMemory(3000))
  memories.forEach(giveSharedMemoryBack)
  const taken = new Set(Array.from({ length: 5 }, () => takeSharedMemory(3000)))
  t.same(memories.map(memory => taken.has(memory)), [true, true, true, true, false])
})
