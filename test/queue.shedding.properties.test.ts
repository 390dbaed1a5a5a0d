import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { numberOf, type Lines } from '#lib/batch'
import { LineQueue } from '#lib/queue'
import { CountingReader, leveled, protectErrors } from './support/protection.js'

interface NewLine {
  length: number
  isProtected: boolean
}

type Step =
  | { do: 'push', lines: NewLine[] }
  | { do: 'shift', maxBytes: number, maxCount: number }
  | { do: 'drop' | 'shed', maxBytes: number, maxCount: number }
  /** The last pieces that were taken out come back. */
  | { do: 'unshift', pieces: number, doubts: number }
  | { do: 'arrive', bytes: number }
  | { do: 'doubt', line: number }
  | { do: 'takeNewest' }
  | { do: 'protect' }

const newLine = fc.record({ length: fc.oneof({ weight: 20, arbitrary: fc.nat(90) }, { weight: 1, arbitrary: fc.constantFrom(5000, 70000) }), isProtected: fc.oneof(fc.constant(false), fc.boolean()) })
const limits = { maxBytes: fc.oneof(fc.nat(600), fc.constant(Infinity)), maxCount: fc.oneof(fc.nat(12), fc.constant(Infinity)) }
const steps: fc.Arbitrary<Step[]> = fc.array(fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('push' as const), lines: fc.array(newLine, { minLength: 1, maxLength: 12 }) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('shed' as const), ...limits }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('shift' as const), ...limits }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), ...limits }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('unshift' as const), pieces: fc.integer({ min: 1, max: 4 }), doubts: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('arrive' as const), bytes: fc.nat(300) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('doubt' as const), line: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'takeNewest' }, { do: 'protect' }) }
), { maxLength: 60, size: 'max' })

interface ModelLine {
  number: number
  isProtected: boolean
  /** Bytes, with the newline. */
  size: number
  attempts: number
  /** Part of it has arrived. */
  isBegun: boolean
}

/** A queue that protects errors, and beside it the plain array of lines that it has to agree with. */
class Course {
  readonly queue = new LineQueue({ maxBytes: Infinity, maxLines: Infinity })
  model: ModelLine[] = []
  #out: Array<{ lines: Lines, model: ModelLine[] }> = []
  #next = 0
  /** The lines that came back last, in the order in which the sink was given them, and how many bytes of them have arrived. */
  #pending: { lines: Array<{ line: ModelLine, end: number }>, arrived: number, nextLine: number } | undefined

  constructor () {
    this.queue.protection = protectErrors()
  }

  do (step: Step): void {
    switch (step.do) {
      case 'push': return this.#push(step.lines)
      case 'shift': return this.#take(this.queue.shift(step.maxBytes, step.maxCount), 'oldest')
      case 'takeNewest': return this.#take(this.queue.take({ which: 'newest', maxBytes: Infinity, maxLines: Infinity, maxDoubtedLines: Infinity }), 'newest')
      case 'drop': return this.#drop(step.maxBytes, step.maxCount)
      case 'shed': return this.#shed(step.maxBytes, step.maxCount)
      case 'unshift': return this.#unshift(step.pieces, step.doubts)
      case 'arrive': return this.#arrive(step.bytes)
      case 'doubt': return this.queue.doubt(step.line)
      case 'protect': this.queue.protection = protectErrors()
    }
  }

  check (): void {
    const { queue, model } = this
    assert.equal(queue.lines, model.length)
    assert.equal(queue.bytes, model.reduce((sum, { size }) => sum + size, 0))
    assert.equal(queue.nextLine, this.#next)
    assert.equal(queue.firstLine, model[0]?.number ?? this.#next)
  }

  drain (): void {
    const places = new Map(this.model.map((line, place) => [line.number, place]))
    const drained = this.queue.drain().flatMap(lines => contentsOf(lines))
    assert.deepEqual(drained.map(({ number }) => number), [...places.keys()])
    for (const { number, text } of drained) assert.equal(JSON.parse(text).n, number, 'each line has its number')
  }

  #push (lines: readonly NewLine[]): void {
    const texts = lines.map(({ length, isProtected }) => {
      const text = `${leveled(this.#next, isProtected, length)}\n`
      this.model.push({ number: this.#next++, isProtected, size: text.length, attempts: 0, isBegun: false })
      return text
    })
    this.queue.push({ bytes: Buffer.from(texts.join('')), count: texts.length })
  }

  #take (lines: Lines | undefined, end: 'oldest' | 'newest'): void {
    if (lines === undefined) return assert.equal(this.model.length, 0)
    const numbers = contentsOf(lines).map(({ number }) => number)
    const expected = end === 'oldest' ? this.model.splice(0, lines.count) : this.model.filter(({ number }) => numbers.includes(number))
    if (end === 'newest') this.model = this.model.filter(({ number }) => !numbers.includes(number))
    assert.deepEqual(numbers, expected.map(({ number }) => number))
    assert.ok(expected.every(({ attempts }) => attempts === lines.attempts), 'lines keep how often they were sent')
    if (end === 'oldest') this.#out.push({ lines, model: expected })
  }

  #drop (maxBytes: number, maxCount: number): void {
    const dropped = this.queue.drop(maxBytes, maxCount)
    const gone = this.model.splice(0, dropped?.count ?? 0)
    assert.equal(dropped?.bytes.length ?? 0, gone.reduce((sum, { size }) => sum + size, 0))
  }

  /** The oldest lines that are not protected go, and nothing between two of them stays. */
  #shed (maxBytes: number, maxCount: number): void {
    const count = this.queue.shed(maxBytes, maxCount)
    const first = this.model.findIndex(({ isProtected, isBegun }) => !isProtected && !isBegun)
    if (count === 0) return assert.ok(this.model.every(({ isProtected, isBegun }) => isProtected || isBegun), 'nothing but protected lines is left')
    assert.ok(first >= 0)
    const gone = this.model.splice(first, count)
    assert.equal(gone.length, count)
    assert.ok(gone.every(({ isProtected, isBegun }) => !isProtected && !isBegun), 'a protected line is lost')
    assert.ok(count === 1 || (count <= maxCount && gone.reduce((sum, { size }) => sum + size, 0) <= maxBytes), 'not more is lost than has to be')
  }

  #unshift (pieces: number, doubts: number): void {
    const back = this.#out.splice(Math.max(0, this.#out.length - pieces))
    if (back.length === 0) return
    this.#out = []
    const returned = back.map(({ lines }) => ({ ...lines, attempts: lines.attempts + 1, doubts: lines.doubts + doubts }))
    this.queue.unshift(returned)
    let end = 0
    const sent = back.flatMap(({ lines, model }) => model.map((line, place) => {
      line.attempts++
      end += line.size - (place === 0 ? lines.arrivedBytes : 0)
      return { line, end }
    }))
    this.#pending = { lines: sent, arrived: 0, nextLine: sent[0]?.line.number ?? NaN }
    this.model.unshift(...sent.map(({ line }) => line))
  }

  /** No line counts as arrived whose bytes have not. */
  #arrive (bytes: number): void {
    const pending = this.#pending
    if (pending === undefined) return
    const total = pending.lines.at(-1)?.end ?? 0
    const more = Math.min(bytes, total - pending.arrived)
    if (more === 0) return
    pending.arrived += more
    const { count, nextLine } = this.queue.arrive(pending.nextLine, more)
    pending.nextLine = nextLine
    const arrived = new Set(pending.lines.filter(({ end }) => end <= pending.arrived).map(({ line }) => line.number))
    const gone = this.model.splice(0, count)
    assert.ok(gone.every(({ number }) => arrived.has(number)), 'a line counts as arrived that has not')
    const { line, end = 0 } = pending.lines.find(({ end }) => end > pending.arrived) ?? {}
    const isBegun = line !== undefined && line === this.model[0] && line.number === nextLine && end - pending.arrived < line.size
    if (isBegun) line.isBegun = true
  }
}

function contentsOf (lines: Lines): Array<{ number: number, text: string }> {
  return lines.bytes.toString().split('\n').slice(0, -1).map((text, place) => ({ number: numberOf(lines, place), text }))
}

t.test('whatever comes and goes, the oldest lines that are not protected are dropped first, and all others keep their order and numbers', async () => {
  fc.assert(fc.property(steps, steps => {
    const course = new Course()
    for (const step of steps) {
      course.do(step)
      course.check()
    }
    course.drain()
  }), { numRuns: 500 })
})

t.test('what is left of a queue costs at most twice the memory that it counts', async () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ lines: fc.array(newLine, { minLength: 1, maxLength: 40 }), times: fc.integer({ min: 1, max: 30 }) }) },
    { weight: 2, arbitrary: fc.record({ shed: fc.integer({ min: 1, max: 400 }) }) }
  )
  fc.assert(fc.property(fc.array(step, { maxLength: 30 }), steps => {
    const queue = new LineQueue({ maxBytes: Infinity, maxLines: Infinity })
    queue.protection = protectErrors()
    for (const step of steps) {
      if ('shed' in step) {
        for (let left = step.shed, count = 1; left > 0 && count > 0; left -= count) count = queue.shed(Infinity, left)
        continue
      }
      const bytes = Buffer.from(step.lines.map(({ length, isProtected }) => `${leveled(0, isProtected, length)}\n`).join(''))
      for (let n = 0; n < step.times; n++) queue.push({ bytes, count: step.lines.length })
    }
    const counted = queue.bytes
    const kept = [...new Set(queue.drain().map(({ bytes }) => bytes.buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0)
    assert.ok(kept <= 2 * counted, `${kept} bytes are kept for ${counted}`)
  }), { numRuns: 200 })
})

t.test('a line is looked at a few times at most, however many batches come', async () => {
  const batches = fc.array(fc.record({ isProtected: fc.boolean(), count: fc.integer({ min: 1, max: 5 }), comesBack: fc.oneof({ weight: 20, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }) }), { minLength: 300, maxLength: 600, size: 'max' })
  fc.assert(fc.property(batches, batches => {
    const reader = new CountingReader()
    const queue = new LineQueue({ maxBytes: Infinity, maxLines: 200 })
    queue.protection = protectErrors(reader)
    let pushed = 0
    for (const { isProtected, count, comesBack } of batches) {
      const bytes = Buffer.from(`${leveled(0, isProtected)}\n`.repeat(count))
      while (!queue.fits(bytes.length, count)) if (queue.shed(Infinity, count - queue.room().lines) === 0) queue.drop(Infinity, 1)
      queue.push({ bytes, count })
      pushed += count
      if (!comesBack) continue
      const lines = queue.shift(Infinity, 50) as Lines
      pushed += lines.count
      queue.unshift([{ ...lines, attempts: lines.attempts + 1 }])
    }
    assert.ok(reader.reads <= 4 * pushed, `${reader.reads} looks for ${pushed} lines`)
  }), { numRuns: 100 })
})
