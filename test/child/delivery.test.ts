import t from 'tap'
import { Calls } from '#lib/child/calls'
import { DeliveryRunner, isDeliverySink, type DeliverySink, type SinkBatch, type SendContext } from '#lib/child/delivery'
import type { SinkFailure } from '#lib/failure'

interface Call { batch: SinkBatch, context: SendContext, resolve: () => void, reject: (error: unknown) => void }

/** A runner whose sink does what the test says, and the recorded answers. */
function createRunner (more: Partial<DeliverySink> = {}) {
  const calls: Call[] = []
  const settled: Array<[id: string, failure: SinkFailure | undefined]> = []
  const runner = new DeliveryRunner({
    send: (batch, context) => new Promise<void>((resolve, reject) => { calls.push({ batch, context, resolve, reject }) }),
    ...more
  }, true, new Calls(), (id, failure) => settled.push([id, failure]))
  const order = (id: string, text: string, attempt = 1) => runner.send({ id, content: text, count: text.split('\n').length - 1, bytes: Buffer.byteLength(text), attempt })
  const orderBytes = (id: string, bytes: Buffer) => runner.send({ id, content: bytes, count: 1, bytes: bytes.length, attempt: 1 })
  return { runner, calls, settled, order, orderBytes }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

t.test('what has send, and is no stream, is a delivery sink', async t => {
  t.ok(isDeliverySink({ send () {} }))
  for (const other of [null, undefined, 'send', {}, { send: true }, { send () {}, write () {} }]) t.notOk(isDeliverySink(other))
})

t.test('what pino\'s crlf puts before newlines is a part of these', async t => {
  const { calls, order } = createRunner()
  order('l:1', '{"a":1}\r\n{"b":2}\r\n')
  await turn()
  t.same(calls[0]?.batch.lines, ['{"a":1}', '{"b":2}'])
  t.equal(calls[0]?.batch.text, '{"a":1}\r\n{"b":2}\r\n')
})

for (const [what, returned] of [['undefined', undefined], ['null', null], ['a boolean', true], ['an object', {}]] as const) {
  t.test(`a send that returns ${what} in place of a promise has failed, and is told what to return`, async t => {
    const { settled, order } = createRunner({ send: (() => returned) as unknown as DeliverySink['send'] })
    order('l:1', 'a\n')
    await turn()
    t.match(settled, [['l:1', { reason: 'write-error', err: { code: 'ERR_FANOUT_SINK_INVALID', message: `ERR_FANOUT_SINK_INVALID: send() must return a promise, it returned ${what}` } }]])
  })
}

t.test('a batch is given as text, as bytes and as lines, with its id, its size and the number of the attempt', async t => {
  const { runner, calls, order } = createRunner()
  const text = '{"a":1}\n{"b":"ü"}\n'
  order('l:1', text, 3)
  runner.send({ id: 'l:2', content: Buffer.from(text), count: 2, bytes: 19, attempt: 3 })
  await turn()
  calls[0]?.resolve()
  await turn()
  for (const [place, { batch, context }] of calls.entries()) {
    t.match(batch, { id: `l:${place + 1}`, count: 2, bytes: 19 })
    t.equal(batch.text, text)
    t.same(batch.buffer, Buffer.from(text))
    t.equal(batch.buffer, batch.buffer, 'the buffer is made once')
    t.same(batch.lines, ['{"a":1}', '{"b":"ü"}'])
    t.equal(batch.lines, batch.lines, 'the array is made once')
    t.equal(context.attempt, 3)
    t.equal(context.redelivers, true)
    t.equal(context.signal.aborted, false)
  }
  t.equal(calls.length, 2)
})

t.test('what the bytes of an order stand in may be written over at once', async t => {
  const { calls, orderBytes } = createRunner()
  const shared = Buffer.from('a\n')
  orderBytes('l:1', shared)
  shared.fill('x')
  orderBytes('l:2', shared.fill('b\n'))
  shared.fill('x')
  await turn()
  calls[0]?.resolve()
  await turn()
  t.same(calls.map(({ batch }) => batch.text), ['a\n', 'b\n'])
})

t.test('a sink may keep a batch as long as it likes', async t => {
  const { calls, orderBytes } = createRunner()
  for (const text of ['a\n', 'b\n', 'c\n']) {
    orderBytes(text, Buffer.from(text))
    await turn()
    calls.at(-1)?.resolve()
    await turn()
  }
  t.same(calls.map(({ batch }) => [batch.text, batch.buffer.toString()]), [['a\n', 'a\n'], ['b\n', 'b\n'], ['c\n', 'c\n']])
})

t.test('the memory of a batch whose sink keeps nothing is used again once it is settled, and not before', async t => {
  const { calls, orderBytes } = createRunner({ keepsNothing: true })
  orderBytes('l:1', Buffer.from('a\n'))
  orderBytes('l:2', Buffer.from('b\n'))
  await turn()
  const buffer = (call: number): Buffer => (calls[call] as Call).batch.buffer
  t.equal(buffer(0).toString(), 'a\n', 'while another waits')
  calls[0]?.reject(new Error('no'))
  await turn()
  t.equal(buffer(1).toString(), 'b\n')
  t.not(buffer(1).buffer, buffer(0).buffer)
  orderBytes('l:3', Buffer.from('longer\n'))
  orderBytes('l:4', Buffer.from('d\n'))
  t.equal(buffer(0).buffer.byteLength, 512 * 1024)
  calls[1]?.resolve()
  await turn()
  t.equal(buffer(2).toString(), 'longer\n')
  t.equal(buffer(2).buffer, buffer(0).buffer)
  t.equal(buffer(1).toString(), 'b\n', 'there are two of them now')
  calls[2]?.resolve()
  await turn()
  t.equal(buffer(3).toString(), 'd\n')
})

t.test('a batch that does not fit into that memory has some of its own', async t => {
  const { calls, orderBytes } = createRunner({ keepsNothing: true })
  const long = Buffer.alloc(600 * 1024, 'a')
  for (const bytes of [Buffer.from('b\n'), long, Buffer.from('c\n')]) {
    orderBytes('l', bytes)
    await turn()
    t.ok(calls.at(-1)?.batch.buffer.equals(bytes))
    calls.at(-1)?.resolve()
    await turn()
  }
  t.equal(calls[2]?.batch.buffer.buffer, calls[0]?.batch.buffer.buffer)
})

t.test('batches are sent one after another, each answered for by its id', async t => {
  const { calls, settled, order } = createRunner()
  order('l:1', 'a\n')
  order('l:2', 'b\n')
  await turn()
  t.equal(calls.length, 1)
  calls[0]?.resolve()
  await turn()
  calls[1]?.reject(Object.assign(new Error('no'), { statusCode: 503 }))
  await turn()
  t.same(settled[0], ['l:1', undefined])
  t.match(settled[1], ['l:2', { reason: 'http-503', err: { message: 'no' } }])
})

t.test('a send that throws at once is a rejection like any other', async t => {
  const { settled, order } = createRunner({ send () { throw Object.assign(new Error('no'), { code: 'ECONNRESET' }) } })
  order('l:1', 'a\n')
  await turn()
  t.match(settled, [['l:1', { reason: 'network', err: { code: 'ECONNRESET' } }]])
})

t.test('giving up aborts the signal of that batch, and of no other', async t => {
  const { runner, calls, order } = createRunner()
  order('l:1', 'a\n')
  await turn()
  runner.abort('l:9')
  t.equal(calls[0]?.context.signal.aborted, false)
  runner.abort('l:1')
  t.match(calls[0]?.context.signal.reason, { code: 'ERR_FANOUT_SINK_TIMEOUT' })
})

t.test('each batch has a signal of its own', async t => {
  const { runner, calls, order } = createRunner()
  order('l:1', 'a\n')
  await turn()
  calls[0]?.resolve()
  await turn()
  order('l:2', 'b\n')
  await turn()
  runner.abort('l:2')
  t.same(calls.map(({ context }) => context.signal.aborted), [false, true])
})

t.test('a sink that keeps nothing is given its signal again and again, and another after it was aborted', async t => {
  const { runner, calls, order } = createRunner({ keepsNothing: true })
  for (let n = 1; n <= 3; n++) {
    order(`l:${n}`, 'a\n')
    await turn()
    if (n === 2) runner.abort('l:2')
    calls[n - 1]?.resolve()
    await turn()
  }
  const [first, second, third] = calls.map(({ context }) => context.signal)
  t.equal(second, first)
  t.same([second?.aborted, third?.aborted], [true, false])
  runner.abort('l:3')
  runner.abortAll()
  t.equal(third?.aborted, false, 'nothing is under way')
})

t.test('getting rid of it aborts whatever is under way', async t => {
  const { runner, calls, order } = createRunner()
  order('l:1', 'a\n')
  await turn()
  runner.abortAll()
  t.match(calls[0]?.context.signal.reason, { code: 'ERR_FANOUT_CLOSED' })
})

t.test('flush and close wait for what is under way, and for the sink\'s own', async t => {
  const told: string[] = []
  const { runner, calls, order } = createRunner({ flush: async () => { told.push('flush') }, close: () => { told.push('close') } })
  order('l:1', 'a\n')
  const done = Promise.all([runner.flush(), runner.close()])
  await turn()
  t.same(told, [])
  calls[0]?.resolve()
  await done
  t.same(told.sort(), ['close', 'flush'])
  const bare = createRunner().runner
  await bare.flush()
  await bare.close()
})
