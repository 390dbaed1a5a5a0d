import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { Utf8Writer } from '#lib/http/formats/utf8-writer'

t.test('all texts are written in their order, however many bytes were expected', async () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.nat({ max: 100 }), (texts, expected) => {
    const writer = new Utf8Writer(expected)
    for (const text of texts) writer.write(text)
    assert.equal(writer.bytes.toString(), texts.join(''))
  }))
})
