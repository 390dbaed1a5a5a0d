import { MessageChannel } from 'node:worker_threads'
import t from 'tap'
import { transferablesIn } from '#lib/child/transferables'

const { port1, port2 } = new MessageChannel()
t.teardown(() => port1.close())

t.test('ports are found wherever they stand in options, each once', async t => {
  t.same(transferablesIn({ port: port1, list: [{ inner: port2 }, port1], text: 'x', nothing: null }).map(found => found === port1 ? 1 : 2), [1, 2])
})

t.test('there is nothing to transfer in what can be copied', async t => {
  t.same(transferablesIn({ url: 'http://x', list: [1, 'a'], buffer: Buffer.alloc(3), date: new Date(0), map: new Map([['a', 1]]) }), [])
  t.same(transferablesIn(undefined), [])
})

t.test('an object that contains itself is looked at no further than it can be', async t => {
  const options: { self?: unknown, port: unknown } = { port: port1 }
  options.self = options
  t.same(transferablesIn(options), [port1])
})

t.test('an object with a class of its own is not looked into', async t => {
  class Client { port = port1 }
  t.same(transferablesIn({ client: new Client() }), [])
  t.same(transferablesIn(Object.assign(Object.create(null) as object, { port: port1 })), [port1])
})
