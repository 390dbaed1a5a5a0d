import fc from 'fast-check'
import t from 'tap'
import { cutForDatagrams, MAX_DATAGRAM_BYTES } from '#lib/child/datagrams'

t.test('whatever the lines, the parts are the whole, each is of whole lines and fits, unless it is one line', async t => {
  const lines = fc.array(fc.oneof(fc.nat(200), fc.nat(70000)).map(length => 'ä'.repeat(length / 2) + '\n'), { maxLength: 12 })
  fc.assert(fc.property(lines, fc.boolean(), (lines, asBytes) => {
    const text = lines.join('')
    const parts = [...cutForDatagrams(asBytes ? Buffer.from(text) : text)].map(({ part, bytes }) => ({ part: part.toString(), bytes }))
    return parts.map(({ part }) => part).join('') === text &&
      parts.every(({ part, bytes }) => part.endsWith('\n') && bytes === Buffer.byteLength(part)) &&
      parts.every(({ part, bytes }) => bytes <= MAX_DATAGRAM_BYTES || part.indexOf('\n') === part.length - 1)
  }))
  t.pass()
})

t.test('what has no newline is one part', async t => {
  t.same([...cutForDatagrams('abc')], [{ part: 'abc', bytes: 3 }])
})
