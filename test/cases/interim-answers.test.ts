import type { Socket } from 'node:net'
import createHttpSink from 'pino-breaker-fanout/http'
import t, { type Test } from 'tap'
import { onEachRequest, openSocketServer } from '../support/http-backend.js'
import { attempt, batchOf, rejectionOf } from '../support/http-sinks.js'

const batch = batchOf(['{"n":1}', '{"n":2}'])
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'
const PROCESSING = 'HTTP/1.1 102 Processing\r\n\r\n'
const HINTS = 'HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n'
const DONE = 'HTTP/1.1 204 No Content\r\n\r\n'

/** A backend that says this once a request with its body is there. */
async function serverThat (t: Test, says: (socket: Socket) => void): Promise<{ url: string, connections: () => number }> {
  let connections = 0
  const url = await openSocketServer(t, socket => {
    connections++
    onEachRequest(socket, () => says(socket))
  })
  return { url, connections: () => connections }
}

for (const [what, parts] of [
  ['100 Continue', [CONTINUE, DONE]],
  ['100 Continue in one packet with the answer', [CONTINUE + DONE]],
  ['102 Processing, many times', [...Array<string>(20).fill(PROCESSING), DONE]],
  ['103 Early Hints', [HINTS, DONE]],
  ['all of them, cut in the middle', [CONTINUE + PROCESSING.slice(0, 9), PROCESSING.slice(9) + HINTS, DONE.slice(0, 5), DONE.slice(5)]]
] as const) {
  t.test(`${what} that nobody asked for is passed over: the final answer counts`, async t => {
    const { url, connections } = await serverThat(t, async socket => {
      for (const part of parts) {
        socket.write(part)
        await new Promise(resolve => setImmediate(resolve))
      }
    })
    const sink = createHttpSink({ url, timeoutMs: 60000 })
    t.teardown(() => sink.close?.())
    for (let n = 0; n < 3; n++) await sink.send(batch, attempt())
    t.equal(connections(), 1, 'the connection is kept')
  })
}

t.test('100 Continue before a failure does not hide it', async t => {
  const { url } = await serverThat(t, socket => socket.write(`${CONTINUE}HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\nbusy`))
  t.match(await rejectionOf(createHttpSink({ url }).send(batch, attempt())), { statusCode: 503, retryAfterMs: 7000, message: /busy$/ })
})

t.test('interim answers without end are no answer in time', async t => {
  const { url } = await serverThat(t, socket => {
    const timer = setInterval(() => socket.write(PROCESSING), 5)
    socket.once('close', () => clearInterval(timer))
  })
  t.match(await rejectionOf(createHttpSink({ url, timeoutMs: 200 }).send(batch, attempt())), { cause: { code: 'ETIMEDOUT' } })
})

t.test('a switch of protocols that nobody asked for is a failure', async t => {
  const { url } = await serverThat(t, socket => socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n'))
  t.match(await rejectionOf(createHttpSink({ url, timeoutMs: 60000 }).send(batch, attempt())), { cause: { code: 'EPROTO' }, message: /switched to another protocol/ })
})
