import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Readers } from '#lib/monitor/readers'
import { HandClock } from '../support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => clock.release())

const MiB = 1024 * 1024

/** A server whose every response gets events, and readers of it. */
async function open (t: Test, deps: ConstructorParameters<typeof Readers>[0] = { history: () => '{"h":1}', snapshot: () => '{"s":1}' }) {
  const readers = new Readers(deps)
  const responses: ServerResponse[] = []
  const server = createServer((_request, response) => {
    responses.push(response)
    response.writeHead(200)
    readers.add(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    readers,
    responses,
    async connect (): Promise<{ response: IncomingMessage, text: () => string, read: () => void, until: (part: string) => Promise<void>, close: () => Promise<void> }> {
      const asked = request({ port, host: '127.0.0.1' }).end()
      const [response] = await once(asked, 'response') as [IncomingMessage]
      const own = responses.at(-1) as ServerResponse
      let text = ''
      response.on('error', () => {})
      const read = (): void => { response.setEncoding('utf8').on('data', (part: string) => { text += part }) }
      return {
        response,
        text: () => text,
        read,
        async until (part) { while (!text.includes(part)) await nextTurn() },
        async close () {
          const closed = once(own, 'close')
          asked.destroy()
          await closed
        }
      }
    }
  }
}

t.test('a reader gets the history and a snapshot at once, and then a snapshot each second', async t => {
  let snapshots = 0
  const { connect } = await open(t, { history: () => '{"h":1}', snapshot: () => `{"s":${++snapshots}}` })
  const reader = await connect()
  reader.read()
  await reader.until('{"s":1}')
  t.equal(reader.text(), 'retry: 2000\n\nevent: history\ndata: {"h":1}\n\nevent: snapshot\ndata: {"s":1}\n\n')
  clock.advance(999)
  t.equal(snapshots, 1)
  clock.advance(1)
  await reader.until('{"s":2}')
  clock.advance(1000)
  await reader.until('{"s":3}')
})

t.test('every reader gets transitions and notices at once', async t => {
  const { connect, readers } = await open(t)
  const all = [await connect(), await connect()]
  for (const reader of all) reader.read()
  readers.tell('transition', { sink: 'a', message: 'x\ny\u2028\r\n\ndata: z' })
  readers.tell('notice', { sink: 'b' })
  for (const reader of all) {
    await reader.until('event: notice\ndata: {"sink":"b"}\n\n')
    t.ok(reader.text().includes('event: transition\ndata: {"sink":"a","message":"x\\ny\u2028\\r\\n\\ndata: z"}\n\n'), 'line ends in it begin no other event')
  }
})

t.test('one snapshot is made for all readers, and none while there are no readers', async t => {
  let snapshots = 0
  const { connect, readers } = await open(t, { history: () => '{}', snapshot: () => `{"s":${++snapshots}}` })
  clock.advance(5000)
  t.equal(snapshots, 0)
  const [one, other] = [await connect(), await connect()]
  t.equal(snapshots, 2)
  clock.advance(1000)
  t.equal(snapshots, 3)
  await other.close()
  await one.close()
  t.equal(clock.timers, 0, 'nothing is left that wakes the thread')
  readers.tell('notice', { get sink () { t.fail('nobody reads it'); return '' } })
  const again = await connect()
  again.read()
  clock.advance(1000)
  await again.until('{"s":5}')
})

t.test('the end ends all responses with a last event', async t => {
  const { connect, readers } = await open(t)
  const reader = await connect()
  reader.read()
  const ended = once(reader.response, 'end')
  readers.end('{"last":1}')
  await ended
  t.match(reader.text(), /event: end\ndata: \{"last":1\}\n\n$/)
  t.equal(clock.timers, 0)
})

t.test('a reader that reads nothing is not sent one snapshot after another, and is disconnected after ten seconds', async t => {
  const { connect, readers, responses } = await open(t, { history: () => '{}', snapshot: () => JSON.stringify({ s: 'x'.repeat(MiB) }) })
  const reader = await connect()
  reader.response.pause()
  const [response] = responses as [ServerResponse]
  // The system itself takes some MiB.
  for (let i = 0; i < 100 && !response.writableNeedDrain; i++) {
    clock.advance(1000)
    await nextTurn()
  }
  t.ok(response.writableNeedDrain, 'the system takes no more')
  const held = response.writableLength
  for (let i = 0; i < 8; i++) {
    clock.advance(1000)
    await nextTurn()
  }
  t.equal(readers.count, 1)
  t.equal(response.writableLength, held, 'nothing was added')
  const closed = once(response, 'close')
  clock.advance(2000)
  await closed
  t.equal(readers.count, 0)
})

t.test('a reader that reads late in time stays connected', async t => {
  const { connect, readers, responses } = await open(t, { history: () => '{}', snapshot: () => JSON.stringify({ s: 'x'.repeat(MiB) }) })
  const reader = await connect()
  reader.response.pause()
  const [response] = responses as [ServerResponse]
  for (let i = 0; i < 100 && !response.writableNeedDrain; i++) {
    clock.advance(1000)
    await nextTurn()
  }
  clock.advance(8000)
  reader.read()
  reader.response.resume()
  while (response.writableNeedDrain) await nextTurn()
  clock.advance(9000)
  t.equal(readers.count, 1)
})

t.test('what is told to a reader that reads nothing is bounded, and another reader gets all of it', async t => {
  const { connect, readers, responses } = await open(t)
  const [slow, quick] = [await connect(), await connect()]
  slow.response.pause()
  quick.read()
  let told = 0
  let most = 0
  while (readers.count === 2 && told < 1000) {
    readers.tell('transition', { n: ++told, pad: 'x'.repeat(100000) })
    most = Math.max(most, ...responses.map(({ writableLength }) => writableLength))
    // It is written to no more, also before it is closed.
    if (responses[0]?.destroyed === true) clock.advance(1000)
    await quick.until(`{"n":${told},`)
  }
  t.equal(readers.count, 1)
  t.ok(responses[0]?.destroyed)
  t.ok(most < 2 * MiB, `${most} bytes were held`)
})

t.test('there is room for 32 readers', async t => {
  const { connect, readers } = await open(t)
  for (let i = 0; i < 31; i++) await connect()
  t.notOk(readers.isFull)
  const last = await connect()
  t.ok(readers.isFull)
  await last.close()
  t.notOk(readers.isFull)
})
