import { countLines } from '#lib/batch'
import { LineQueue } from '#lib/queue'
import { textOf } from '../lines.js'

/** Batches of 64 KiB that go through the queue, and batches that go past it. */
export default function addTasks (bench) {
  const bytes = Buffer.from(textOf(250))
  const batch = { bytes, count: countLines(bytes) }
  const limits = { maxBytes: 16 * 2 ** 20, maxLines: 100000 }
  const queue = new LineQueue(limits)
  bench.add('straight through', () => queue.pass(batch))
  bench.add('8 in, all out', () => {
    for (let i = 0; i < 8; i++) queue.push(batch)
    queue.drain()
  })
  const full = new LineQueue(limits)
  while (full.fits(bytes.length, batch.count)) full.push(batch)
  bench.add('into a full queue, the oldest dropped', () => {
    while (!full.fits(bytes.length, batch.count)) full.drop(bytes.length, Infinity)
    full.push(batch)
  })
}
