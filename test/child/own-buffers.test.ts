import { PassThrough, Transform, Writable } from 'node:stream'
import t from 'tap'
import { OwnBuffers } from '#lib/child/own-buffers'

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** A Transform that makes an object of each line, as pino-abstract-transport does, and the bytes that it has accepted. */
class Transport {
  readonly stream = new Transform({
    readableObjectMode: true,
    transform (chunk, _encoding, done) {
      for (const line of String(chunk).split('\n').slice(0, -1)) this.push(line)
      done()
    }
  })

  readonly buffers = OwnBuffers.of(this.stream) as OwnBuffers
  #written = 0
  #accepted = 0

  /** Writes this many lines of two bytes at once. */
  write (lines: number): void {
    const text = 'x\n'.repeat(lines)
    this.#written += text.length
    this.buffers.note(text, this.#written)
    this.stream.write(text, () => { this.#accepted += text.length })
  }

  get consumed (): number {
    return this.buffers.consumedOf(this.#accepted)
  }
}

/** Takes one object at a time, when the test asks for it. */
class Slow extends Writable {
  #done: (() => void) | undefined

  constructor () {
    super({ objectMode: true })
  }

  override _write (_chunk: unknown, _encoding: string, done: () => void): void {
    this.#done = done
  }

  async take (objects: number): Promise<void> {
    for (let i = 0; i < objects; i++) {
      this.#done?.()
      await turn()
    }
  }
}

t.test('of a stream that is no Transform nothing can be said', async t => {
  t.equal(OwnBuffers.of(new Writable()), undefined)
  t.ok(OwnBuffers.of(new PassThrough()))
})

t.test('what nobody reads is held', async t => {
  const transport = new Transport()
  for (let i = 0; i < 3; i++) transport.write(1)
  await turn()
  t.equal(transport.consumed, 0)
  transport.stream.read()
  transport.stream.read()
  t.equal(transport.consumed, 2, 'whoever has read the second may have it in hand')
  transport.stream.read()
  t.equal(transport.consumed, 6)
})

t.test('what was not accepted was not consumed, and what was is counted once', async t => {
  const transport = new Transport()
  t.equal(transport.consumed, 0)
  transport.write(2)
  t.equal(transport.buffers.consumedOf(3), 0)
  transport.stream.resume()
  await turn()
  t.equal(transport.consumed, 4)
  transport.write(1)
  await turn()
  t.equal(transport.consumed, 6)
  t.equal(transport.consumed, 6)
})

t.test('what stands in a stream that it is piped into is held too', async t => {
  const transport = new Transport()
  const slow = new Slow()
  transport.stream.pipe(new PassThrough({ objectMode: true })).pipe(slow)
  for (let i = 0; i < 40; i++) transport.write(1)
  await turn()
  t.equal(transport.consumed, 0)
  await slow.take(10)
  const { consumed } = transport
  t.ok(consumed <= 20 && consumed >= 14, `${consumed} of 20: one on its way within a Transform may count twice`)
  await slow.take(30)
  t.equal(transport.consumed, 80)
})

t.test('where buffers count bytes, bytes are held', async t => {
  const stream = new PassThrough()
  const buffers = OwnBuffers.of(stream) as OwnBuffers
  stream.write('a\n')
  buffers.note('a\n', 2)
  stream.write(Buffer.from('bcd\n'))
  buffers.note(Buffer.from('bcd\n'), 6)
  t.equal(buffers.consumedOf(6), 0)
  stream.read(2)
  t.equal(buffers.consumedOf(6), 2)
  stream.read()
  t.equal(buffers.consumedOf(6), 6)
})
