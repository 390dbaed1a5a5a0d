import t from 'tap'
import { freshLines, type Lines } from '#lib/batch'
import { Protection } from '#lib/protection'
import { LineQueue } from '#lib/queue'
import { CountingReader, leveled, numbersOf, protectErrors } from './support/protection.js'

const KIB = 1024
const unbounded = { maxBytes: Infinity, maxLines: Infinity }

function createQueue (reader = new CountingReader()): LineQueue {
  const queue = new LineQueue(unbounded)
  queue.protection = protectErrors(reader)
  return queue
}

/** A line that was sent and came back. */
function returned (number: number, isProtected: boolean): Lines {
  return { ...freshLines(Buffer.from(`${leveled(number, isProtected)}\n`), 1, number), attempts: 1 }
}

function push (queue: LineQueue, number: number, isProtected: boolean, length?: number): void {
  queue.push({ bytes: Buffer.from(`${leveled(number, isProtected, length)}\n`), count: 1 })
}

t.test('lines that were looked at before another protection came are looked at again', async t => {
  const queue = createQueue()
  push(queue, 0, true)
  t.equal(queue.shed(Infinity, Infinity), 0)
  queue.protection = new Protection(new CountingReader(), 60)
  t.equal(queue.shed(Infinity, Infinity), 1)
})

t.test('lines that were joined with protected ones can be dropped', async t => {
  const queue = createQueue()
  for (const [number, isProtected] of [[0, true], [1, false], [2, false]] as const) push(queue, number, isProtected)
  queue.unshift([queue.shift(1) as Lines])
  t.equal(queue.shed(1, 1), 1)
  queue.join()
  t.equal(queue.shed(1, 1), 1)
  t.same(numbersOf(queue.drain().map(({ bytes }) => bytes.toString()).join('')), [0])
})

t.test('without protection nothing is shed', async t => {
  const queue = new LineQueue(unbounded)
  push(queue, 0, false)
  t.equal(queue.shed(Infinity, Infinity), 0)
  t.equal(queue.lines, 1)
})

t.test('thousands of lines that came back one by one keep their order, whatever is taken and dropped between', async t => {
  const queue = createQueue()
  const all = Array.from({ length: 6000 }, (_, number) => returned(number, number % 3 === 0))
  queue.unshift(all)
  for (let n = 0; n < 1000; n++) queue.shed(1, 1)
  for (let n = 0; n < 1200; n++) queue.shift()
  for (let n = 0; n < 1000; n++) queue.shed(1, 1)
  // 1,000 of the first 1,500 are dropped, then the first 1,200 that are left are taken: up to 2,199.
  const left = numbersOf(queue.drain().map(({ bytes }) => bytes.toString()).join(''))
  t.same(left, all.map(({ firstLine }) => firstLine).filter(number => number >= 2200 && (number % 3 === 0 || number >= 3700)))
})

t.test('one protected line keeps no more memory than its own', async t => {
  const queue = createQueue()
  for (let block = 0; block < 10; block++) {
    for (let n = 0; n < 256; n++) push(queue, n, n === 100, 4 * KIB - 1)
  }
  while (queue.shed(Infinity, Infinity) > 0);
  t.equal(queue.lines, 10)
  const kept = new Set(queue.drain().map(({ bytes }) => bytes.buffer))
  t.ok([...kept].reduce((sum, { byteLength }) => sum + byteLength, 0) <= 80 * KIB)
})

t.test('a queue of protected lines is looked through once, not for each batch that comes', async t => {
  const reader = new CountingReader()
  const queue = createQueue(reader)
  for (let n = 0; n < 20000; n++) push(queue, n, true, 200)
  t.equal(reader.reads, 0, 'nothing is read while nothing is dropped')
  for (let n = 0; n < 1000; n++) t.equal(queue.shed(200, 1), 0)
  t.equal(reader.reads, 20000)
  push(queue, 20000, true, 200)
  queue.shed(200, 1)
  t.equal(reader.reads, 20001)
})

t.test('another level decides about all lines, also about those that were kept before', async t => {
  const queue = createQueue()
  for (const number of [0, 1, 2, 3, 4]) push(queue, number, number % 2 === 0)
  while (queue.shed(Infinity, 1) > 0);
  queue.protection = new Protection(new CountingReader(), 60)
  t.equal(queue.shed(Infinity, 1), 1)
  queue.protection = protectErrors()
  for (const number of [5, 6, 7]) push(queue, number, number % 2 === 0)
  while (queue.shed(Infinity, 1) > 0);
  t.same(numbersOf(queue.drain().map(({ bytes }) => bytes.toString()).join('')), [2, 4, 6])
})

t.test('a line of which a part has arrived is dropped only with nothing else left', async t => {
  const queue = createQueue()
  queue.unshift([{ ...returned(0, false), arrivedBytes: 5 }, returned(1, false), returned(2, true)])
  t.equal(queue.shed(Infinity, Infinity), 1)
  t.equal(queue.shed(Infinity, Infinity), 0)
  t.same(queue.drain().map(({ firstLine, arrivedBytes }) => [firstLine, arrivedBytes]), [[0, 5], [2, 0]])
})

t.test('what arrives late of returned lines counts up to the first that was dropped', async t => {
  const size = returned(0, false).bytes.length
  const batch = (...numbers: number[]): Lines => ({ ...returned(numbers[0] as number, false), bytes: Buffer.concat(numbers.map(n => returned(n, n % 2 === 0).bytes)), count: numbers.length })
  for (const dropped of [1, 2]) {
    t.test(`within a batch of which ${dropped} were dropped`, async t => {
      const queue = createQueue()
      queue.unshift([batch(0, 1, 2, 3)])
      for (let n = 0; n < dropped; n++) queue.shed(Infinity, 1)
      t.same(queue.arrive(0, 3 * size), { count: 1, nextLine: 1 })
      t.same(queue.arrive(1, size), { count: 0, nextLine: 1 })
      t.same(numbersOf(queue.drain().map(({ bytes }) => bytes.toString()).join('')), dropped === 1 ? [2, 3] : [2])
    })
  }

  t.test('and between batches', async t => {
    const queue = createQueue()
    queue.unshift([returned(0, true), returned(1, false), returned(2, true)])
    queue.shed(Infinity, 1)
    t.same(queue.arrive(0, 3 * size), { count: 1, nextLine: 1 })
    t.equal(queue.lines, 1)
  })
})
