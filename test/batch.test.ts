import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { appendLines, areConsecutive, Batch, countLines, cutLines, cutWithin, freshLines, joinLines, PassingLines, pickLines } from '#lib/batch'
import { line, textOf } from './support/arbitrary-lines.js'

t.test('a batch of text knows its length in UTF-8', async t => {
  const batch = new Batch('né€𝄞\n', 1)
  t.equal(batch.byteLength, 11)
  t.equal(batch.bytes.toString(), 'né€𝄞\n')
  t.equal(batch.byteLength, 11)
})

t.test('a batch is encoded once, in memory that holds nothing else', async t => {
  const batch = new Batch('a\n', 1)
  t.equal(batch.bytes, batch.bytes)
  t.equal(batch.bytes.buffer.byteLength, 2)
})

t.test('a batch of bytes hands out these same bytes', async t => {
  const bytes = Buffer.from('a\nb\n')
  const batch = new Batch(bytes, 2)
  t.equal(batch.bytes, bytes)
  t.equal(batch.byteLength, 4)
})

t.test('a batch knows whether it is a diagnostic', async t => {
  t.equal(new Batch('a\n', 1).isDiagnostic, false)
  t.equal(new Batch('a\n', 1, { isDiagnostic: true }).isDiagnostic, true)
})

t.test('lines are counted by their ends', async t => {
  t.equal(countLines(Buffer.from('')), 0)
  t.equal(countLines(Buffer.from('a')), 0)
  t.equal(countLines(Buffer.from('a\n\nb\nc')), 3)
})

t.test('what fits is not cut', async t => {
  const lines = freshLines(Buffer.from('a\nb\n'), 2, 7)
  t.same(cutLines(lines, 4), [lines, undefined])
  t.same(cutLines(lines, 4, 2), [lines, undefined])
})

t.test('a single line is not cut, however long it is', async t => {
  const lines = freshLines(Buffer.from('abc\n'), 1, 7)
  t.same(cutLines(lines, 1), [lines, undefined])
})

t.test('a cut leaves the number of the first line that it leaves', async t => {
  const [head, rest] = cutLines(freshLines(Buffer.from('a\nbb\nccc\n'), 3, 7), 5)
  t.equal(head.bytes.toString(), 'a\nbb\n')
  t.match(head, { count: 2, firstLine: 7 })
  t.equal(rest?.bytes.toString(), 'ccc\n')
  t.match(rest, { count: 1, firstLine: 9 })
})

t.test('what has arrived of the first line stays with it, and the attempts with both parts', async t => {
  const [head, rest] = cutLines({ bytes: Buffer.from('aaa\nb\n'), count: 2, firstLine: 0, attempts: 2, arrivedBytes: 2, doubts: 0 }, 4)
  t.match(head, { attempts: 2, arrivedBytes: 2 })
  t.match(rest, { attempts: 2, arrivedBytes: 0 })
})

t.test('any cut has as many whole lines as fit, and at least one', async () => {
  fc.assert(fc.property(fc.array(line, { minLength: 1, maxLength: 12 }), fc.nat(150), fc.oneof(fc.nat(13), fc.constant(Infinity)), (lines, maxBytes, maxCount) => {
    const all = freshLines(Buffer.from(textOf(lines)), lines.length, 100)
    const [head, rest] = cutLines(all, maxBytes, maxCount)

    let count = 0
    while (count < lines.length && (count === 0 || (count < maxCount && Buffer.byteLength(textOf(lines.slice(0, count + 1))) <= maxBytes))) count++
    assert.equal(head.bytes.toString(), textOf(lines.slice(0, count)))
    assert.equal(head.count, count)
    assert.equal(head.firstLine, 100)
    if (count === lines.length) return assert.equal(rest, undefined)
    assert.equal(rest?.bytes.toString(), textOf(lines.slice(count)))
    assert.equal(rest?.count, lines.length - count)
    assert.equal(rest?.firstLine, 100 + count)
  }), { numRuns: 2000 })
})

t.test('lines that are picked keep their numbers, also through further picks and cuts', async t => {
  const all = { ...freshLines(Buffer.from('a\nbb\nccc\ndddd\ne\n'), 5, 10), attempts: 2, arrivedBytes: 1 }
  t.match(pickLines(all, [0, 1]), { firstLine: 10, count: 2, arrivedBytes: 1, numbers: undefined })
  const picked = pickLines(all, [1, 3, 4])
  t.equal(picked.bytes.toString(), 'bb\ndddd\ne\n')
  t.match(picked, { firstLine: 11, count: 3, attempts: 2, arrivedBytes: 0, numbers: [11, 13, 14] })
  const [head, rest] = cutLines(picked, 3)
  t.match(head, { firstLine: 11, count: 1, numbers: [11] })
  t.match(rest, { firstLine: 13, count: 2, numbers: [13, 14] })
  t.match(pickLines(picked, [1, 2]), { firstLine: 13, count: 2, numbers: undefined })
  t.match(pickLines(picked, [0, 2]), { firstLine: 11, numbers: [11, 14] })
})

t.test('lines of several batches become one, with the numbers that they had', async t => {
  const one = freshLines(Buffer.from('a\nb\n'), 2, 5)
  const two = { ...freshLines(Buffer.from('c\n'), 1, 7), attempts: 3, doubts: 1 }
  const three = freshLines(Buffer.from('e\n'), 1, 9)
  t.equal(joinLines([one]), one)
  t.match(joinLines([one, two]), { firstLine: 5, count: 3, attempts: 3, doubts: 1, numbers: undefined })
  const all = joinLines([one, two, three])
  t.equal(all.bytes.toString(), 'a\nb\nc\ne\n')
  t.match(all, { firstLine: 5, count: 4, numbers: [5, 6, 7, 9] })
})

t.test('a batch of bytes takes its text from whoever has it, and decodes only where nobody has', async t => {
  const bytes = Buffer.from('né\n')
  t.equal(new Batch(bytes, 1).text, 'né\n')
  const batch = new Batch(bytes, 1, { text: () => 'kept' })
  t.equal(batch.text, 'kept')
  batch.forgetText()
  t.equal(batch.text, 'né\n')
  t.equal(new Batch('né\n', 1).text, 'né\n')
})

t.test('lines that pass have the text of their batch, and a copy of them that is cut has none', async t => {
  const lines = new PassingLines(new Batch('a\nb\n', 2), 7)
  t.match(lines, { count: 2, firstLine: 7, attempts: 0, arrivedBytes: 0, text: 'a\nb\n' })
  const [head, rest] = cutLines(lines, 2)
  t.match(head, { count: 1, text: undefined })
  t.equal(rest?.text, undefined)
  t.notOk('text' in { ...lines })
})

t.test('whole lines are cut off within a number of bytes', async t => {
  const lines = freshLines(Buffer.from('a\nbb\nc\n'), 3, 7)
  t.equal(cutWithin(lines, 0), undefined)
  t.equal(cutWithin(lines, 1), undefined)
  for (const end of [2, 3, 4]) t.match(cutWithin(lines, end), [{ count: 1, firstLine: 7 }, { count: 2, firstLine: 8 }])
  t.match(cutWithin(lines, 5)?.map(({ bytes }) => bytes.toString()), ['a\nbb\n', 'c\n'])
})

t.test('lines that follow others are appended in memory that grows with them', async t => {
  const [a, b, c] = [freshLines(Buffer.from('a\n'), 1, 7), freshLines(Buffer.from('b\nb\n'), 2, 8), freshLines(Buffer.from('c\n'), 1, 10)]
  t.equal(areConsecutive(a, b), true)
  t.equal(areConsecutive(a, c), false, 'there are others between them')
  for (const details of [{ attempts: 1 }, { doubts: 1 }, { arrivedBytes: 1 }, { numbers: [8, 10] }]) {
    t.equal(areConsecutive(a, { ...b, ...details }), false)
    t.equal(areConsecutive({ ...a, ...details }, b), false)
  }
  const both = appendLines(a, b, undefined)
  t.match(both.lines, { count: 3, firstLine: 7, attempts: 0 })
  const all = appendLines(both.lines, c, both.memory)
  t.equal(all.memory, both.memory, 'there was room')
  t.equal(all.lines.bytes.toString(), 'a\nb\nb\nc\n')
  t.equal(both.lines.bytes.toString(), 'a\nb\nb\n')
  const more = appendLines(all.lines, freshLines(Buffer.from('d\n'), 1, 11), all.memory)
  t.not(more.memory, all.memory)
  t.equal(more.lines.bytes.toString(), 'a\nb\nb\nc\nd\n')
})
