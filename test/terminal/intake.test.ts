import { createReadStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { readInto, type Input, type IntakeEnd } from '#lib/terminal/intake'
import { HandClock } from '../support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => clock.release())

/** A stream that takes one chunk at a time; the next one once it is told to go on. */
class Slow extends Writable {
  text = ''
  goOn: () => void = () => {}

  constructor () {
    super({ highWaterMark: 1 })
  }

  override _write (chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    this.goOn = done
  }
}

class Fast extends Slow {
  override _write (chunk: Buffer, encoding: BufferEncoding, done: () => void): void {
    super._write(chunk, encoding, done)
    done()
  }
}

function begin (stream: Slow, input: Input = new PassThrough()): { input: PassThrough, stopping: AbortController, end: Promise<IntakeEnd> } {
  const stopping = new AbortController()
  return { input: input as PassThrough, stopping, end: readInto(stream, input, stopping.signal) }
}

async function turns (): Promise<void> {
  for (let n = 0; n < 5; n++) await nextTurn()
}

t.test('everything is written, also a last line without an end, and the end is told', async t => {
  const stream = new Fast()
  const { input, end } = begin(stream)
  input.write('one\ntw')
  input.end('o\nthree')
  t.same(await end, { kind: 'complete' })
  t.equal(stream.text, 'one\ntwo\nthree')
})

t.test('an input is not read while the transport takes nothing', async t => {
  const stream = new Slow()
  const { input, end } = begin(stream)
  for (const line of ['one\n', 'two\n', 'three\n']) input.write(line)
  await turns()
  t.equal(stream.text, 'one\n')
  t.ok(input.isPaused())
  while (stream.text !== 'one\ntwo\nthree\n') {
    stream.goOn()
    await turns()
  }
  input.end()
  stream.goOn()
  t.match(await end, { kind: 'complete' })
})

t.test('after a signal it reads on for a moment, for the last words of an app that got it too', async t => {
  const stream = new Fast()
  const { input, stopping, end } = begin(stream)
  input.write('one\n')
  await turns()
  stopping.abort('SIGINT')
  clock.advance(900)
  input.write('bye\n')
  await turns()
  clock.advance(100)
  t.same(await end, { kind: 'stopped', isEmpty: true })
  t.equal(stream.text, 'one\nbye\n')
  t.equal(clock.timers, 0)
})

t.test('an app that ends within that moment is read to its end', async t => {
  const stream = new Fast()
  const { input, stopping, end } = begin(stream)
  stopping.abort('SIGINT')
  input.end('bye\n')
  t.same(await end, { kind: 'complete' })
  t.equal(clock.timers, 0)
})

t.test('it stops behind a whole line, and tells that something is left', async t => {
  const stream = new Fast()
  const { input, stopping, end } = begin(stream)
  input.write('one\ntw')
  await turns()
  stopping.abort('SIGTERM')
  clock.advance(1000)
  input.write('o\nthree\n')
  t.same(await end, { kind: 'stopped', isEmpty: false })
  t.equal(stream.text, 'one\ntwo\n')
})

t.test('an app that stands still within a line is not waited for any longer', async t => {
  const stream = new Fast()
  const { input, stopping, end } = begin(stream)
  input.write('one\ntw')
  await turns()
  stopping.abort('SIGTERM')
  clock.advance(2000)
  t.same(await end, { kind: 'stopped', isEmpty: false }, 'the rest of the line is left')
  t.equal(stream.text, 'one\ntw')
})

t.test('a transport that takes nothing yet is waited for until the line is whole', async t => {
  const stream = new Slow()
  const { input, stopping, end } = begin(stream)
  input.write('tw')
  await turns()
  input.write('o\nthree\n')
  stopping.abort('SIGTERM')
  clock.advance(5000)
  stream.goOn()
  t.same(await end, { kind: 'stopped', isEmpty: false })
  stream.goOn()
  t.equal(stream.text, 'two\n')
})

t.test('an error of the input is told, and later ones are not', async t => {
  const { input, end } = begin(new Fast())
  input.destroy(new Error('read EIO'))
  t.match(await end, { kind: 'failed', error: { message: 'read EIO' } })
  t.doesNotThrow(() => input.emit('error', new Error('again')))
})

t.test('what is left in a file is seen', async t => {
  const path = join(t.testdir(), 'lines')
  writeFileSync(path, 'line\n'.repeat(100000))
  const stream = new Slow()
  const input = createReadStream(path) as unknown as Input
  const { stopping, end } = begin(stream, input)
  while (stream.text === '') await nextTurn()
  stopping.abort('SIGTERM')
  clock.advance(1000)
  stream.goOn()
  t.match(await end, { kind: 'stopped', isEmpty: false })
  input.destroy()
})
