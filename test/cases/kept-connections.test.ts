import { channel } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import createHttpSink, { type HttpSinkOptions } from 'pino-breaker-fanout/http'
import t, { type Test } from 'tap'
import { until } from '../support/fanout-rig.js'
import { onEachRequest, openSocketServer } from '../support/http-backend.js'
import { attempt, batchOf, rejectionOf } from '../support/http-sinks.js'

const batch = batchOf(['{"n":1}', '{"n":2}'])
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'

interface Arrivals { url: string, sockets: Socket[], requests: number }

/** A backend that does this with each request, by its number and by the number of the request within its connection. */
async function serverThat (t: Test, does: (socket: Socket, ofConnection: number, request: number) => void): Promise<Arrivals> {
  const arrivals: Arrivals = { url: '', sockets: [], requests: 0 }
  arrivals.url = await openSocketServer(t, socket => {
    arrivals.sockets.push(socket)
    let count = 0
    onEachRequest(socket, () => does(socket, ++count, ++arrivals.requests))
  })
  return arrivals
}

function sinkFor (t: Test, options: HttpSinkOptions) {
  const sink = createHttpSink(options)
  t.teardown(() => sink.close?.())
  return sink
}

for (const [how, close] of [['closes', (socket: Socket) => socket.end()], ['resets', (socket: Socket) => socket.resetAndDestroy()]] as const) {
  t.test(`a kept connection that the backend ${how} as the next request comes is no failure`, async t => {
    const server = await serverThat(t, (socket, ofConnection) => ofConnection === 1 ? socket.write(OK) : close(socket))
    const sink = sinkFor(t, { url: server.url })
    for (let n = 0; n < 5; n++) await sink.send(batch, attempt())
    t.equal(server.sockets.length, 5)
  })

  t.test(`a kept connection that the backend ${how} while it is idle is not used again`, async t => {
    const server = await serverThat(t, socket => socket.write(OK))
    const sink = sinkFor(t, { url: server.url })
    const clients: Socket[] = []
    const onConnect = (message: unknown): void => { clients.push((message as { socket: Socket }).socket) }
    channel('net.client.socket').subscribe(onConnect)
    t.teardown(() => channel('net.client.socket').unsubscribe(onConnect))
    for (let n = 0; n < 3; n++) {
      await sink.send(batch, { ...attempt(), redelivers: false })
      const socket = server.sockets.at(-1) as Socket
      close(socket)
      await until(() => socket.destroyed && clients.at(-1)?.destroyed === true, 'both ends of the connection to be closed')
    }
    t.equal(server.requests, 3)
  })
}

t.test('what is broken off on a new connection too is a failure, and tried no further', async t => {
  const server = await serverThat(t, (socket, _, request) => request === 1 ? socket.write(OK) : socket.resetAndDestroy())
  const sink = sinkFor(t, { url: server.url })
  const one = batchOf(['{"n":2}'])
  await sink.send(one, attempt())
  t.match(await rejectionOf(sink.send(one, attempt())), { cause: { code: 'ECONNRESET' } })
  t.equal(server.requests, 3)
})

t.test('nothing that may have arrived is sent again where that is not wanted', async t => {
  const server = await serverThat(t, (socket, ofConnection) => ofConnection === 1 ? socket.write(OK) : socket.end())
  const sink = sinkFor(t, { url: server.url })
  await sink.send(batch, { ...attempt(), redelivers: false })
  t.match(await rejectionOf(sink.send(batch, { ...attempt(), redelivers: false })), { cause: { code: 'ECONNRESET' } })
  t.equal(server.requests, 2)
})

t.test('both tries of a request have one deadline', async t => {
  const server = await serverThat(t, (socket, ofConnection, request) => {
    if (request === 1) socket.write(OK)
    else if (ofConnection === 2) socket.end()
  })
  const sink = sinkFor(t, { url: server.url, timeoutMs: 300 })
  await sink.send(batch, attempt())
  t.match(await rejectionOf(sink.send(batch, attempt())), { cause: { code: 'ETIMEDOUT' } })
  t.equal(server.requests, 3)
})

t.test('all kept connections of a backend that was restarted are replaced', async t => {
  const many = batchOf(Array.from({ length: 1000 }, (_, n) => JSON.stringify({ n, text: 'x'.repeat(80) })))
  let isOld = true
  const server = await serverThat(t, (socket, ofConnection) => isOld || ofConnection === 1 ? socket.write(OK) : socket.end())
  const sink = sinkFor(t, { url: server.url, concurrency: 4, timeoutMs: 60000 })
  await sink.send(many, attempt())
  isOld = false
  for (let n = 0; n < 3; n++) await sink.send(many, attempt())
  t.ok(server.sockets.length > 4, String(server.sockets.length))
})
