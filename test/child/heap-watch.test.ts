import t from 'tap'
import { memoryBounds, pauseMs, withHeapReserve } from '#lib/child/heap-watch'

const MB = 1024 * 1024

t.test('a thread may hold half of the reserve more than was asked for', async t => {
  t.equal(memoryBounds((64 + 256) * MB, 64, 4096 * MB).heapBytes, (64 + 128) * MB)
})

t.test('where nothing was asked for a quarter of what V8 allows is kept free', async t => {
  t.equal(memoryBounds(4096 * MB, undefined, 4096 * MB).heapBytes, 3072 * MB)
})

t.test('a limit for all threads that leaves no reserve is kept free by a quarter', async t => {
  t.equal(memoryBounds(300 * MB, 64, 4096 * MB).heapBytes, 225 * MB)
})

t.test('buffers may take as much as the heap of a thread without limits', async t => {
  t.equal(memoryBounds(320 * MB, 64, 4096 * MB).externalBytes, 4096 * MB)
})

t.test('a thread is left alone for longer the more room it has', async t => {
  t.strictSame([3072 * MB, 500e6, 50e6, 0].map(pauseMs), [2000, 1000, 100, 50])
})

t.test('a limit is raised only where a thread can be looked into, and the rest is passed on', async t => {
  const { Worker } = await import('node:worker_threads')
  const isRaised = 'getHeapStatistics' in Worker.prototype
  const asked = { name: 'x', resourceLimits: { maxOldGenerationSizeMb: 64, stackSizeMb: 4 } }
  t.strictSame(withHeapReserve(asked), { name: 'x', resourceLimits: { maxOldGenerationSizeMb: isRaised ? 320 : 64, stackSizeMb: 4 } })
  t.strictSame(withHeapReserve({ name: 'x' }), { name: 'x' })
})
