import t from 'tap'
import { DeliveryRunner, isDeliverySink, type DeliverySink, type SinkBatch, type SendContext } from '#lib/child/delivery'
import type { SinkFailure } from '#lib/failure'

interface Call { batch: SinkBatch, context: SendContext, resolve: () => void, reject: (error: unknown) => void }

/** A runner whose sink does what the test says, and what it has answered. */
function createRunner (more: Partial<DeliverySink> = {}) {
  const calls: Call[] = []
  const settled: Array<[id: string, failure: SinkFailure | undefined]> = []
  const runner = new DeliveryRunner({
    send: (batch, context) => new Promise<void>((resolve, reject) => { calls.push({ batch, context, resolve, reject }) }),
    ...more
  }, (id, failure) => settled.push([id, failure]))
  const order = (id: string, text: string, attempt = 1) => runner.send({ id, text, count: text.split('\n').length - 1, bytes: Buffer.byteLength(text), attempt })
  return { runner, calls, settled, order }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

t.test('what has send, and is no stream, is a delivery sink', async t => {
  t.ok(isDeliverySink({ send () {} }))
  for (const other of [null, undefined, 'send', {}, { send: true }, { send () {}, write () {} }]) t.notOk(isDeliverySink(other))
})

t.test('a batch is given as text and as lines, with its id, its size and the number of the attempt', async t => {
  const { calls, order } = createRunner()
  order('l:1', '{"a":1}\n{"b":"ü"}\n', 3)
  await turn()
  const [{ batch, context }] = calls as [Call]
  t.match(batch, { id: 'l:1', text: '{"a":1}\n{"b":"ü"}\n', count: 2, bytes: 19 })
  t.same(batch.lines, ['{"a":1}', '{"b":"ü"}'])
  t.equal(batch.lines, batch.lines, 'the array is made once')
  t.equal(context.attempt, 3)
  t.equal(context.signal.aborted, false)
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
