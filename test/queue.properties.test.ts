import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import type { Lines } from '#lib/batch'
import { LineQueue } from '#lib/queue'
import { textOf } from './support/arbitrary-lines.js'

type Step =
  | { do: 'push', lengths: number[] }
  | { do: 'adopt', lengths: number[] }
  | { do: 'pass', lengths: number[] }
  | { do: 'shift', maxBytes: number, maxCount: number }
  | { do: 'drop', maxBytes: number, maxCount: number }
  /** Gives back the last of what was taken out, so many pieces. */
  | { do: 'unshift', pieces: number }
  | { do: 'drain' }

// A few lines that are as long as a block, and many that are not.
const lengths = fc.array(fc.oneof({ weight: 20, arbitrary: fc.nat(60) }, { weight: 1, arbitrary: fc.nat(5000) }, { weight: 1, arbitrary: fc.nat(70000) }), { minLength: 1, maxLength: 20 })
const limit = (max: number): fc.Arbitrary<number> => fc.oneof(fc.nat(max), fc.constant(Infinity))
const steps: fc.Arbitrary<Step[]> = fc.array(fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('push' as const), lengths }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('adopt' as const), lengths }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const), lengths }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('shift' as const), maxBytes: limit(70000), maxCount: limit(30) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('drop' as const), maxBytes: limit(70000), maxCount: limit(30) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unshift' as const), pieces: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'drain' }) }
), { maxLength: 60, size: 'max' })

interface ModelLine {
  number: number
  text: string
  /** Bytes, with the newline. */
  size: number
}

function modelLine (number: number, text: string): ModelLine {
  return { number, text, size: Buffer.byteLength(text) + 1 }
}

/** A queue, and beside it the plain array of lines that it has to agree with. */
class Course {
  readonly queue = new LineQueue({ maxBytes: 100000, maxLines: 200 })
  /** Line by line, with its number. */
  readonly model: ModelLine[] = []
  readonly out: Lines[] = []
  #next = 0

  do (step: Step): void {
    switch (step.do) {
      case 'push':
      case 'adopt': {
        const texts = this.#make(step.lengths)
        this.queue[step.do]({ bytes: Buffer.from(textOf(texts.map(({ text }) => text))), count: texts.length })
        this.model.push(...texts)
        break
      }
      case 'pass': {
        if (!this.queue.isEmpty) return
        const texts = this.#make(step.lengths)
        const passed = this.queue.pass({ bytes: Buffer.from(textOf(texts.map(({ text }) => text))), count: texts.length })
        assert.equal(passed.firstLine, texts[0]?.number)
        this.out.push(passed)
        break
      }
      case 'shift': {
        const taken = this.queue.shift(step.maxBytes, step.maxCount)
        if (taken === undefined) return assert.equal(this.model.length, 0)
        assert.ok(taken.count === 1 || (taken.bytes.length <= step.maxBytes && taken.count <= step.maxCount))
        this.#take(taken)
        break
      }
      case 'drop': {
        const head = this.queue.firstLine
        const dropped = this.queue.drop(step.maxBytes, step.maxCount)?.count ?? 0
        assert.equal(this.model[0]?.number ?? head, head)
        const gone = this.model.splice(0, dropped)
        const bytes = gone.reduce((sum, { size }) => sum + size, 0)
        assert.ok(dropped <= 1 || (bytes <= step.maxBytes && dropped <= step.maxCount))
        break
      }
      case 'unshift': {
        const back = this.out.splice(Math.max(0, this.out.length - step.pieces))
        this.queue.unshift(back)
        this.model.unshift(...back.flatMap(({ bytes, firstLine }) => bytes.toString().slice(0, -1).split('\n').map((text, i) => modelLine(firstLine + i, text))))
        break
      }
      case 'drain':
        for (const taken of this.queue.drain()) this.#take(taken)
        assert.equal(this.model.length, 0)
    }
    this.#compare()
  }

  #make (lengths: readonly number[]): ModelLine[] {
    return lengths.map(length => {
      const number = this.#next++
      return modelLine(number, `${number}`.padEnd(length, '€'))
    })
  }

  #take (taken: Lines): void {
    const expected = this.model.splice(0, taken.count)
    assert.equal(taken.bytes.toString(), textOf(expected.map(({ text }) => text)))
    assert.equal(taken.firstLine, expected[0]?.number)
    this.out.push(taken)
  }

  #compare (): void {
    const { queue, model } = this
    const bytes = model.reduce((sum, { size }) => sum + size, 0)
    assert.equal(queue.lines, model.length)
    assert.equal(queue.bytes, bytes)
    assert.equal(queue.isEmpty, model.length === 0)
    assert.equal(queue.nextLine, this.#next)
    assert.equal(queue.firstLine, model[0]?.number ?? this.#next)
    assert.equal(queue.fits(1000, 10), bytes + 1000 <= 100000 && model.length + 10 <= 200)
  }
}

t.test('a queue agrees with a plain array after every step', async () => {
  fc.assert(fc.property(steps, steps => {
    const course = new Course()
    for (const step of steps) course.do(step)
    course.do({ do: 'drain' })
  }), { numRuns: 300 })
})

t.test('a queue keeps at most twice the memory that it counts, whatever the chunks are that lines are cut from', async () => {
  const batch = fc.record({
    chunkBytes: fc.integer({ min: 1, max: 400000 }), share: fc.double({ min: 0, max: 1, noNaN: true }), way: fc.constantFrom('push' as const, 'adopt' as const)
  })
  fc.assert(fc.property(fc.array(batch, { maxLength: 40 }), batches => {
    const queue = new LineQueue({ maxBytes: Infinity, maxLines: Infinity })
    for (const { chunkBytes, share, way } of batches) {
      const length = Math.max(1, Math.floor(chunkBytes * share))
      const bytes = Buffer.allocUnsafeSlow(chunkBytes).subarray(0, length).fill('x')
      bytes[length - 1] = 10
      queue[way]({ bytes, count: 1 })
    }
    const counted = queue.bytes
    const kept = [...new Set(queue.drain().map(({ bytes }) => bytes.buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0)
    assert.ok(kept <= 2 * counted, `${kept} bytes are kept for ${counted}`)
  }), { numRuns: 200 })
})
