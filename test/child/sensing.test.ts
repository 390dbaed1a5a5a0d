import t, { type Test } from 'tap'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import http, { type RequestListener, type Server } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { Sense } from '#lib/child/sensing'
import { HandClock } from '../support/hand-clock.js'

interface Seen { what: 'requests' | 'sockets' | 'delivered' | 'setback' | 'refused', mark?: number, reason?: string, code?: string | undefined }

/** A sense over a sink whose acceptance the test moves, and a log of its callbacks. Only the test moves its clock. */
function sense (t: Test, options: { console?: boolean, writeTimeoutMs?: number } = {}) {
  const seen: Seen[] = []
  const clock = new HandClock()
  const sink = { accepted: 0 }
  const answered: number[] = []
  let wake = (): void => {}
  const tell = (what: Seen): void => {
    seen.push(what)
    wake()
  }
  const senses = new Sense({ sink: 'x', writeTimeoutMs: options.writeTimeoutMs ?? 10000, console: options.console ?? false, mark: () => sink.accepted, clock }, {
    onSensed: traffic => tell({ what: traffic }),
    onDelivered: mark => tell({ what: 'delivered', mark }),
    onAnswered: mark => { answered.push(mark) },
    onSetback: ({ reason, err }) => tell({ what: 'setback', reason, code: err.code }),
    onRefused: (mark, { reason }) => tell({ what: 'refused', mark, reason })
  })
  t.teardown(() => senses.close())
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise<void>(resolve => { wake = resolve })
  }
  /** The sink has accepted the bytes up to this mark long ago, so that a request that is created now surely carries them. */
  const accept = (mark: number): void => {
    sink.accepted = mark
    senses.noteAcceptance()
    clock.advance(250)
  }
  return { seen, sink, senses, until, clock, accept, answered }
}

async function serve (t: Test, listener: RequestListener): Promise<{ server: Server, url: string }> {
  const server = http.createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

async function closedPort (): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function byHttp (url: string): Promise<void> {
  return new Promise(resolve => {
    http.get(url, { agent: false }, response => response.resume().on('end', resolve)).on('error', () => resolve())
  })
}

const byFetch = (url: string): Promise<void> => fetch(url).then(response => response.text()).then(() => {}, () => {})

for (const [client, request] of [['fetch', byFetch], ['node:http', byHttp]] as const) {
  t.test(`an answer to a request by ${client} proves all that was accepted before it`, async t => {
    const { seen, accept } = sense(t)
    const { url } = await serve(t, (_request, response) => response.end('ok'))
    accept(100)
    await request(url)
    t.match(seen, [{ what: 'requests' }, { what: 'delivered', mark: 100 }])
  })

  for (const status of [401, 403, 404, 408, 429, 500, 503]) {
    t.test(`a ${status} to a request by ${client} is a setback`, async t => {
      const { seen, sink } = sense(t)
      const { url } = await serve(t, (_request, response) => response.writeHead(status).end())
      sink.accepted = 100
      await request(url)
      t.match(seen, [{ what: 'requests' }, { what: 'setback', reason: `http-${status}` }])
    })
  }

  t.test(`another 4xx to a request by ${client} is a refusal, no setback`, async t => {
    const { seen, sink } = sense(t)
    const { url } = await serve(t, (_request, response) => response.writeHead(400).end())
    sink.accepted = 100
    await request(url)
    t.match(seen, [{ what: 'requests' }, { what: 'refused', mark: 100, reason: 'http-400' }])
  })

  t.test(`a refused connection of ${client} is one setback, with the system's code`, async t => {
    const { seen, sink, until } = sense(t)
    sink.accepted = 100
    await request(`http://127.0.0.1:${await closedPort()}`)
    await until(() => seen.some(({ what }) => what === 'setback'))
    t.match(seen.filter(({ what }) => what === 'setback'), [{ what: 'setback', reason: 'network', code: 'ECONNREFUSED' }])
  })

  t.test(`a connection of ${client} that is reset before the answer is a setback`, async t => {
    const { seen, sink, until } = sense(t)
    const { url } = await serve(t, request => request.socket.resetAndDestroy())
    sink.accepted = 100
    await request(url)
    await until(() => seen.some(({ what }) => what === 'setback'))
    t.match(seen.filter(({ what }) => what === 'setback'), [{ what: 'setback', reason: 'network' }])
  })
}

t.test('a later answer proves nothing before every earlier request has its own', async t => {
  const { seen, accept } = sense(t)
  const [first, second] = [{}, {}]
  accept(10)
  channel('undici:request:create').publish({ request: first })
  accept(20)
  channel('undici:request:create').publish({ request: second })
  channel('undici:request:headers').publish({ request: second, response: { statusCode: 200 } })
  t.same(seen, [{ what: 'requests' }])
  channel('undici:request:headers').publish({ request: first, response: { statusCode: 100 } })
  t.same(seen, [{ what: 'requests' }], 'an interim answer is none')
  channel('undici:request:headers').publish({ request: first, response: { statusCode: 204 } })
  t.same(seen.slice(1), [{ what: 'delivered', mark: 10 }, { what: 'delivered', mark: 20 }])
})

t.test('what was accepted shortly before a request is not proven by it, since its batch may have been closed by then', async t => {
  const { seen, sink, senses, clock, accept, answered } = sense(t)
  const [first, second] = [{}, {}]
  const answer = (request: object): void => channel('undici:request:headers').publish({ request, response: { statusCode: 200 } })
  accept(10)
  accept(20)
  sink.accepted = 30
  senses.noteAcceptance()
  clock.advance(200)
  channel('undici:request:create').publish({ request: first })
  answer(first)
  t.same(seen, [{ what: 'requests' }, { what: 'delivered', mark: 20 }])
  t.same(answered, [30], 'though the backend has shown that it is well')
  accept(40)
  channel('undici:request:create').publish({ request: second })
  answer(second)
  t.same(seen.slice(2), [{ what: 'delivered', mark: 40 }])
})

t.test('a request of node:http counts from its creation, though its agent lets it wait for a connection', async t => {
  const { seen, sink, accept, until } = sense(t)
  const answers: Array<() => void> = []
  const { url } = await serve(t, (_request, response) => { answers.push(() => response.end()) })
  const agent = new http.Agent({ maxSockets: 1 })
  accept(10)
  for (let n = 0; n < 2; n++) http.get(url, { agent }, response => response.resume()).on('error', () => {})
  accept(20)
  while (answers.length < 1) await new Promise(resolve => setImmediate(resolve))
  answers[0]?.()
  await until(() => seen.length >= 2)
  while (answers.length < 2) await new Promise(resolve => setImmediate(resolve))
  answers[1]?.()
  t.match(seen, [{ what: 'requests' }, { what: 'delivered', mark: 10 }])
  sink.accepted = 30
  await byHttp(url.replace('//', '//nobody:@').replace(/:\d+$/, `:${await closedPort()}`))
  await until(() => seen.some(({ what }) => what === 'setback'))
  t.same(seen.filter(({ what }) => what === 'delivered'), [{ what: 'delivered', mark: 10 }], 'what came while the second waited is not in it')
})

t.test('a request that is given up without an answer is a setback', async t => {
  const { seen, sink, until } = sense(t)
  const { url } = await serve(t, () => {})
  sink.accepted = 10
  const request = http.get(url).on('error', () => {})
  request.once('socket', socket => socket.once('connect', () => request.destroy()))
  await until(() => seen.some(({ what }) => what === 'setback'))
  t.match(seen, [{ what: 'requests' }, { what: 'setback', reason: 'network' }])
})

t.test('requests from before a setback say nothing new', async t => {
  const { seen, sink, accept } = sense(t)
  const [first, second, third, fresh] = [{}, {}, {}, {}]
  sink.accepted = 10
  for (const request of [first, second, third]) channel('undici:request:create').publish({ request })
  channel('undici:request:error').publish({ request: second, error: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) })
  channel('undici:request:error').publish({ request: third, error: new Error('refused too') })
  channel('undici:request:headers').publish({ request: first, response: { statusCode: 200 } })
  t.match(seen, [{ what: 'requests' }, { what: 'setback', reason: 'network', code: 'ECONNREFUSED' }])
  t.equal(seen.length, 2)
  accept(30)
  channel('undici:request:create').publish({ request: fresh })
  channel('undici:request:headers').publish({ request: fresh, response: { statusCode: 200 } })
  t.match(seen.slice(2), [{ what: 'delivered', mark: 30 }])
})

t.test('the cause is named through the layers that fetch and names with several addresses put around it', async t => {
  const { seen, sink } = sense(t)
  sink.accepted = 10
  const inner = Object.assign(new Error('connect ECONNREFUSED ::1'), { code: 'ECONNREFUSED' })
  const request = {}
  channel('undici:request:create').publish({ request })
  channel('undici:request:error').publish({ request, error: new TypeError('fetch failed', { cause: new AggregateError([inner], '') }) })
  t.match(seen[1], { what: 'setback', reason: 'network', code: 'ECONNREFUSED' })
})

t.test('a request without an answer is a setback after writeTimeoutMs', async t => {
  const { seen, sink, senses, clock } = sense(t, { writeTimeoutMs: 2000 })
  sink.accepted = 10
  channel('undici:request:create').publish({ request: {} })
  clock.advance(1999)
  t.equal(senses.isQuiet, false)
  clock.advance(1)
  t.match(seen[1], { what: 'setback', reason: 'write-timeout' })
  t.equal(senses.isQuiet, true)
  clock.advance(2000)
  t.equal(seen.length, 2)
  t.equal(clock.timers, 0, 'with nothing under way it does not look')
})

t.test('a request has not been waited for while this thread was stopped', async t => {
  const { seen, sink, clock } = sense(t, { writeTimeoutMs: 2000 })
  sink.accepted = 10
  channel('undici:request:create').publish({ request: {} })
  clock.advance(1000)
  clock.stop(60000)
  clock.advance(999)
  t.equal(seen.length, 1)
  clock.advance(1)
  t.match(seen[1], { what: 'setback', reason: 'write-timeout' })
})

t.test('a socket whose peer takes nothing more is a setback after writeTimeoutMs', async t => {
  const { seen, sink, senses, clock } = sense(t, { writeTimeoutMs: 2000 })
  const server = net.createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => { socket.destroy(); server.close() })
  const [[peer]] = await Promise.all([once(server, 'connection'), once(socket, 'connect')])
  t.teardown(() => peer.destroy())
  sink.accepted = 10
  clock.advance(3000)
  t.same(seen, [{ what: 'sockets' }], 'with nothing to send it is merely idle')
  socket.write(Buffer.alloc(64 * 1024 * 1024))
  for (let moves = 0; moves < 200 && seen.length === 1; moves++) {
    clock.advance(500)
    await new Promise(resolve => setImmediate(resolve))
  }
  t.match(seen.filter(({ what }) => what === 'setback'), [{ what: 'setback', reason: 'write-timeout' }])
  t.ok(senses.socketTraffic.written > senses.socketTraffic.sent)
})

t.test('an error of a plain socket is a setback, and stays the error that it was', async t => {
  const { seen, sink, until } = sense(t)
  sink.accepted = 10
  const socket = net.connect(await closedPort(), '127.0.0.1')
  const [error] = await once(socket, 'error')
  t.equal(error.code, 'ECONNREFUSED')
  await until(() => seen.length > 0)
  t.match(seen, [{ what: 'setback', reason: 'network', code: 'ECONNREFUSED' }])
})

t.test('a socket that carries no requests is told of once', async t => {
  const { seen, until } = sense(t)
  const { server } = await serve(t, (_request, response) => response.end('ok'))
  for (let n = 0; n < 2; n++) {
    const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
    await once(socket, 'connect')
    t.teardown(() => socket.destroy())
  }
  await until(() => seen.some(({ what }) => what === 'sockets'))
  t.same(seen, [{ what: 'sockets' }])
})

t.test('with console: true what the sink says by console.error is a setback, and is still said', async t => {
  const said: unknown[][] = []
  const { error } = console
  console.error = (...args: unknown[]) => { said.push(args) }
  t.teardown(() => { console.error = error })
  const { seen, sink, senses } = sense(t, { console: true })
  console.error('it failed:', Object.assign(new Error('no'), { code: 'ETIMEDOUT' }))
  sink.accepted = 10
  console.error('it failed again')
  t.match(seen, [{ what: 'setback', reason: 'network', code: 'ETIMEDOUT' }, { what: 'setback', reason: 'write-error' }])
  t.equal(said.length, 2)
  senses.close()
  console.error('not heard')
  t.equal(seen.length, 2)
})

t.test('what the sink itself reports', async t => {
  const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })

  t.test('is a setback', async t => {
    const { seen, senses } = sense(t)
    senses.reportBySink(refused)
    t.match(seen, [{ what: 'setback', reason: 'network', code: 'ECONNREFUSED' }])
  })

  t.test('is one for all that was accepted before it', async t => {
    const { seen, sink, senses } = sense(t)
    senses.reportBySink(refused)
    senses.reportBySink(refused)
    t.equal(seen.length, 1)
    sink.accepted = 10
    senses.reportBySink(refused)
    t.equal(seen.length, 2)
  })

  t.test('is nothing new where its request has failed, however late it is', async t => {
    const { seen, sink, senses } = sense(t)
    const request = {}
    channel('undici:request:create').publish({ request })
    channel('undici:request:error').publish({ request, error: refused })
    sink.accepted = 10
    senses.reportBySink(refused)
    t.match(seen, [{ what: 'requests' }, { what: 'setback' }])
    t.equal(seen.length, 2)
    senses.reportBySink(refused)
    t.equal(seen.length, 3, 'but the next one is')
  })
})

t.test('a message of another shape on a channel harms nobody', async t => {
  const { seen } = sense(t)
  channel('undici:request:headers').publish({})
  channel('http.client.request.start').publish({})
  channel('undici:request:error').publish({ request: {} })
  t.same(seen.filter(({ what }) => what !== 'requests'), [])
})
