import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { BodyWriter } from '#lib/http/body-writer'

const text = fc.string({ unit: 'binary', maxLength: 200 }).map(text => Buffer.from(text).toString())

t.test('texts, bytes and quoted bytes are written in their order, whatever room there was before', async () => {
  const part = fc.oneof(fc.record({ kind: fc.constantFrom('text', 'copy', 'quoted'), text }))
  fc.assert(fc.property(fc.array(part), fc.nat({ max: 100 }), fc.boolean(), (parts, reserved, isUsed) => {
    const writer = new BodyWriter()
    if (isUsed) {
      writer.text('a former body')
      writer.clear()
    }
    writer.reserve(reserved)
    for (const { kind, text } of parts) {
      const bytes = Buffer.from(text)
      if (kind === 'text') writer.text(text)
      else if (kind === 'copy') writer.copy(bytes)
      else writer.quoted(bytes, 0, bytes.length)
    }
    assert.equal(writer.bytes.toString(), parts.map(({ kind, text }) => kind === 'quoted' ? JSON.stringify(text) : text).join(''))
  }))
})

t.test('quoted bytes are what JSON.stringify() makes of them, each of the first 65,536 characters', async t => {
  const texts = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code)).filter(text => !/[\ud800-\udfff]/.test(text))
  const all = texts.join('')
  const writer = new BodyWriter()
  const bytes = Buffer.from(all)
  writer.quoted(bytes, 0, bytes.length)
  t.ok(writer.bytes.toString() === JSON.stringify(all))
})

t.test('memory is reused for the next body, unless it is very large', async t => {
  const writer = new BodyWriter()
  writer.text('one')
  const { buffer } = writer.bytes
  writer.clear()
  writer.text('two')
  t.equal(writer.bytes.buffer, buffer)
  t.equal(writer.bytes.toString(), 'two')
  writer.copy(Buffer.alloc(3 * 1024 * 1024))
  writer.clear()
  t.equal(writer.bytes.buffer.byteLength, 0)
})
