import fc from 'fast-check'
import t from 'tap'
import { FrameReader, toFrame } from '#lib/child/frames'

const message = fc.tuple(fc.string(), fc.oneof(fc.integer(), fc.uint8Array({ maxLength: 50 }), fc.constant(undefined)))
const frame = fc.record({ message, body: fc.uint8Array({ maxLength: 300 }) })

/** Cuts bytes at these places, taken modulo what is left. */
function cut (bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = 1 + (sizes[n % sizes.length] as number)
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

t.test('frames come out as they went in, wherever their bytes are cut', async () => {
  fc.assert(fc.property(fc.array(frame, { maxLength: 20 }), fc.array(fc.nat(400), { minLength: 1, maxLength: 10 }), (frames, sizes) => {
    const read: Array<{ message: unknown, body: Buffer }> = []
    const reader = new FrameReader(Infinity, (message, body) => read.push({ message, body: Buffer.from(body) }))
    const bytes = Buffer.concat(frames.flatMap(({ message, body }) => toFrame(message, body)))
    for (const chunk of cut(bytes, sizes)) {
      const own = Buffer.from(chunk)
      reader.read(own)
      // A reader of a pipe uses the same memory for each chunk.
      own.fill(0xff)
    }
    // The comparison comes last: a message must not be a view of memory that is used again.
    t.strictSame(read.map(({ message, body }) => ({ message, body: [...body] })), frames.map(({ message: [text, value], body }) => ({ message: [text, value], body: [...body] })))
  }), { numRuns: 300 })
})

t.test('a frame that is larger than its reader expects is read into more memory', async t => {
  const sizes: number[] = []
  const reader = new FrameReader(Infinity, (_, body) => { sizes.push(body.length) })
  for (const size of [10, 70000, 3000000, 20]) reader.read(Buffer.concat(toFrame('x', new Uint8Array(size))))
  t.strictSame(sizes, [10, 70000, 3000000, 20])
})

t.test('bytes that are no frame are refused before memory is taken for them', async t => {
  const read: unknown[] = []
  const reader = new FrameReader(1000, message => read.push(message))
  reader.read(Buffer.concat(toFrame('a report')))
  t.throws(() => reader.read(Buffer.from('something else that a sink has written')), { message: /expected a frame of at most 1000 bytes/ })
  t.strictSame(read, ['a report'])
})

t.test('a frame whose message is broken is refused', async t => {
  const broken = Buffer.concat(toFrame('a report'))
  broken.fill(0, 8)
  t.throws(() => new FrameReader(1000, () => {}).read(broken))
})
