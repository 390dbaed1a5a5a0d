import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { cutPart, divide, halve, indexesOf, keyOf, linesOf, pickPart, type BatchPart } from '#lib/http/batch-part'
import { splitLines } from '#lib/batch'
import { line, textOf } from '../support/arbitrary-lines.js'
import { partOf } from '../support/http-sinks.js'

/** Joined, the parts give all lines. */
function assertWhole (parts: readonly BatchPart[], lines: readonly string[]): void {
  // A carriage return at the end of a line counts as part of its newline.
  assert.deepEqual(parts.flatMap(linesOf), lines.map(line => line.replace(/\r$/, '')))
  assert.deepEqual(parts.flatMap(indexesOf), [...lines.keys()])
  for (const part of parts) assert.equal(linesOf(part).length, part.count)
}

t.test('a part is cut at the ends of lines, and is never longer than requested, unless it is a single line', async () => {
  fc.assert(fc.property(fc.array(line, { minLength: 1, maxLength: 50 }), fc.integer({ min: 1, max: 500 }), (lines, maxBytes) => {
    const parts = cutPart(partOf(lines), maxBytes)
    assertWhole(parts, lines)
    for (const { bytes, count } of parts) assert.ok(bytes.length <= maxBytes || count === 1)
    for (const [index, { bytes }] of parts.slice(1).entries()) {
      assert.ok((parts[index] as BatchPart).bytes.length + bytes.indexOf('\n') + 1 > maxBytes, 'no part has room for the first line of the next')
    }
  }))
})

t.test('halves are two parts with at least one line each', async () => {
  fc.assert(fc.property(fc.array(line, { minLength: 2, maxLength: 50 }), lines => {
    const halves = halve(partOf(lines))
    assertWhole(halves, lines)
    for (const { count } of halves) assert.ok(count >= 1)
  }))
})

t.test('a part is divided into at most the requested number of parts, each of whole lines', async () => {
  fc.assert(fc.property(fc.array(line, { minLength: 1, maxLength: 50 }), fc.integer({ min: 1, max: 8 }), (lines, count) => {
    const parts = divide(partOf(lines), count)
    assertWhole(parts, lines)
    assert.ok(parts.length <= count)
  }))
})

t.test('equal lines are divided equally', async t => {
  const whole = partOf(['a', 'b', 'c', 'd', 'e', 'f'])
  t.same(divide(whole, 3).map(({ count }) => count), [2, 2, 2])
  t.same(divide(whole, 4).map(({ count }) => count), [2, 1, 2, 1])
  t.same(divide(whole, 1), [whole])
  t.equal(divide(whole, 9).length, 6)
})

t.test('the halves of equal lines are equal', async t => {
  t.same(halve(partOf(['a', 'b', 'c', 'd'])).map(({ count }) => count), [2, 2])
})

t.test('a part is cut in two at the end of the line nearest to its middle', async t => {
  const counts = (lines: readonly string[]) => halve(partOf(lines)).map(({ count }) => count)
  t.same(counts(['a'.repeat(40), 'b'.repeat(50), 'c'.repeat(4)]), [1, 2])
  t.same(counts(['a'.repeat(4), 'b'.repeat(50), 'c'.repeat(40)]), [2, 1])
  t.same(counts(['a'.repeat(90), 'b', 'c']), [1, 2])
  t.same(counts(['a', 'b', 'c'.repeat(90)]), [2, 1])
})

t.test('the key of a part depends on its batch and its lines', async t => {
  const key = keyOf(partOf(['a', 'b'], 'life:4'))
  t.match(key, /^life:4\/0\/[\w-]{16}$/)
  t.equal(keyOf(partOf(['a', 'b'], 'life:4')), key)
  t.not(keyOf(partOf(['a', 'c'], 'life:4')), key, 'the rest of a batch may have the same id')
  t.not(keyOf(partOf(['a', 'b'], 'life:5')), key)
  const [one, other] = halve(partOf(['a', 'a'])) as [BatchPart, BatchPart]
  t.not(keyOf(one), keyOf(other), 'lines may be the same')
})

t.test('lines that are picked from a part keep their places in the batch, even if they are cut afterwards', async t => {
  const lines = ['a', 'b', 'c', 'd', 'e', 'f']
  const [, rest] = halve(partOf(lines))
  const picked = pickPart(pickPart({ ...partOf(lines), first: 10 }, [0, 2, 3, 5]), [1, 2, 3])
  t.same([linesOf(picked), indexesOf(picked), picked.first, picked.count], [['c', 'd', 'f'], [12, 13, 15], 12, 3])
  t.same(cutPart(picked, 2).map(part => [linesOf(part), indexesOf(part)]), [[['c'], [12]], [['d'], [13]], [['f'], [15]]])
  t.same(indexesOf(pickPart(rest, [0, 2])), [3, 5])
})

t.test('the lines of a part are those of its batch: whole characters, without their newlines and the carriage returns before them', async () => {
  fc.assert(fc.property(fc.array(line, { minLength: 1 }), lines => {
    const bytes = Buffer.from(textOf(lines))
    assert.deepEqual(linesOf({ batch: { id: 'x', lineIds: [] }, first: 0, count: lines.length, bytes }), splitLines(bytes.toString()))
  }))
})
