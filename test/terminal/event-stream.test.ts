import fc from 'fast-check'
import t from 'tap'
import { EventStreamParser, type ServerEvent } from '#lib/terminal/event-stream'

function parse (text: string, cuts: readonly number[] = []): ServerEvent[] {
  const bytes = Buffer.from(text)
  const at = [0, ...[...cuts].map(cut => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  const parser = new EventStreamParser()
  return at.slice(1).flatMap((end, index) => parser.read(bytes.subarray(at[index], end)))
}

const line = fc.string({ unit: 'grapheme' }).map(text => text.replace(/[\r\n]/g, ''))
const events = fc.array(fc.record({ name: line.filter(name => name !== ''), data: fc.array(line, { minLength: 1 }).map(lines => lines.join('\n')) }))

t.test('every event comes back, wherever chunks end and however lines do', t => {
  fc.assert(fc.property(events, fc.constantFrom('\n', '\r\n', '\r'), fc.array(fc.nat()), (sent, end, cuts) => {
    const text = sent.map(({ name, data }) => `event: ${name}${end}${data.split('\n').map(each => `data: ${each}${end}`).join('')}${end}`).join('')
    // The last CR could be half of a line end: what follows tells.
    t.same(parse(`${text}:${end}`, cuts), sent)
  }))
  t.end()
})

for (const [what, text, expected] of [
  ['an event without a name is a message', 'data: x\n\n', [{ name: 'message', data: 'x' }]],
  ['an event without data is none', 'event: x\n\ndata: y\n\n', [{ name: 'message', data: 'y' }]],
  ['a comment is not read', ': still there\ndata: x\n\n', [{ name: 'message', data: 'x' }]],
  ['one space behind the colon belongs to it', 'data:  x\ndata:y\n\n', [{ name: 'message', data: ' x\ny' }]],
  ['a line without a colon is a field without a value', 'data\n\n', [{ name: 'message', data: '' }]],
  ['a mark at the very beginning is not read', '\uFEFFdata: x\n\n', [{ name: 'message', data: 'x' }]],
  ['other fields are not read', 'id: 7\nretry: 5\ndata: x\n\n', [{ name: 'message', data: 'x' }]],
  ['an event that is not complete is not told', 'data: x\n\ndata: y\n', [{ name: 'message', data: 'x' }]]
] as const) {
  t.test(what, t => {
    t.same(parse(text), expected)
    t.end()
  })
}

t.test('an event that never ends is refused, whether it is one line or many', t => {
  for (const chunk of ['x'.repeat(50), 'data: x\n', 'data\n']) {
    const parser = new EventStreamParser(100)
    parser.read(Buffer.from('data: '))
    t.throws(() => { for (let n = 0; n < 200; n++) parser.read(Buffer.from(chunk)) }, RangeError, chunk)
  }
  t.end()
})
