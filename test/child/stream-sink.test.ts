import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { mock } from 'node:test'
import { Duplex, PassThrough, Transform, Writable } from 'node:stream'
import { pino } from 'pino'
import t from 'tap'
import { Calls } from '#lib/child/calls'
import { isStream, joinPipeline, StreamSink, type StreamSinkDeps } from '#lib/child/stream-sink'
import { HandClock } from '../support/hand-clock.js'

type AnyStream = ConstructorParameters<typeof StreamSink>[0]

/** A watched stream, and its recorded callbacks. */
function watch (stream: unknown, { pipeline, ...options }: Partial<StreamSinkDeps> & { pipeline?: readonly AnyStream[] } = {}) {
  const told: Array<[what: string, detail?: unknown]> = []
  const sink = new StreamSink(stream as AnyStream, { sink: 'x', failureEvents: ['drop'], holdsSockets: () => false, sendsDatagrams: () => false, calls: new Calls(), ...options }, {
    onAccepted: bytes => told.push(['accepted', bytes]),
    onDelivered: bytes => told.push(['delivered', bytes]),
    onFailure: ({ reason, err }) => told.push([reason, err.message]),
    onLateDelivery: bytes => told.push(['late delivery', bytes]),
    onLateFault: ({ reason, err }) => told.push(['late', `${reason} ${err.message}`]),
    onEnded: () => told.push(['ended'])
  }, pipeline === undefined ? {} : { pipeline })
  return { sink, told, write: (text: string) => sink.write(text, Buffer.byteLength(text)) }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

function writable (write: (chunk: Buffer, done: (error?: Error) => void) => void = (_chunk, done) => done(), more = {}): Writable {
  return new Writable({ write: (chunk, _encoding, done) => write(chunk, done), ...more })
}

/** The least that a transport may return. */
class Bare extends EventEmitter {
  readonly written: unknown[] = []
  goesOn: boolean | undefined = true
  write (chunk: unknown): boolean | undefined {
    this.written.push(chunk)
    return this.goesOn
  }
}

t.test('what has write and on is a stream', async t => {
  t.ok(isStream(writable()) && isStream(new Bare()))
  for (const other of [null, undefined, {}, { write () {} }, 'text', new EventEmitter()]) t.notOk(isStream(other))
})

t.test('a write that answers by a promise has taken lines when that resolves, and has failed when it rejects', async t => {
  const answers: Array<{ resolve: () => void, reject: (error: Error) => void }> = []
  class Asynchronous extends EventEmitter {
    async write (): Promise<void> {
      await new Promise<void>((resolve, reject) => { answers.push({ resolve, reject }) })
    }
  }
  const { told, write } = watch(new Asynchronous())
  write('a\n')
  write('b\n')
  await turn()
  t.same(told, [])
  answers[0]?.resolve()
  await turn()
  t.same(told, [['accepted', 2]])
  answers[1]?.reject(new Error('no'))
  await turn()
  t.same(told, [['accepted', 2], ['write-error', 'no']])
})

t.test('a Writable takes bytes, unless it wants text or objects', async t => {
  t.equal(watch(writable()).sink.takes, 'bytes')
  t.equal(watch(writable(undefined, { decodeStrings: false })).sink.takes, 'text')
  t.equal(watch(writable(undefined, { objectMode: true })).sink.takes, 'text')
  t.equal(watch(new Bare()).sink.takes, 'text')
})

t.test('a sink that sends datagrams is given no more at a time than one holds, in whole lines', async t => {
  const long = 'x'.repeat(70000) + '\n'
  const short = 'y'.repeat(29999) + '\n'
  for (const decodeStrings of [true, false]) {
    const given: number[] = []
    const { told, write } = watch(writable((chunk, done) => {
      given.push(chunk.length)
      done()
    }, { decodeStrings }), { holdsSockets: () => true, sendsDatagrams: () => true })
    write(short + short + short + long + short)
    await turn()
    t.same(given, [60000, 30000, 70001, 30000])
    t.same(told.at(-1), ['accepted', 190001])
  }
})

t.test('a transport that keeps lines in its own buffers tells of them, and when they are gone', async t => {
  const clock = new HandClock().take()
  t.teardown(() => clock.release())
  const stream = new PassThrough()
  const told: Array<[accepted: number, consumed: number]> = []
  const sink = new StreamSink(stream, { sink: 'x', failureEvents: [], holdsSockets: () => false, sendsDatagrams: () => false, calls: new Calls() }, {
    onAccepted: (accepted, consumed) => { told.push([accepted, consumed]) }, onDelivered () {}, onFailure () {}, onLateDelivery () {}, onLateFault () {}, onEnded () {}
  })
  sink.write('a\n', 2)
  sink.write('b\n', 2)
  await turn()
  clock.advance(50)
  t.same(told, [[2, 0], [4, 0]])
  clock.advance(15000)
  stream.read(2)
  clock.advance(50)
  stream.read(2)
  t.equal(sink.consumedBytes, 4, 'somebody else has asked before')
  clock.advance(50)
  t.same(told.slice(2), [[4, 2], [4, 4]])
  t.equal(clock.timers, 0)
})

t.test('what stands in a socket of a sink that calls back at once', async t => {
  t.test('is accepted in its order, as the socket sends it', async t => {
    const clock = new HandClock().take()
    t.teardown(() => clock.release())
    const socketTraffic = { written: 0, sent: 0 }
    const { told, write } = watch(writable((chunk, done) => {
      socketTraffic.written += chunk.length
      done()
    }), { holdsSockets: () => true, sense: { isQuiet: false, isBusy: false, socketTraffic, reportBySink () {} } })
    write('a\n')
    await turn()
    write('bc\n')
    await turn()
    clock.advance(100)
    t.same(told, [])
    socketTraffic.sent = 2
    clock.advance(20)
    t.same(told, [['accepted', 2]])
    socketTraffic.sent = 5
    clock.advance(20)
    t.same(told, [['accepted', 2], ['accepted', 5]])
  })

  t.test('is not waited for once the sink is got rid of', async t => {
    const clock = new HandClock().take()
    t.teardown(() => clock.release())
    const socketTraffic = { written: 10, sent: 0 }
    const { told, write, sink } = watch(writable(), { holdsSockets: () => true, sense: { isQuiet: false, isBusy: false, socketTraffic, reportBySink () {} } })
    write('a\n')
    await turn()
    sink.destroy()
    socketTraffic.sent = 10
    clock.advance(100)
    t.same(told, [])
  })
})

t.test('evidence', async t => {
  t.test('the write callback of a Writable is delivery', async t => {
    const { told, write } = watch(writable())
    write('a\n')
    write('bc\n')
    await turn()
    t.same(told, [['accepted', 2], ['delivered', 2], ['accepted', 5], ['delivered', 5]])
  })

  t.test('it is acceptance only, where its thread holds sockets', async t => {
    const { told, write } = watch(writable(), { holdsSockets: () => true })
    write('a\n')
    await turn()
    t.same(told, [['accepted', 2]])
  })

  t.test('and for a Transform, whose other end is not known', async t => {
    const { told, write, sink } = watch(new Transform({ transform: (chunk, _encoding, done) => done(null, chunk) }))
    write('a\n')
    await turn()
    t.same(told, [['accepted', 2]])
    t.equal(sink.consumedBytes, 0, 'nobody has read it')
  })

  t.test('what a transport has taken out of its stream is consumed', async t => {
    const stream = new Transform({ transform: (chunk, _encoding, done) => done(null, chunk) })
    const { write, sink } = watch(stream)
    write('a\n')
    stream.resume()
    await turn()
    t.equal(sink.consumedBytes, 2)
  })

  t.test('a SonicBoom counts the bytes that it has written', async t => {
    const file = join(t.testdir(), 'out.log')
    const destination = pino.destination({ dest: file, sync: false })
    await once(destination, 'ready')
    const { told, write, sink } = watch(destination)
    t.equal(sink.takes, 'text')
    const written = once(destination, 'write')
    write('größe\n')
    t.same(told, [])
    await written
    t.same(told, [['delivered', 8]])
    sink.end()
    await once(destination, 'close')
    t.equal(readFileSync(file, 'utf8'), 'größe\n')
    t.same(told.at(-1), ['ended'])
  })

  t.test('a SonicBoom with a minLength accepts at once what it keeps back', async t => {
    const destination = pino.destination({ dest: join(t.testdir(), 'out.log'), sync: false, minLength: 4096, contentMode: 'buffer' } as Parameters<typeof pino.destination>[0])
    await once(destination, 'ready')
    const { told, sink } = watch(destination)
    t.equal(sink.takes, 'bytes')
    sink.write(Buffer.from('a\n'), 2)
    t.same(told, [['accepted', 2]])
    sink.end()
    await once(destination, 'close')
    t.same(told.slice(1), [['delivered', 2], ['ended']])
  })

  t.test('what only returns has accepted, or will have once it drains', async t => {
    const stream = new Bare()
    const { told, write } = watch(stream)
    write('a\n')
    stream.goesOn = undefined
    write('b\n')
    stream.goesOn = false
    write('c\n')
    write('d\n')
    stream.goesOn = true
    write('e\n')
    t.same(told, [['accepted', 2], ['accepted', 4]])
    t.equal(stream.listenerCount('drain'), 1)
    stream.emit('drain')
    t.same(told.slice(2), [['accepted', 10]])
  })
})

t.test('failures', async t => {
  const faults: Array<[what: string, reason: string, fault: (stream: Writable) => void]> = [
    ['emits error', 'stream-error', stream => { stream.emit('error', new Error('boom')) }],
    ['emits an event that means failure, with an error', 'stream-error', stream => { stream.emit('drop', 'x', new Error('boom')) }],
    ['emits an event that means failure, without one', 'stream-error', stream => { stream.emit('drop', 'the line') }],
    ['closes early', 'closed-early', stream => { stream.emit('close') }],
    ['finishes early', 'closed-early', stream => { stream.emit('finish') }],
    ['ends early', 'closed-early', stream => { stream.emit('end') }]
  ]
  for (const [what, reason, fault] of faults) {
    t.test(`a stream that ${what} has failed, once`, async t => {
      const stream = writable()
      const { told, write } = watch(stream)
      fault(stream)
      fault(stream)
      write('a\n')
      await turn()
      t.equal(told.length, 1)
      t.equal(told[0]?.[0], reason)
      t.notMatch(told[0]?.[1], 'the line')
    })
  }

  t.test('a write that throws is a failure', async t => {
    const stream = new Bare()
    stream.write = () => { throw new Error('boom') }
    const { told, write } = watch(stream)
    write('a\n')
    t.same(told, [['write-error', 'boom']])
  })

  t.test('so is a callback with an error', async t => {
    const { told, write } = watch(writable((_chunk, done) => done(new Error('boom'))))
    write('a\n')
    await turn()
    t.same(told, [['write-error', 'boom']])
  })

  t.test('a stream that is destroyed is found at the next write', async t => {
    const stream = new Bare()
    const { told, write } = watch(Object.assign(stream, { destroyed: true }))
    write('a\n')
    await turn()
    t.match(told, [['destroyed', /is destroyed/]])
    t.same(stream.written, [])
  })

  t.test('a stream that is errored or destroyed without a word is found within a second, while lines are on their way', async t => {
    mock.timers.enable({ apis: ['setInterval'] })
    t.teardown(() => mock.timers.reset())
    const stream: Bare & { errored?: Error } = new Bare()
    const { told, write } = watch(stream)
    write('a\n')
    stream.errored = new Error('quietly')
    mock.timers.tick(1000)
    await turn()
    t.same(told.slice(1), [['destroyed', 'quietly']])
  })

  t.test('an idle stream is looked at no more', async t => {
    mock.timers.enable({ apis: ['setInterval'] })
    t.teardown(() => mock.timers.reset())
    const stream: Bare & { destroyed?: boolean } = new Bare()
    const { told, write } = watch(stream)
    write('a\n')
    mock.timers.tick(20000)
    stream.destroyed = true
    mock.timers.tick(20000)
    t.same(told, [['accepted', 2]])
  })

  t.test('once it is destroyed only its late errors are told, as such', async t => {
    const stream = new Bare()
    const { sink, told } = watch(Object.assign(stream, { destroy () { throw new Error('cannot') } }))
    sink.destroy()
    stream.emit('error', new Error('late'))
    sink.end()
    t.same(told, [['late', 'stream-error late']])
  })
})

t.test('flush', async t => {
  const flushed = async (flush: unknown): Promise<void> => {
    const { sink } = watch(Object.assign(new Bare(), flush === undefined ? {} : { flush }))
    await sink.flush()
  }
  await flushed(undefined)
  await flushed((done: () => void) => { setImmediate(done) })
  await flushed(async () => {})
  await flushed(async (_done: () => void) => {})
  await t.rejects(flushed((done: (error: Error) => void) => done(new Error('full'))), { message: 'full' })
  await t.rejects(flushed(async (_done: () => void) => { throw new Error('full') }), { message: 'full' })
})

t.test('the end', async t => {
  t.test('an orderly end is the close that follows it', async t => {
    const stream = writable()
    const { sink, told } = watch(stream)
    sink.end()
    sink.end()
    t.same(told, [])
    await once(stream, 'close')
    t.same(told, [['ended']])
  })

  t.test('what cannot end has ended', async t => {
    const { sink, told } = watch(new Bare())
    sink.end()
    t.same(told, [['ended']])
  })

  t.test('an end that throws is a failure', async t => {
    const { sink, told } = watch(Object.assign(new Bare(), { end () { throw new Error('boom') } }))
    sink.end()
    t.same(told, [['stream-error', 'boom']])
  })

  t.test('a stream that is destroyed as it is ended has failed', async t => {
    const { sink, told } = watch(Object.assign(new Bare(), { destroyed: true, end () {} }))
    sink.end()
    await turn()
    t.match(told, [['destroyed', /is destroyed/]])
  })

  t.test('an event that means failure elsewhere means none while it ends', async t => {
    const stream = Object.assign(new Bare(), { end () {} })
    const { sink, told } = watch(stream)
    sink.end()
    stream.emit('drop', 'x')
    stream.emit('error', new Error('boom'))
    t.same(told, [['stream-error', 'boom']])
  })

  t.test('a Writable that never closes has ended half a second after its finish', async t => {
    mock.timers.enable({ apis: ['setInterval'] })
    t.teardown(() => mock.timers.reset())
    const stream = writable(undefined, { emitClose: false })
    const { sink, told } = watch(stream)
    sink.end()
    await once(stream, 'finish')
    mock.timers.tick(500)
    t.same(told, [['ended']])
  })

  t.test('so it has when its last lines came ten seconds ago, from when on it is not looked at any more', async t => {
    mock.timers.enable({ apis: ['setInterval'] })
    t.teardown(() => mock.timers.reset())
    const stream = writable(undefined, { emitClose: false })
    const { sink, told, write } = watch(stream)
    write('a\n')
    await turn()
    mock.timers.tick(9900)
    sink.end()
    await once(stream, 'finish')
    mock.timers.tick(500)
    t.same(told.at(-1), ['ended'])
  })

  t.test('a Duplex that never closes is waited for, until its last request has its answer', async t => {
    mock.timers.enable({ apis: ['setInterval'] })
    t.teardown(() => mock.timers.reset())
    const ended = async (isQuiet?: boolean) => {
      const stream = new Duplex({ read () {}, write: (_chunk, _encoding, done) => done(), emitClose: false, autoDestroy: false })
      const { sink, told } = watch(stream, isQuiet === undefined ? {} : { sense: { isQuiet, isBusy: false, socketTraffic: { written: 0, sent: 0 }, reportBySink () {} } })
      sink.end()
      await once(stream, 'finish')
      mock.timers.tick(500)
      return told
    }
    t.same(await ended(), [])
    t.same(await ended(false), [])
    t.same(await ended(true), [['ended']])
  })
})

t.test('a stream that closes with a request under way has ended with the answer to it', async t => {
  const clock = new HandClock().take()
  t.teardown(() => clock.release())
  const sense = { isQuiet: false, isBusy: true, socketTraffic: { written: 0, sent: 0 }, reportBySink () {} }
  const stream = writable()
  const { sink, told } = watch(stream, { sense })
  sink.end()
  await once(stream, 'close')
  clock.advance(200)
  t.same(told, [])
  sense.isBusy = false
  clock.advance(50)
  t.same(told, [['ended']])
})

t.test('a pipeline', async t => {
  const build = (tail: Writable) => {
    const transform = new Transform({ transform: (chunk, _encoding, done) => done(null, chunk.toString().toUpperCase()) })
    const pipeline = [transform, tail] as unknown as AnyStream[]
    const head: Writable = joinPipeline(pipeline, error => watched.sink.done(error))
    const watched: ReturnType<typeof watch> = watch(head, { pipeline })
    return watched
  }

  t.test('accepts at its head, and has ended when its tail is done, not when its head closes', async t => {
    const arrived: string[] = []
    let finish = (): void => {}
    const { sink, told, write } = build(writable((chunk, done) => { arrived.push(chunk.toString()); done() }, { final: (done: () => void) => { finish = done } }))
    write('a\n')
    await turn()
    t.same(told, [['accepted', 2]])
    sink.end()
    await turn()
    await turn()
    t.same(arrived, ['A\n'])
    t.same(told.slice(1), [])
    finish()
    await turn()
    t.same(told.slice(1), [['ended']])
  })

  t.test('fails if any of its streams does', async t => {
    const tail = writable((_chunk, done) => done(new Error('boom')))
    const { told, write } = build(tail)
    const closed = new Promise(resolve => tail.once('close', resolve))
    write('a\n')
    await closed
    await turn()
    t.same(told.filter(([what]) => what !== 'accepted'), [['stream-error', 'boom']])
  })

  t.test('fails if any of its streams emits an event that means failure', async t => {
    const tail = writable()
    const { told } = build(tail)
    tail.emit('drop', new Error('lost'))
    t.same(told, [['stream-error', 'lost']])
  })

  t.test('that closes unasked has closed early', async t => {
    const tail = writable()
    const { told } = build(tail)
    tail.destroy()
    await once(tail, 'close')
    await turn()
    t.match(told, [['closed-early', /closed before/]])
  })
})
