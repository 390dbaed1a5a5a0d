import t from 'tap'
import { freshLines, numberOf, type Lines } from '#lib/batch'
import { LineQueue, type NewLines } from '#lib/queue'

const NO_LIMITS = { maxBytes: Infinity, maxLines: Infinity, maxDoubtedLines: Infinity }

const KIB = 1024
const unbounded = { maxBytes: Infinity, maxLines: Infinity }

function lines (...texts: string[]): NewLines {
  return { bytes: Buffer.from(texts.map(text => `${text}\n`).join('')), count: texts.length }
}

/** Some lines of a size in all. */
function sized (bytes: number, count = 1): NewLines {
  const each = Math.floor(bytes / count)
  const first = 'x'.repeat(bytes - each * (count - 1) - 1)
  return lines(first, ...new Array<string>(count - 1).fill('x'.repeat(each - 1)))
}

t.test('an empty queue', async t => {
  const queue = new LineQueue(unbounded)
  t.match(queue, { bytes: 0, lines: 0, isEmpty: true, firstLine: 0, nextLine: 0 })
  t.equal(queue.shift(), undefined)
  t.same(queue.drain(), [])
})

t.test('small batches are gathered, and come out together in order', async t => {
  const queue = new LineQueue(unbounded)
  queue.push(lines('a', 'b'))
  queue.push(lines('c'))
  t.match(queue, { bytes: 6, lines: 3, isEmpty: false, firstLine: 0, nextLine: 3 })
  const out = queue.shift()
  t.equal(out?.bytes.toString(), 'a\nb\nc\n')
  t.match(out, { count: 3, firstLine: 0, attempts: 0, arrivedBytes: 0 })
  t.match(queue, { bytes: 0, lines: 0, isEmpty: true, firstLine: 3, nextLine: 3 })
})

t.test('lines of several blocks are joined, and keep their numbers', async t => {
  const queue = new LineQueue(unbounded)
  queue.push(sized(100 * KIB, 100))
  queue.push(lines('a', 'b'))
  queue.leaveOut(5)
  queue.push(lines('c'))
  queue.join()
  t.match(queue, { bytes: 100 * KIB + 6, lines: 103, firstLine: 0, nextLine: 108 })
  const out = queue.shift()
  t.match(out, { count: 103, firstLine: 0, attempts: 0, doubts: 0 })
  t.equal(out?.bytes.length, 100 * KIB + 6)
  t.equal(out?.bytes.subarray(-6).toString(), 'a\nb\nc\n')
  t.equal(numberOf(out as Lines, 101), 101)
  t.equal(numberOf(out as Lines, 102), 107)
  t.ok(queue.isEmpty)
  queue.join()
  t.ok(queue.isEmpty)
})

t.test('lines that were handed over, or are in doubt, are not joined with others', async t => {
  const handedOver = new LineQueue(unbounded)
  handedOver.push(lines('a'))
  handedOver.push(sized(100 * KIB))
  const first = handedOver.shift() as Lines
  handedOver.unshift([{ ...first, attempts: 1 }])
  handedOver.join()
  t.equal(handedOver.shift()?.bytes.toString(), 'a\n')

  const doubted = new LineQueue(unbounded)
  doubted.push(lines('a'))
  doubted.push(sized(100 * KIB))
  doubted.doubt(1)
  doubted.join()
  t.match(doubted.shift(), { doubts: 1, count: 1 })
  t.match(doubted.shift(), { doubts: 0, count: 1 })
})

t.test('a block takes 64 KiB, and the next begins behind it', async t => {
  const queue = new LineQueue(unbounded)
  for (let i = 0; i < 9; i++) queue.push(sized(8 * KIB))
  t.match(queue.shift(), { count: 8, firstLine: 0 })
  t.match(queue.shift(), { count: 1, firstLine: 8 })
})

t.test('a queue that has half a MiB takes blocks of so much, which a large batch fills', async t => {
  const queue = new LineQueue(unbounded)
  queue.push(sized(1200 * KIB, 1200))
  queue.push(lines('a'))
  t.same(queue.drain().map(({ bytes, count, firstLine }) => [bytes.length, count, firstLine]), [[512 * KIB, 512, 0], [512 * KIB, 512, 512], [176 * KIB + 2, 177, 1024]])
})

t.test('a line that is longer than a block has one of its own', async t => {
  const queue = new LineQueue(unbounded)
  queue.push(lines('a', 'x'.repeat(600 * KIB), 'b'))
  t.same(queue.drain().map(({ bytes, firstLine }) => [bytes.length, firstLine]), [[2, 0], [600 * KIB + 1, 1], [2, 2]])
})

t.test('a part can be taken, by bytes and by lines', async t => {
  const queue = new LineQueue(unbounded)
  queue.push(lines('a', 'bb', 'ccc', 'dddd'))
  t.equal(queue.shift(5)?.bytes.toString(), 'a\nbb\n')
  t.equal(queue.shift(Infinity, 1)?.bytes.toString(), 'ccc\n')
  t.match(queue, { bytes: 5, lines: 1, firstLine: 3 })
  t.equal(queue.shift(1)?.bytes.toString(), 'dddd\n', 'never less than one line')
})

t.test('the oldest can be dropped, by bytes and by lines', async t => {
  const queue = new LineQueue(unbounded)
  t.equal(queue.drop(10, 10), undefined)
  queue.push(lines('a', 'bb', 'ccc', 'dddd'))
  t.equal(queue.drop(5, Infinity)?.count, 2)
  t.match(queue, { bytes: 9, lines: 2, firstLine: 2 })
  t.equal(queue.drop(Infinity, 1)?.count, 1)
  t.equal(queue.drop(1, Infinity)?.count, 1, 'never less than one line')
  t.ok(queue.isEmpty)
})

t.test('what came back stands at the head, with its number, and is not merged', async t => {
  const queue = new LineQueue(unbounded)
  queue.push(lines('a'))
  const a = queue.shift()
  queue.push(lines('b'))
  const b = queue.shift()
  queue.push(lines('c'))
  t.ok(a !== undefined && b !== undefined)
  if (a === undefined || b === undefined) return
  queue.unshift([a, { ...b, attempts: 1 }])
  t.match(queue, { bytes: 6, lines: 3, firstLine: 0, nextLine: 3 })
  t.same(queue.drain().map(({ bytes, firstLine, attempts }) => [bytes.toString(), firstLine, attempts]), [['a\n', 0, 0], ['b\n', 1, 1], ['c\n', 2, 0]])
})

t.test('what came back and has arrived after all', async t => {
  /** A queue in which "aa bb" and "cc" came back, before "dd". */
  function queueOf (arrivedBytes = 0): LineQueue {
    const queue = new LineQueue(unbounded)
    queue.push(lines('aa', 'bb'))
    const first = queue.shift() as Lines
    queue.push(lines('cc'))
    const second = queue.shift() as Lines
    queue.push(lines('dd'))
    queue.unshift([{ ...first, arrivedBytes }, second])
    return queue
  }
  const rest = (queue: LineQueue) => queue.drain().map(({ bytes, firstLine, arrivedBytes }) => [bytes.toString(), firstLine, arrivedBytes])

  t.test('is taken out, whole lines of it', async t => {
    const queue = queueOf()
    t.same(queue.arrive(0, 6), { count: 2, nextLine: 2 })
    t.match(queue, { bytes: 6, lines: 2, firstLine: 2 })
    t.same(queue.arrive(2, 3), { count: 1, nextLine: 3 })
    t.same(rest(queue), [['dd\n', 3, 0]])
  })

  t.test('over several batches, to the middle of a line', async t => {
    const queue = queueOf()
    t.same(queue.arrive(0, 8), { count: 2, nextLine: 2 })
    t.same(rest(queue), [['cc\n', 2, 2], ['dd\n', 3, 0]])
  })

  t.test('and so in the middle of a batch, where a part had arrived before', async t => {
    const queue = queueOf(1)
    t.same(queue.arrive(0, 1), { count: 0, nextLine: 0 })
    t.same(queue.arrive(0, 2), { count: 1, nextLine: 1 })
    t.match(queue, { bytes: 9, lines: 3 })
    t.same(rest(queue), [['bb\n', 1, 1], ['cc\n', 2, 0], ['dd\n', 3, 0]])
  })

  t.test('costs nothing else, if it has been dropped meanwhile', async t => {
    const queue = queueOf()
    queue.drop(3, 1)
    t.same(queue.arrive(0, 6), { count: 0, nextLine: 0 })
    t.match(queue, { bytes: 9, lines: 3 })
  })
})

t.test('many lines that are adopted stay in their memory, behind what came before', async t => {
  const queue = new LineQueue(unbounded)
  const many = Buffer.allocUnsafeSlow(100 * KIB).fill('x')
  many[many.length - 1] = 10
  queue.push(lines('a'))
  queue.adopt({ bytes: many, count: 1 })
  queue.push(lines('b'))
  t.match(queue, { bytes: 100 * KIB + 4, lines: 3, nextLine: 3 })
  t.match(queue.shift(), { count: 1, firstLine: 0 })
  const adopted = queue.shift()
  t.match(adopted, { count: 1, firstLine: 1 })
  t.equal(adopted?.bytes, many)
  t.match(queue.shift(), { count: 1, firstLine: 2 })
})

t.test('few lines that are adopted are gathered with others, and so are those that would keep much memory alive', async t => {
  const queue = new LineQueue(unbounded)
  const few = sized(70 * KIB)
  const part = Buffer.allocUnsafeSlow(400 * KIB)
  queue.adopt(lines('a'))
  queue.adopt(lines('b'))
  t.equal(queue.shift()?.bytes.toString(), 'a\nb\n')
  part.set(few.bytes)
  queue.adopt({ bytes: part.subarray(0, few.bytes.length), count: 1 })
  t.not(queue.shift()?.bytes.buffer, part.buffer)
})

t.test('lines that go straight through have their place in the numbers', async t => {
  const queue = new LineQueue(unbounded)
  t.match(queue.pass(lines('a', 'b')), { count: 2, firstLine: 0, attempts: 0 })
  t.match(queue, { bytes: 0, lines: 0, firstLine: 2, nextLine: 2 })
  queue.push(lines('c'))
  t.match(queue.shift(), { firstLine: 2 })
})

t.test('what fits is bounded by bytes and by lines, together with what is outside', async t => {
  const queue = new LineQueue({ maxBytes: 10, maxLines: 3 })
  t.ok(queue.fits(10, 3))
  t.notOk(queue.fits(11, 1))
  t.notOk(queue.fits(1, 4))
  queue.push(lines('aaa'))
  t.ok(queue.fits(6, 2))
  t.notOk(queue.fits(7, 1))
  t.notOk(queue.fits(6, 2, { bytes: 1, lines: 0 }))
  t.notOk(queue.fits(6, 2, { bytes: 0, lines: 1 }))
  t.same(queue.room(), { bytes: 6, lines: 2 })
  t.same(queue.room({ bytes: 4, lines: 1 }), { bytes: 2, lines: 1 })
  t.same(queue.room({ bytes: 100, lines: 100 }), { bytes: 0, lines: 0 })
})

t.test('memory', async t => {
  t.test('small batches are copied: nothing of the chunk they came in is kept', async t => {
    const queue = new LineQueue(unbounded)
    const chunk = Buffer.alloc(4 * 1024 * KIB, 'x\n')
    queue.push({ bytes: chunk.subarray(0, 2), count: 1 })
    const out = queue.shift()
    t.not(out?.bytes.buffer, chunk.buffer)
    t.equal(out?.bytes.buffer.byteLength, 2)
  })

  t.test('a large part of a much larger chunk is copied too', async t => {
    const queue = new LineQueue(unbounded)
    const chunk = Buffer.alloc(4 * 1024 * KIB, 'x\n')
    queue.push({ bytes: chunk.subarray(0, 20 * KIB), count: 10 * KIB })
    t.equal(queue.shift()?.bytes.buffer.byteLength, 20 * KIB)
  })

  t.test('what is dropped leaves its memory to what comes next', async t => {
    const queue = new LineQueue(unbounded)
    const batch = sized(512 * KIB, 512)
    for (let i = 0; i < 4; i++) queue.push(batch)
    t.equal(queue.drop(512 * KIB, Infinity)?.count, 512)
    queue.push(batch)
    t.equal(queue.drop(512 * KIB, Infinity)?.count, 512)
    queue.push(batch)
    queue.push(batch)
    const out = queue.drain()
    t.equal(out.length, 5)
    t.equal(new Set(out.map(({ bytes }) => bytes.buffer)).size, 5, 'no two have the same')
  })

  t.test('memory that somebody was given a part of is left to them', async t => {
    const queue = new LineQueue(unbounded)
    queue.push(sized(512 * KIB, 512))
    queue.push(sized(512 * KIB, 512))
    const given = queue.shift(KIB)
    const text = given?.bytes.toString()
    t.equal(queue.drop(Infinity, Infinity)?.count, 511)
    queue.push({ bytes: Buffer.alloc(512 * KIB, 'y\n'), count: 256 * KIB })
    queue.push({ bytes: Buffer.alloc(512 * KIB, 'y\n'), count: 256 * KIB })
    t.equal(given?.bytes.toString(), text)
  })

  t.test('a queue of small batches costs at most twice what it counts', async t => {
    const queue = new LineQueue(unbounded)
    for (let i = 0; i < 2000; i++) queue.push(i % 50 === 0 ? sized(16 * KIB) : sized(10 + i % 3000))
    const counted = queue.bytes
    const memory = new Set(queue.drain().map(({ bytes }) => bytes.buffer))
    const kept = [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0)
    t.ok(kept <= 2 * counted, `${kept} bytes are kept for ${counted}`)
  })

  t.test('the places of what was taken out are given up, and the order stays', async t => {
    const queue = new LineQueue(unbounded)
    queue.push(lines(...new Array<string>(3000).fill('a')))
    const given: Lines[] = []
    for (let out = queue.shift(1); out !== undefined; out = queue.shift(1)) given.push(out)
    queue.unshift(given)
    let next = 0
    while (!queue.isEmpty) {
      const out = queue.shift()
      if (out?.firstLine !== next++) return t.fail(`line ${out?.firstLine} came where ${next - 1} was due`)
      if (next % 1000 === 0) queue.push(lines('b'))
    }
    t.equal(next, 3001, 'the last three came out together')
  })
})

t.test('lines in doubt', async t => {
  const doubted = (firstLine: number, doubts: number, attempts = 1): Lines => ({ ...freshLines(Buffer.from('x\n'), 1, firstLine), doubts, attempts })
  const firstLines = (queue: LineQueue, which?: 'least' | 'other'): Array<number | undefined> => Array.from({ length: 4 }, () => queue.take({ which: which ?? 'least', ...NO_LIMITS })?.firstLine)

  t.test('come after those that are less so, new ones among them', async t => {
    const queue = new LineQueue(unbounded)
    for (let i = 0; i < 3; i++) queue.pass(lines('x'))
    queue.push(lines('new'))
    queue.unshift([doubted(0, 2), doubted(1, 1), doubted(2, 2)])
    t.same([queue.doubts('oldest'), queue.doubts('least')], [2, 0])
    t.same(firstLines(queue), [3, 1, 0, 2])
    t.match(queue, { isEmpty: true, bytes: 0, lines: 0 })
  })

  t.test('are the oldest all the same', async t => {
    const queue = new LineQueue(unbounded)
    queue.pass(lines('x'))
    queue.push(lines('new'))
    queue.unshift([doubted(0, 2)])
    t.equal(queue.shift()?.firstLine, 0)
  })

  t.test('go back to their place, behind older ones that stayed', async t => {
    const queue = new LineQueue(unbounded)
    for (let i = 0; i < 3; i++) queue.pass(lines('x'))
    queue.unshift([doubted(0, 1), doubted(2, 1)])
    queue.unshift([doubted(1, 0)])
    t.same(queue.drain().map(({ firstLine }) => firstLine), [0, 1, 2])
  })

  t.test('are all that are older than some line, if that is so', async t => {
    const queue = new LineQueue(unbounded)
    for (let i = 0; i < 3; i++) queue.pass(lines('x'))
    queue.unshift([doubted(0, 0), doubted(1, 3), doubted(2, 0)])
    queue.doubt(2)
    t.same(queue.drain().map(({ doubts }) => doubts), [1, 3, 0])
  })

  t.test('others than the oldest are taken if the oldest have failed, and are not all', async t => {
    const queue = new LineQueue(unbounded)
    for (let i = 0; i < 2; i++) queue.pass(lines('x'))
    queue.push(lines('new'))
    queue.unshift([doubted(0, 0), doubted(1, 0)])
    t.equal(queue.hasOther, true)
    t.same(firstLines(queue, 'other'), [1, 2, 0, undefined])
    t.equal(queue.hasOther, false)
    for (const text of ['a'.repeat(600 * KIB), 'b'.repeat(600 * KIB)]) queue.push(lines(text))
    t.equal(queue.take({ which: 'other', ...NO_LIMITS })?.firstLine, 3, 'the oldest have not failed')
  })

  t.test('are cut as others are', async t => {
    const queue = new LineQueue(unbounded)
    queue.pass(lines('x'))
    queue.push(lines('a', 'b'))
    queue.unshift([doubted(0, 1)])
    t.match(queue.take({ which: 'least', ...NO_LIMITS, maxBytes: 2 }), { count: 1, firstLine: 1 })
    t.match(queue.take({ which: 'least', ...NO_LIMITS, maxBytes: 2 }), { count: 1, firstLine: 2 })
    t.match(queue, { lines: 1, bytes: 2 })
  })
})

t.test('the newest line', async t => {
  t.test('is taken out of what is least in doubt, one at a time, and goes back to its place', async t => {
    const queue = new LineQueue({ maxBytes: Infinity, maxLines: Infinity })
    queue.push({ bytes: Buffer.from('a\nb\nc\nd\n'), count: 4 })
    t.match([queue.newestLine, queue.newestDoubts], [3, 0])
    const newest = queue.take({ which: 'newest', ...NO_LIMITS }) as Lines
    t.match([newest.bytes.toString(), newest.firstLine, queue.lines, queue.bytes], ['d\n', 3, 3, 6])
    queue.unshift([{ ...newest, doubts: 1 }])
    t.match([queue.newestLine, queue.newestDoubts, queue.doubts('newest')], [2, 1, 0])
    t.equal(queue.take({ which: 'newest', ...NO_LIMITS })?.bytes.toString(), 'c\n')
    t.same([queue.take({ which: 'oldest', ...NO_LIMITS }), queue.take({ which: 'oldest', ...NO_LIMITS })].map(lines => lines?.bytes.toString()), ['a\nb\n', 'd\n'])
    t.match([queue.isEmpty, queue.newestLine, queue.newestDoubts, queue.take({ which: 'newest', ...NO_LIMITS })], [true, undefined, 0, undefined])
  })

  t.test('is one that is less in doubt than those behind it', async t => {
    const queue = new LineQueue({ maxBytes: Infinity, maxLines: Infinity })
    queue.push({ bytes: Buffer.from('a\nb\n'), count: 2 })
    const [a, b] = [queue.shift(2), queue.shift(2)] as [Lines, Lines]
    queue.unshift([{ ...a, doubts: 1 }, { ...b, doubts: 2 }])
    t.equal(queue.newestLine, 0)
    t.equal(queue.take({ which: 'newest', ...NO_LIMITS })?.firstLine, 0)
  })

  t.test('and lines in doubt are taken in portions', async t => {
    const queue = new LineQueue({ maxBytes: Infinity, maxLines: Infinity })
    queue.push({ bytes: Buffer.from('a\nb\nc\n'), count: 3 })
    queue.unshift([{ ...queue.shift() as Lines, doubts: 1 }])
    queue.push({ bytes: Buffer.from('d\ne\n'), count: 2 })
    t.same([1, 2, 3].map(() => queue.take({ which: 'oldest', maxBytes: Infinity, maxLines: Infinity, maxDoubtedLines: 2 })?.count), [2, 1, 2])
  })
})
