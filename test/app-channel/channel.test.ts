import { once } from 'node:events'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { serveChannel } from '#lib/app-channel/channel-server'
import { processTime } from '#lib/app-channel/messages'
import { FanoutError } from '#lib/errors'
import { block, codeOf, FakeControls, FakeTransport, openClient, received } from '../support/channel-rig.js'
import { until } from '../support/fanout-rig.js'
import { freshSink, snapshotOf } from '../support/snapshots.js'

const event = { sink: 'loki', from: 'closed', to: 'open', reason: 'network', generation: 1, consecutiveFailures: 5, openForMs: 0, retryInMs: 30000, time: 1 } as const
const notice = { sink: 'loki', kind: 'stalled', time: 1, facts: { lines: 5, forMs: 10000 } } as const
/** A call that nobody answers waits this long. */
const SHORT_MS = 20

t.test('every call reaches the controls with its arguments, and is answered', async t => {
  const { controls, client } = open(t)
  controls.last = snapshotOf(freshSink('loki', { linesDelivered: 7 }))
  t.same(await client.snapshot(), controls.last)
  for (const action of ['open', 'close', 'reset', 'replay', 'reopen'] as const) await client.act(action, 'loki')
  t.same(await client.reopenFiles(), ['app.log'])
  await client.setLevel('debug', 'loki')
  await client.setLevel(20, undefined)
  t.same(controls.calls.filter(([method]) => method !== 'snapshot'), [
    ['act', 'open', 'loki'], ['act', 'close', 'loki'], ['act', 'reset', 'loki'], ['act', 'replay', 'loki'], ['act', 'reopen', 'loki'],
    ['reopenFiles'], ['setLevel', 'debug', 'loki'], ['setLevel', 20, undefined]
  ])
})

t.test('calls at the same time are each answered on their own', async t => {
  const { controls, client } = open(t)
  controls.onSetLevel = () => { throw new FanoutError('ERR_FANOUT_UNKNOWN_LEVEL', 'expected a number, got "loud"') }
  t.same(await Promise.all([client.snapshot(), codeOf(client.setLevel('loud', undefined)), client.reopenFiles()]), [controls.last, 'ERR_FANOUT_UNKNOWN_LEVEL', ['app.log']])
})

t.test('an error comes with its code, its message and its sink', async t => {
  const { controls, client } = open(t)
  const thrown = new FanoutError('ERR_FANOUT_UNKNOWN_SINK', 'there is no target "lokki"', { sink: 'lokki' })
  controls.onAct = async () => { throw thrown }
  const error = await client.act('open', 'lokki').catch((error: unknown) => error)
  t.ok(error instanceof FanoutError)
  t.match(error, { code: thrown.code, message: thrown.message, sink: 'lokki' })
})

t.test('an error that is not of this package comes as its text', async t => {
  const { controls, client } = open(t)
  controls.onAct = async () => { throw new RangeError('out of range') }
  await t.rejects(client.act('open', 'loki'), { message: 'RangeError: out of range' })
})

t.test('transitions and notices reach the client in order', async t => {
  const { controls, client, told } = open(t)
  await client.snapshot()
  for (const listener of controls.listeners) {
    listener.onTransition?.(event)
    listener.onNotice?.(notice)
    listener.onTransition?.({ ...event, to: 'half-open' })
  }
  await client.snapshot()
  t.same(told, { transitions: [event, { ...event, to: 'half-open' }], notices: [notice], ends: [] })
})

t.test('after the end a client has the last snapshot, and nothing else can be done', async t => {
  const { controls, client, told, transport } = open(t)
  await client.snapshot()
  controls.end()
  await until(() => told.ends.length > 0, 'the end')
  t.same(told.ends, [controls.last])
  t.match(await client.snapshot(), { hasEnded: true })
  t.equal(await codeOf(client.act('open', 'loki')), 'ERR_FANOUT_CLOSED')
  t.equal(await codeOf(client.reopenFiles()), 'ERR_FANOUT_CLOSED')
  t.equal(await codeOf(client.setLevel('debug', undefined)), 'ERR_FANOUT_CLOSED')
  transport.close()
  t.equal(told.ends.length, 1, 'it has ended once')
  t.equal(transport.listenerCount('close') + transport.listenerCount('ready'), 0)
})

t.test('a client that comes after the end, while the thread still turns, gets the last snapshot', async t => {
  const controls = new FakeControls()
  controls.end()
  const { client, told } = open(t, controls)
  t.match(await client.snapshot(), { hasEnded: true })
  t.same(told.ends, [controls.last])
})

t.test('calls that are pending at the end are settled: a snapshot with the last one, others with an error', async t => {
  const { controls, client } = open(t)
  await client.snapshot()
  controls.onAct = () => new Promise(() => {})
  const acting = client.act('reopen', 'loki')
  await until(() => controls.calls.some(([method]) => method === 'act'), 'the call')
  controls.end()
  t.equal(await codeOf(acting), 'ERR_FANOUT_CLOSED')
})

t.test('the stream may close before the last messages have been handled', async t => {
  const { controls, client, told, transport } = open(t)
  await client.snapshot()
  controls.end()
  transport.close()
  t.same(told.ends, [controls.last])
  t.match(await client.snapshot(), { hasEnded: true })
})

t.test('a call that nobody answers rejects, and has no effect later', async t => {
  const transport = new FakeTransport()
  const { client } = openClient(transport, SHORT_MS)
  t.teardown(() => client.close())
  t.equal(await codeOf(client.act('open', 'loki')), 'ERR_FANOUT_NO_ANSWER')
  t.match(await client.act('open', 'loki').catch((error: Error) => error.message), /nothing was done.*not one of pino\.transport/)
  const controls = new FakeControls()
  serveChannel(transport.offered[0] as MessagePort, controls)
  await until(() => controls.calls.length > 0, 'the server')
  t.same(await codeOf(client.snapshot()), 'resolved', 'it answers later calls')
  t.notOk(controls.calls.some(([method]) => method === 'act'))
})

t.test('a call that was sent to a thread that is blocked rejects, and is not carried out by it later', async t => {
  const transport = new FakeTransport()
  const { client } = openClient(transport, SHORT_MS)
  t.teardown(() => client.close())
  const thread = transport.offered[0] as MessagePort
  thread.postMessage({ type: 'open' })
  t.match(await client.act('open', 'loki').catch((error: Error) => error.message), /has not answered within 20 ms, and will not do it any more/)
  t.match(await client.snapshot().catch((error: { code: string }) => error.code), 'ERR_FANOUT_NO_ANSWER')
  const [late] = received(thread) as Array<{ dueAt: number }>
  t.ok((late as { dueAt: number }).dueAt < processTime())
  const controls = new FakeControls()
  serveChannel(thread, controls)
  // The port has been emptied above. This is what it would have read.
  const { port1, port2 } = new MessageChannel()
  serveChannel(port2, controls)
  port1.postMessage(late)
  port1.postMessage({ id: 3, call: { method: 'reopenFiles' }, dueAt: processTime() + 60000 })
  await until(() => controls.calls.some(([method]) => method === 'reopenFiles'), 'the second call')
  t.notOk(controls.calls.some(([method]) => method === 'act'))
  port1.close()
})

t.test('an answer that came while the app was blocked counts', async t => {
  const transport = new FakeTransport()
  const { client } = openClient(transport, SHORT_MS)
  t.teardown(() => client.close())
  const thread = transport.offered[0] as MessagePort
  thread.postMessage({ type: 'open' })
  const opened = codeOf(client.snapshot())
  await until(() => received(thread).length > 0, 'the call')
  const answered = client.reopenFiles()
  thread.postMessage({ type: 'answer', id: 2, value: ['app.log'] })
  block(3 * SHORT_MS)
  t.same(await answered, ['app.log'])
  t.equal(await opened, 'ERR_FANOUT_NO_ANSWER')
})

t.test('a call that takes long is waited for while the transport says that it is at work on it, and no longer', async t => {
  const transport = new FakeTransport()
  const { client } = openClient(transport, SHORT_MS)
  t.teardown(() => client.close())
  const thread = transport.offered[0] as MessagePort
  thread.postMessage({ type: 'open' })
  const acting = client.act('reopen', 'loki')
  let isPending = true
  acting.catch(() => {}).finally(() => { isPending = false })
  for (let times = 0; times < 5; times++) {
    thread.postMessage({ type: 'alive', ids: [1] })
    block(2 * SHORT_MS)
    await new Promise(setImmediate)
    t.ok(isPending)
  }
  t.match(await acting.catch((error: Error) => error), { code: 'ERR_FANOUT_NO_ANSWER', message: /has begun with this/ })
})

t.test('work on one call does not excuse that another one is not answered', async t => {
  const transport = new FakeTransport()
  const { client } = openClient(transport, SHORT_MS)
  const thread = transport.offered[0] as MessagePort
  thread.postMessage({ type: 'open' })
  const [unheard, acting] = [codeOf(client.snapshot()), codeOf(client.act('reopen', 'loki'))]
  let isPending = true
  unheard.finally(() => { isPending = false })
  for (let times = 0; times < 3; times++) {
    thread.postMessage({ type: 'alive', ids: [2] })
    block(2 * SHORT_MS)
    await new Promise(setImmediate)
  }
  t.notOk(isPending)
  client.close()
  t.equal(await acting, 'ERR_FANOUT_CLOSED')
})

t.test('the server says that it is at work until a call is done', async t => {
  const controls = new FakeControls()
  const { port1, port2 } = new MessageChannel()
  t.teardown(() => port1.close())
  serveChannel(port2, controls)
  let finish = (): void => {}
  controls.onAct = () => new Promise(resolve => { finish = resolve })
  const messages: Array<{ type: string, ids?: number[] }> = []
  port1.on('message', message => messages.push(message))
  port1.postMessage({ id: 1, call: { method: 'act', action: 'reopen', sink: 'loki' }, dueAt: processTime() + 60000 })
  await until(() => messages.filter(({ type }) => type === 'alive').length > 1, 'two signs of life')
  t.same(messages[1], { type: 'alive', ids: [1] })
  finish()
  await until(() => messages.some(({ type }) => type === 'answer'), 'the answer')
})

t.test('a call on a transport that is starting waits for it, longer than for an answer', async t => {
  const transport = new FakeTransport()
  transport.ready = false
  const { client } = openClient(transport, SHORT_MS)
  const early = client.reopenFiles()
  const other = openClient(new FakeTransport(), SHORT_MS).client
  for (let times = 0; times < 3; times++) await codeOf(other.snapshot())
  serveChannel(transport.offered[0] as MessagePort, new FakeControls())
  t.same(await early, ['app.log'])
  client.close()
})

t.test('once the transport is ready, somebody has to answer', async t => {
  const transport = new FakeTransport()
  transport.ready = false
  const { client } = openClient(transport, SHORT_MS)
  t.teardown(() => client.close())
  let outcome: unknown
  codeOf(client.snapshot()).then(code => { outcome = code })
  transport.becomeReady()
  const other = openClient(new FakeTransport(), SHORT_MS).client
  for (let times = 0; times < 3; times++) await codeOf(other.snapshot())
  t.equal(outcome, 'ERR_FANOUT_NO_ANSWER')
})

t.test('the channel is offered again to a transport that was not there in time for the first offer', async t => {
  const transport = new FakeTransport()
  transport.ready = false
  const { client } = openClient(transport)
  t.teardown(() => client.close())
  const early = client.reopenFiles()
  transport.becomeReady()
  t.equal(transport.offered.length, 2)
  serveChannel(transport.offered[1] as MessagePort, new FakeControls())
  t.same(await early, ['app.log'])
})

t.test('a server that gets a port which the client has closed already listens to nothing', async t => {
  const controls = new FakeControls()
  const { port1, port2 } = new MessageChannel()
  port1.close()
  await once(port1, 'close')
  serveChannel(port2, controls)
  await until(() => controls.listeners.size === 0, 'the server to stop')
  t.same(controls.calls, [['snapshot']])
})

t.test('a thread that has exited is told from one that has ended in good order', async t => {
  const died = open(t)
  await died.client.snapshot()
  const pending = codeOf(died.client.reopenFiles())
  died.controls.onAct = () => new Promise(() => {})
  const acting = codeOf(died.client.act('reopen', 'loki'))
  await pending
  const cause = new Error('the worker thread exited')
  died.transport.close(cause)
  t.equal(await acting, 'ERR_FANOUT_NO_ANSWER')
  t.match(await died.client.snapshot().catch((error: unknown) => error), { code: 'ERR_FANOUT_NO_ANSWER', message: /exited/, cause })
  t.same(died.told.ends, [undefined])

  const ended = new FakeTransport()
  ended.close()
  t.equal(await codeOf(openClient(ended).client.act('open', 'loki')), 'ERR_FANOUT_CLOSED')
  ended.close(cause)
  t.equal(await codeOf(openClient(ended).client.snapshot()), 'ERR_FANOUT_NO_ANSWER')
  t.equal(ended.offered.length, 0)
})

t.test('a server that cannot be loaded is told at once', async t => {
  const transport = new FakeTransport()
  const { client } = openClient(transport)
  const call = client.snapshot()
  ;(transport.offered[0] as MessagePort).postMessage({ type: 'fault', message: 'Error: Cannot find module' })
  t.match(await call.catch((error: unknown) => error), { code: 'ERR_FANOUT_NO_ANSWER', message: /cannot be monitored: Error: Cannot find module/ })
})

t.test('a client that is closed leaves nothing behind, at either end', async t => {
  const { controls, client, transport, told } = open(t)
  await client.snapshot()
  controls.onAct = () => new Promise(() => {})
  const pending = codeOf(client.act('reopen', 'loki'))
  client.close()
  t.equal(await pending, 'ERR_FANOUT_CLOSED')
  t.equal(await codeOf(client.snapshot()), 'ERR_FANOUT_CLOSED')
  await until(() => controls.listeners.size === 0, 'the server to stop')
  t.equal(transport.listenerCount('close') + transport.listenerCount('ready'), 0)
  transport.close()
  t.same(told.ends, [])
})

t.test('several clients of one transport do not disturb one another', async t => {
  const controls = new FakeControls()
  const clients = [open(t, controls), open(t, controls)] as const
  await Promise.all(clients.map(({ client }) => client.act('open', 'loki')))
  t.equal(controls.calls.filter(([method]) => method === 'act').length, 2)
  clients[0].client.close()
  await until(() => controls.listeners.size === 1, 'one to leave')
  t.same(await clients[1].client.reopenFiles(), ['app.log'])
})

/** A client and a served transport. */
function open (t: Test, controls = new FakeControls()): ReturnType<typeof openClient> & { controls: FakeControls, transport: FakeTransport } {
  const transport = new FakeTransport()
  const opened = openClient(transport)
  serveChannel(transport.offered[0] as MessagePort, controls)
  t.teardown(() => opened.client.close())
  return { ...opened, controls, transport }
}
