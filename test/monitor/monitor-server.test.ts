import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import type { MonitorHistory } from '#lib/monitor/history'
import fanout from '#lib/fanout'
import { TOKEN, ask, dial, open, openMonitor, placeOf, readEvents, WITH_TOKEN } from '../support/monitor-rig.js'
import { until } from '../support/fanout-rig.js'

t.setTimeout(120000)
const MiB = 1024 * 1024
const AUTHORIZATION = `authorization: Bearer ${TOKEN}\r\n`

t.test('hostile clients', async t => {
  const { address, ask, stream } = await openMonitor(t)

  t.test('a connection on which no request is finished costs one socket and a timeout', async t => {
    const beginnings = {
      nothing: '',
      'half a line': 'GET /metr',
      'half a head': `GET /metrics HTTP/1.1\r\nhost: localhost\r\n${AUTHORIZATION}x: `,
      'half a body': `POST /level HTTP/1.1\r\nhost: localhost\r\n${AUTHORIZATION}content-length: 16\r\n\r\n{"level"`,
      'half a chunk': `POST /level HTTP/1.1\r\nhost: localhost\r\n${AUTHORIZATION}transfer-encoding: chunked\r\n\r\nff\r\n{"level"`
    }
    const dialed = await Promise.all(Object.entries(beginnings).map(async ([what, text]) => {
      const { socket, received, closed } = await dial(address)
      socket.write(text)
      return { what, received, closed }
    }))
    t.match(await ask('/healthz'), { status: 200 }, 'others are answered meanwhile')
    for (const { what, received, closed } of dialed) {
      await closed
      t.match(received(), /^(HTTP\/1\.1 408 |$)/, what)
    }
    t.match((await ask('/snapshot.json')).body, { sinks: [{ level: 'all' }] }, 'nothing was done')
  })

  t.test('a request that drips is ended all the same', async t => {
    const { socket, received, closed } = await dial(address)
    socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n')
    const drip = setInterval(() => { socket.write('x: y\r\n') }, 100)
    await closed
    clearInterval(drip)
    t.match(received(), /^(HTTP\/1\.1 408 |$)/)
  })

  t.test('what is no HTTP is refused', async t => {
    const texts = {
      'a TLS greeting': Buffer.from('16030100f1010000ed0303', 'hex'),
      garbage: '\0\xff\r\n\r\n',
      'a space in the path': 'GET /a b HTTP/1.1\r\nhost: localhost\r\n\r\n',
      'two lengths': `POST /level HTTP/1.1\r\nhost: localhost\r\n${AUTHORIZATION}content-length: 2\r\ncontent-length: 3\r\n\r\n{}x`,
      'a length and chunks': `POST /level HTTP/1.1\r\nhost: localhost\r\n${AUTHORIZATION}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      'a length below 0': `POST /level HTTP/1.1\r\nhost: localhost\r\n${AUTHORIZATION}content-length: -1\r\n\r\n`,
      'no host': 'GET /healthz HTTP/1.1\r\n\r\n',
      'a null in a header': 'GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: \0\r\n\r\n'
    }
    for (const [what, text] of Object.entries(texts)) {
      const { socket, received, closed } = await dial(address)
      socket.write(text)
      await closed
      t.match(received(), /^HTTP\/1\.1 400 /, what)
    }
  })

  t.test('a head of more than 8 KiB is refused', async t => {
    for (const head of [`x: ${'x'.repeat(9000)}\r\n`, 'name: value\r\n'.repeat(2000)]) {
      const { socket, received, closed } = await dial(address)
      socket.write(`GET /healthz HTTP/1.1\r\nhost: localhost\r\n${head}\r\n`)
      await closed
      t.match(received(), /^HTTP\/1\.1 431 /)
    }
    const { socket, received, closed } = await dial(address)
    socket.write(`GET /${'x'.repeat(9000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    await closed
    t.match(received(), /^HTTP\/1\.1 (431|414|400) /)
  })

  t.test('a tunnel is refused, and an upgrade is an ordinary request', async t => {
    const tunnel = await dial(address)
    tunnel.socket.write(`CONNECT evil.example:80 HTTP/1.1\r\nhost: localhost\r\n${AUTHORIZATION}\r\n`)
    await tunnel.closed
    t.equal(tunnel.received(), '')
    const upgrade = await dial(address)
    upgrade.socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n')
    await upgrade.closed
    t.match(upgrade.received(), /^HTTP\/1\.1 200 /)
  })

  t.test('a request with an endless body is answered, and its connection closed', async t => {
    for (const request of ['GET /healthz', 'GET /snapshot.json', 'POST /level', 'POST /nope', 'POST /healthz']) {
      const { socket, received, closed } = await dial(address)
      socket.write(`${request} HTTP/1.1\r\nhost: localhost\r\n${AUTHORIZATION}transfer-encoding: chunked\r\n\r\n`)
      const pour = (): void => { while (!socket.destroyed && socket.write(`1000\r\n${'x'.repeat(4096)}\r\n`)); }
      socket.on('drain', pour)
      pour()
      await closed
      t.match(received(), /^(HTTP\/1\.1 (200|404|405|413) |$)/, request)
    }
    t.match(await ask('/healthz'), { status: 200 })
  })

  t.test('a body that nobody needs is not waited for', async t => {
    for (const request of ['GET /healthz', 'POST /nope']) {
      const { socket, received, closed } = await dial(address)
      socket.write(`${request} HTTP/1.1\r\nhost: localhost\r\n${AUTHORIZATION}content-length: 10\r\n\r\nx`)
      await closed
      t.match(received(), /^connection: close\r$/mi, request)
    }
  })

  t.test('a client that reads none of its answers is held in bounded memory, and disconnected', async t => {
    const { socket, closed } = await dial(address)
    let isClosed = false
    closed.then(() => { isClosed = true })
    socket.pause()
    const requests = `GET /snapshot.json HTTP/1.1\r\nhost: localhost\r\n${AUTHORIZATION}\r\n`.repeat(1000)
    const before = process.memoryUsage().rss
    // More than the system takes for a server that does not read. The rest is what the client holds.
    for (let bytes = 0; bytes < 32 * MiB; bytes += requests.length) socket.write(requests)
    await until(() => isClosed, 'the connection to be closed', 60000)
    t.ok(process.memoryUsage().rss - before < 96 * MiB)
    t.match(await ask('/healthz'), { status: 200 })
  })

  t.test('beyond 128 connections none is taken, and then again', async t => {
    const sockets: Socket[] = []
    let refused = 0
    for (let i = 0; i < 200; i++) {
      const socket = connect(placeOf(address) as { path: string })
      socket.on('error', () => {}).once('close', () => { refused++ })
      sockets.push(socket)
      await once(socket, 'connect')
    }
    await until(() => refused >= 72, 'the others to be refused')
    for (const socket of sockets) socket.destroy()
    await until(() => refused === 200, 'all to be closed')
    let reply
    while (reply === undefined) reply = await ask('/healthz').catch(() => undefined)
    t.equal(reply.status, 200)
  })

  t.test('clients that vanish in the middle change nothing', async t => {
    for (const path of ['/', '/metrics', '/snapshot.json', '/events', '/reopen', '/level', '/sinks/file/open', '/sinks/file/reopen']) {
      for (const method of ['GET', 'POST']) {
        const { socket, closed } = await dial(address)
        socket.write(`${method} ${path} HTTP/1.1\r\nhost: localhost\r\n${AUTHORIZATION}content-length: ${method === 'POST' ? 15 : 0}\r\n\r\n{"level":"info"`, () => socket.resetAndDestroy())
        await closed
      }
    }
    t.match(await ask('/healthz'), { status: 200 })
    await stream.act('reset', 'file')
  })
})

t.test('events', async t => {
  t.test('a reader sees the history, and then what happens', async t => {
    const { address, ask, end, stream } = await openMonitor(t)
    stream.write('{"level":30}\n')
    await ask('/sinks/file/open', { method: 'POST' })
    const reader = await readEvents(address)
    const history = await reader.next<MonitorHistory>('history')
    t.match(history, { stepMs: 2000, times: [Number], sinks: { file: { delivered: [Number], backlog: [Number], lost: [0] } }, transitions: [{ sink: 'file', to: 'open', reason: 'forced' }], notices: [] })
    t.match(await reader.next('snapshot'), { pid: process.pid, actions: true, sinks: [{ name: 'file', state: 'open' }] })
    await ask('/sinks/file/close', { method: 'POST' })
    t.match(await reader.next('transition'), { sink: 'file', from: 'open', to: 'closed', reason: 'forced' })
    t.match(await reader.next('snapshot', ({ sinks }: { sinks: Array<{ state: string }> }) => sinks[0]?.state === 'closed'), { hasEnded: false })
    await end()
    t.match(await reader.next('end'), { hasEnded: true, pid: process.pid, sinks: [{ linesReceived: 1, linesDelivered: 1 }] })
    await until(() => reader.ended(), 'the response to end')
    t.equal(reader.events.at(-1)?.event, 'end')
  })

  t.test('the head says that it is a stream which nobody may keep or gather', async t => {
    const { address } = await openMonitor(t)
    const response = await open(address, '/events', { headers: WITH_TOKEN })
    t.match(response.headers, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no', 'x-content-type-options': 'nosniff' })
    response.destroy()
  })

  t.test('a 33rd reader is asked to come later', async t => {
    const { address, ask } = await openMonitor(t)
    const readers = await Promise.all(Array.from({ length: 32 }, async () => await readEvents(address)))
    t.match(await ask('/events'), { status: 503, headers: { 'retry-after': '10' }, body: { error: { code: 'too-many-readers' } } })
    t.match(await ask('/healthz'), { status: 200 })
    for (const reader of readers) reader.stop()
    let status = 503
    while (status === 503) {
      const response = await open(address, '/events', { headers: WITH_TOKEN })
      status = response.statusCode as number
      response.destroy()
    }
    t.equal(status, 200)
  })
})

t.test('the end', async t => {
  t.test('every connection is closed, also one that reads nothing, and the port is free again', async t => {
    const { address, ask, end } = await openMonitor(t)
    const agent = new Agent({ keepAlive: true })
    await ask('/healthz', { agent })
    const dialed = [await dial(address), await dial(address), await dial(address)]
    dialed[1]?.socket.write('GET /ev')
    dialed[2]?.socket.pause()
    dialed[2]?.socket.write(`GET /events HTTP/1.1\r\nhost: localhost\r\n${AUTHORIZATION}\r\n`)
    await end()
    dialed[2]?.socket.resume()
    for (const { closed } of dialed) await closed
    agent.destroy()
    const server = createServer().listen(placeOf(address))
    await once(server, 'listening')
    server.close()
  })

  t.test('a transport that is destroyed ends its monitor too, also before it listens', async t => {
    const { address, stream } = await openMonitor(t)
    stream.destroy()
    await once(stream, 'close')
    await t.rejects(ask(address, '/healthz'), { code: 'ECONNREFUSED' })

    const early = await fanout({ targets: [{ target: 'pino/file', options: { destination: '/dev/null' } }], diagnostics: false, monitor: { port: 0 } })
    let told = 0
    early.on('monitor', () => { told++ })
    early.destroy()
    await once(early, 'close')
    await new Promise(resolve => setImmediate(resolve))
    t.equal(told, 0)
  })
})

t.test('a port that is taken is told by a record, and costs nothing else', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => { taken.close() })
  const { port } = taken.address() as AddressInfo
  const destination = `${t.testdir({})}/file.log`
  const stream = await fanout({ targets: [{ target: 'pino/file', options: { destination } }], monitor: { port } })
  let told = 0
  stream.on('monitor', () => { told++ })
  stream.write('{"level":30,"msg":"a line"}\n')
  await until(() => (stream.snapshot().sinks[0]?.linesDelivered ?? 0) >= 2, 'the line and the record')
  stream.end()
  await once(stream, 'close')
  t.equal(told, 0)
  const records = readFileSync(destination, 'utf8').trimEnd().split('\n').map(line => JSON.parse(line) as Record<string, unknown>)
  t.match(records.find(({ component }) => component === 'monitor'), { level: 40, msg: 'monitor not available', err: { code: 'EADDRINUSE' } })
  t.equal(records.filter(({ msg }) => msg === 'a line').length, 1)
})
