import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { encode } from '#lib/encode'

t.test('texts and bytes are encoded one after the other, whatever their size, in memory that holds nothing else', async t => {
  for (const repeats of [1, 5000, 100000]) {
    for (const parts of [['né€\n'.repeat(repeats), '𝄞\n', '', '\n'], ['né€\n'.repeat(repeats), Buffer.from('𝄞\n')], ['ascii\n'.repeat(repeats)]]) {
      const bytes = encode(parts)
      t.equal(bytes.toString(), parts.join(''))
      t.equal(bytes.buffer.byteLength, bytes.length)
    }
  }
})

t.test('nothing is nothing', async t => {
  t.equal(encode([]).length, 0)
  t.equal(encode(['']).length, 0)
})

t.test('half a character is replaced, as Node.js does it, wherever it stands', async t => {
  const text = `${'€'.repeat(5000)}\ud834\n${'€'.repeat(5000)}`
  t.same(encode([text]), Buffer.from(text))
  t.same(encode(['\udd1e']), Buffer.from('\udd1e'))
})

t.test('what was encoded is not changed by what is encoded next', async t => {
  const first = encode(['é'.repeat(5000)])
  encode(['ü'.repeat(5000)])
  t.equal(first.toString(), 'é'.repeat(5000))
})

t.test('any texts are encoded as Node.js does it, beside bytes too', async () => {
  const unit = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.constantFrom('a', '\ud834', '€', 'é'))
  const text = fc.tuple(unit, fc.constantFrom(1, 300, 5000)).map(([unit, times]) => `${unit.repeat(times)}\n`)
  fc.assert(fc.property(fc.array(text, { maxLength: 4 }), fc.nat(4), (texts, firstText) => {
    const bytes = texts.map(text => Buffer.from(text))
    assert.deepEqual(encode([...bytes.slice(0, firstText), ...texts.slice(firstText)]), Buffer.concat(bytes))
  }), { numRuns: 300 })
})
