import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import type { DeliverySink } from 'pino-breaker-fanout'
import createHttpSink, { type HttpSinkOptions } from 'pino-breaker-fanout/http'
import t, { type Test } from 'tap'
import { reasonOf } from '#lib/failure'
import { makeCertificates } from '../support/certificates.js'
import { accountedLines, openFanout, until } from '../support/fanout-rig.js'
import { openBackend, openSocketServer, type HttpBackend } from '../support/http-backend.js'
import { attempt, batchOf, rejectionOf } from '../support/http-sinks.js'
import { freePort } from '../support/real-servers.js'

const SECRET = 's3cr3t-t0k3n'
const lines = Array.from({ length: 4 }, (_, n) => `{"level":30,"time":170000000000${n},"n":${n}}`)

function sinkFor (t: Test, options: HttpSinkOptions): DeliverySink {
  const sink = createHttpSink(options)
  t.teardown(() => sink.close?.())
  return sink
}

/** What a backend that answers like this makes of a batch. */
async function rejectionBy (t: Test, answer: HttpBackend['answer'], options: Partial<HttpSinkOptions> = {}): Promise<Awaited<ReturnType<typeof rejectionOf>>> {
  const backend = await openBackend(t)
  backend.answer = answer
  return await rejectionOf(sinkFor(t, { url: backend.url, ...options }).send(batchOf(lines), attempt()))
}

for (const status of [200, 202, 204]) {
  t.test(`${status} means that the lines have arrived`, async t => {
    const backend = await openBackend(t)
    backend.answer = response => { response.writeHead(status).end(status === 204 ? undefined : 'thank you') }
    await sinkFor(t, { url: `${backend.url}/in?a=b` }).send(batchOf(lines), attempt())
    t.match(backend.requests, [{ path: '/in?a=b', body: batchOf(lines).text, headers: { 'content-type': 'application/x-ndjson', 'user-agent': 'pino-breaker-fanout', 'idempotency-key': /^life:7\/./ } }])
  })
}

for (const status of [400, 409, 422]) {
  t.test(`${status} means that the lines are refused for good, and says why`, async t => {
    const error = await rejectionBy(t, response => { response.writeHead(status).end('{"error":\n "no such field"}') })
    t.match(error, { statusCode: status, retryable: false, message: new RegExp(`^ERR_FANOUT_SINK_REPORTED: the backend at http://127.0.0.1:\\d+ answered http ${status}: \\{"error": "no such field"\\}$`) })
    t.equal(error['retry'], undefined)
    t.equal(error['refused'], undefined)
  })
}

for (const status of [401, 402, 403, 404, 405, 407, 408, 410, 415, 421, 425, 426, 429, 451, 500, 501, 503, 505, 511]) {
  t.test(`${status} is a failure of the backend, after which the lines are sent again`, async t => {
    const error = await rejectionBy(t, response => { response.writeHead(status).end() })
    t.match(error, { statusCode: status, retryable: true, message: /answered http \d+$/ })
    t.equal(error['retryAfterMs'], undefined)
    t.equal(reasonOf(error), `http-${status}`)
  })
}

t.test('Retry-After is told in milliseconds, whether it comes as seconds or as a date', async t => {
  for (const status of [429, 503]) {
    t.equal((await rejectionBy(t, response => { response.writeHead(status, { 'retry-after': '7' }).end() }))['retryAfterMs'], 7000)
    const inAnHour = new Date(Date.now() + 3600000).toUTCString()
    const { retryAfterMs } = await rejectionBy(t, response => { response.writeHead(status, { 'retry-after': inAnHour }).end() })
    t.ok(Number(retryAfterMs) > 3500000 && Number(retryAfterMs) <= 3600000, String(retryAfterMs))
  }
})

/** Reads a request up to its body, answers that it has got it, and reads no further until it is told to. */
function answersEarly (socket: Socket): { body: () => string, resume: () => void } {
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    if (!text.includes('\r\n\r\n') || socket.isPaused()) return
    socket.pause()
    socket.write('HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n')
  })
  return {
    body: () => text.slice(text.indexOf('\r\n\r\n') + 4),
    resume: () => { socket.removeAllListeners('data').on('data', (chunk: Buffer) => { text += chunk.toString('latin1') }).resume() }
  }
}

/** How many answers clients in this thread have read to their end. */
function countAnswers (t: Test): { read: number } {
  const answers = { read: 0 }
  const onAnswer = (): void => { answers.read++ }
  subscribe('http.client.response.finish', onAnswer)
  t.teardown(() => { unsubscribe('http.client.response.finish', onAnswer) })
  return answers
}

// More than the buffers of a connection take.
const largeBatch = batchOf(Array.from({ length: 32 }, (_, n) => `{"n":${n},"x":"${'x'.repeat(1e6)}"}`))

t.test('an answer that comes before all was read does not settle a batch, of which something is still to be written', async t => {
  let early: ReturnType<typeof answersEarly> | undefined
  const url = await openSocketServer(t, socket => { early = answersEarly(socket) })
  const answers = countAnswers(t)
  let isSettled = false
  const sent = sinkFor(t, { url }).send(largeBatch, attempt()).then(() => { isSettled = true })
  await until(() => answers.read === 1, 'the answer')
  for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve))
  t.notOk(isSettled)
  early?.resume()
  await sent
  await until(() => early?.body().length === largeBatch.bytes, 'all of the body')
  t.ok(early?.body() === largeBatch.text)
})

t.test('a backend that answers and never reads the rest is waited for no longer than a request may take', async t => {
  let connections = 0
  const url = await openSocketServer(t, socket => { connections++; answersEarly(socket) })
  const sink = sinkFor(t, { url, timeoutMs: 300 })
  await sink.send(largeBatch, attempt())
  await sink.send(batchOf(lines), attempt())
  t.equal(connections, 2, 'nor is its connection used again')
})

t.test('nor any longer than the batch has not been given up', async t => {
  const url = await openSocketServer(t, answersEarly)
  const answers = countAnswers(t)
  const controller = new AbortController()
  const sent = sinkFor(t, { url, timeoutMs: 60000 }).send(largeBatch, attempt(controller.signal))
  await until(() => answers.read === 1, 'the answer')
  controller.abort()
  await sent
})

t.test('of a header that comes twice the first counts', async t => {
  const url = await openSocketServer(t, socket => socket.once('data', () => socket.end('HTTP/1.1 429 Slow\r\nretry-after: 5\r\nretry-after: 9\r\ncontent-length: 0\r\n\r\n')))
  t.match(await rejectionOf(sinkFor(t, { url }).send(batchOf(lines), attempt())), { statusCode: 429, retryAfterMs: 5000 })
})

for (const status of [301, 302, 307, 308]) {
  t.test(`${status} is not followed, and the failure names where it leads, without credentials`, async t => {
    const error = await rejectionBy(t, response => { response.writeHead(status, { location: `https://jo:${SECRET}@elsewhere.example/in?key=${SECRET}` }).end() })
    t.match(error, { statusCode: status, retryable: true, message: new RegExp(`answered http ${status} and redirects to https://elsewhere.example; redirects are not followed$`) })
  })
}

t.test('a redirect without an address, or with an invalid one, is a failure like any other', async t => {
  t.match(await rejectionBy(t, response => { response.writeHead(301, { location: 'http://' }).end() }), { message: /redirects to an address that cannot be read/ })
  t.match(await rejectionBy(t, response => { response.writeHead(304).end() }), { statusCode: 304, message: /answered http 304$/ })
})

t.test('413 makes it send halves, down to the line that is too large by itself, and no larger requests from then on', async t => {
  const backend = await openBackend(t)
  const taken: string[] = []
  backend.answer = (response, { body }) => {
    if (body.length > 100) return response.writeHead(413).end('too much')
    taken.push(...body.trimEnd().split('\n'))
    response.writeHead(204).end()
  }
  const sink = sinkFor(t, { url: backend.url })
  const large = `{"large":"${'x'.repeat(200)}"}`
  const error = await rejectionOf(sink.send(batchOf([...lines, large, ...lines]), attempt()))
  t.match(error, { refused: [{ line: 4, status: 413, reason: 'too large: too much' }], retry: [], message: /refused 1 of 9 lines/ })
  t.same(taken, [...lines, ...lines])
  t.equal(error['statusCode'], undefined, 'the backend is not to blame')
  t.equal(new Set(backend.requests.map(({ headers }) => headers['idempotency-key'])).size, backend.requests.length, 'each request is known by its lines')

  backend.requests.length = 0
  await sink.send(batchOf([...lines, ...lines]), attempt())
  t.same(backend.requests.filter(({ body }) => body.length > 200), [])
  t.same(taken.slice(8), [...lines, ...lines])
})

t.test('after a failure nothing more of a batch is sent, so that lines stay in order', async t => {
  const backend = await openBackend(t)
  backend.answer = (response, { body }) => { response.writeHead(body.length > 100 ? 413 : 204).end() }
  const sink = sinkFor(t, { url: backend.url })
  await sink.send(batchOf([...lines, ...lines]), attempt())
  backend.requests.length = 0
  backend.answer = response => { response.writeHead(backend.requests.length === 2 ? 503 : 204).end() }
  const error = await rejectionOf(sink.send(batchOf([...lines, ...lines]), attempt()))
  t.equal(backend.requests.length, 2)
  const taken = backend.requests[0]?.body.trimEnd().split('\n').length ?? 0
  t.same(error['retry'], Array.from({ length: 8 - taken }, (_, index) => taken + index))
})

t.test('what was too large is not tried again, nor more than half of it', async t => {
  const backend = await openBackend(t)
  const { bytes } = batchOf([...lines, ...lines])
  backend.answer = (response, { body }) => { response.writeHead(body.length === bytes ? 413 : 204).end() }
  const sink = sinkFor(t, { url: backend.url })
  for (let i = 0; i < 2; i++) await sink.send(batchOf([...lines, ...lines]), attempt())
  t.same(backend.requests.map(({ body }) => body.length / bytes), [1, 0.5, 0.5, 0.5, 0.5])
})

t.test('413 for the only line refuses it', async t => {
  const backend = await openBackend(t)
  backend.answer = response => { response.writeHead(413).end() }
  t.match(await rejectionOf(sinkFor(t, { url: backend.url }).send(batchOf(['{}']), attempt())), { refused: [{ line: 0, reason: 'too large' }] })
})

const faults: Array<[what: string, code: string | RegExp, (t: Test) => Promise<string>]> = [
  ['is not there', 'ECONNREFUSED', async () => `http://127.0.0.1:${await freePort()}`],
  ['is at none of the addresses of its name', 'ECONNREFUSED', async () => `http://localhost:${await freePort()}`],
  ['resets the connection', 'ECONNRESET', t => openSocketServer(t, socket => socket.once('data', () => socket.resetAndDestroy()))],
  ['closes without an answer', 'ECONNRESET', t => openSocketServer(t, socket => socket.once('data', () => socket.end()))],
  ['closes in the middle of an answer', 'ECONNRESET', t => openSocketServer(t, socket => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of')))],
  ['speaks garbage', /^HPE_/, t => openSocketServer(t, socket => socket.once('data', () => socket.end('220 mail.example ESMTP\r\n')))],
  ['never answers', 'ETIMEDOUT', t => openSocketServer(t, socket => socket.resume())],
  ['answers with no end', 'ETIMEDOUT', t => openSocketServer(t, socket => socket.once('data', () => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
    const trickle = setInterval(() => socket.write('1\r\nx\r\n'), 20)
    socket.once('close', () => clearInterval(trickle))
  }))],
  ['speaks HTTP where TLS is meant', /^(EPROTO|ERR_SSL_)/, async t => (await openBackend(t)).url.replace('http:', 'https:')],
  ['has a certificate by an authority that nobody knows', 'SELF_SIGNED_CERT_IN_CHAIN', async t => (await openBackend(t, makeCertificates(t.testdir({})))).url]
]

for (const [what, code, open] of faults) {
  t.test(`a backend that ${what} is a network failure`, async t => {
    const error = await rejectionOf(sinkFor(t, { url: await open(t), timeoutMs: 500 }).send(batchOf(lines), attempt()))
    t.match(error, { message: /no whole answer from https?:\/\/(127\.0\.0\.1|localhost):\d+: ./, cause: { code } })
    t.equal(error['retryable'], undefined)
    t.equal(reasonOf(error), 'network')
  })
}

t.test('an answer of more than 16 MiB is not kept', async t => {
  const error = await rejectionBy(t, response => {
    const chunk = Buffer.alloc(1024 * 1024, 'x')
    const more = (): void => { while (!response.destroyed && response.write(chunk)); }
    response.on('drain', more).on('error', () => {})
    more()
  })
  t.match(error, { cause: { code: 'EPROTO' } })
})

t.test('an answer of failure counts, though it breaks off', async t => {
  const url = await openSocketServer(t, socket => socket.once('data', () => socket.end('HTTP/1.1 503 Busy\r\ncontent-length: 100\r\n\r\nhalf of')))
  t.match(await rejectionOf(sinkFor(t, { url }).send(batchOf(lines), attempt())), { statusCode: 503, message: /half of$/ })
})

t.test('an attempt that is given up ends at once, with the reason of its signal', async t => {
  let arrived = (): void => {}
  const busy = new Promise<void>(resolve => { arrived = resolve })
  const url = await openSocketServer(t, socket => socket.once('data', arrived))
  // Longer than a test may take.
  const sink = sinkFor(t, { url, timeoutMs: 600000 })
  const controller = new AbortController()
  const sent = rejectionOf(sink.send(batchOf(lines), attempt(controller.signal)))
  await busy
  const reason = new Error('given up')
  controller.abort(reason)
  t.equal(await sent, reason)
  t.equal(await rejectionOf(sink.send(batchOf(lines), attempt(controller.signal))), reason, 'also before it has begun')
})

t.test('TLS with the authority of the backend, and a certificate of its own to show', async t => {
  const { folder, ca, cert, key } = makeCertificates(t.testdir({}))
  const backend = await openBackend(t, { ca, cert, key, requestCert: true, rejectUnauthorized: true })
  await sinkFor(t, { url: backend.url, tls: { ca: join(folder, 'ca.pem'), cert, key: { file: join(folder, 'server.key') } } }).send(batchOf(lines), attempt())
  t.equal(backend.requests.length, 1)
  const error = await rejectionOf(sinkFor(t, { url: backend.url, tls: { ca, cert, key, servername: 'another.example' } }).send(batchOf(lines), attempt()))
  t.match(error, { cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } })
  await sinkFor(t, { url: backend.url, tls: { cert, key, rejectUnauthorized: false } }).send(batchOf(lines), attempt())
  t.equal(backend.requests.length, 2)
})

t.test('connections are kept, and used again', async t => {
  const backend = await openBackend(t)
  const sink = sinkFor(t, { url: backend.url })
  for (let n = 0; n < 5; n++) await sink.send(batchOf(lines), attempt())
  t.equal(new Set(backend.requests.map(({ clientPort }) => clientPort)).size, 1)
})

t.test('requests are compressed if that is asked for', async t => {
  const backend = await openBackend(t)
  for (const gzip of [true, { level: 9 }]) await sinkFor(t, { url: backend.url, gzip }).send(batchOf(lines), attempt())
  for (const { headers, body } of backend.requests) {
    t.equal(headers['content-encoding'], 'gzip')
    t.equal(body, batchOf(lines).text)
  }
})

t.test('headers of the user stand in place of those of the format', async t => {
  const backend = await openBackend(t)
  await sinkFor(t, { url: backend.url, headers: { 'Content-Type': 'text/plain', 'x-tenant': 'a' } }).send(batchOf(lines), attempt())
  t.match(backend.requests[0]?.headers, { 'content-type': 'text/plain', 'x-tenant': 'a' })
})

t.test('a token that was replaced in its file is read anew when the old one is not taken any more', async t => {
  const backend = await openBackend(t)
  let valid = 'first-token'
  backend.answer = (response, { headers }) => { response.writeHead(headers.authorization === `Bearer ${valid}` ? 204 : 401).end() }
  const file = join(t.testdir({ token: 'first-token\n' }), 'token')
  const sink = sinkFor(t, { url: backend.url, auth: { token: { file } } })
  await sink.send(batchOf(lines), attempt())
  valid = 'second-token'
  t.match(await rejectionOf(sink.send(batchOf(lines), attempt())), { statusCode: 401 })
  t.equal(backend.requests.length, 2, 'nothing was tried again with the same token')
  writeFileSync(file, 'second-token\n')
  await sink.send(batchOf(lines), attempt())
  t.equal(backend.requests.length, 4)
})

t.test('no secret is ever shown, even if the backend sends it back', async t => {
  const environment = 'FANOUT_TEST_SECRET'
  process.env[environment] = `${SECRET}-of-env`
  t.teardown(() => { Reflect.deleteProperty(process.env, environment) })
  const backend = await openBackend(t)
  const basic = Buffer.from(`jo:${SECRET}`).toString('base64')
  const variants: Array<[options: HttpSinkOptions, secrets: string[]]> = [
    [{ url: `${backend.url.replace('//', `//jo:${SECRET}@`)}/a-very-long-segment-of-a-path?token=${SECRET}-of-query` }, [SECRET, basic, `${SECRET}-of-query`, 'a-very-long-segment-of-a-path']],
    [{ url: backend.url, auth: { token: { env: environment } }, headers: { 'x-key': 'k3y-of-a-header' } }, [`${SECRET}-of-env`, 'k3y-of-a-header']],
    [{ url: backend.url, auth: { user: 'jo', password: SECRET } }, [SECRET, basic]]
  ]
  for (const [options, secrets] of variants) {
    backend.answer = (response, { headers, path }) => { response.writeHead(400).end(JSON.stringify({ also: secrets, path, headers })) }
    const error = await rejectionOf(sinkFor(t, options).send(batchOf(lines), attempt()))
    const shown = `${error.message} ${error.stack} ${JSON.stringify(error)}`
    t.match(shown, '[hidden]')
    for (const secret of secrets) t.notOk(shown.includes(secret), `${secret} is not in ${shown}`)
  }
})

t.test('a large batch is divided into requests that are made side by side, if that is asked for', async t => {
  const backend = await openBackend(t)
  let open = 0
  let most = 0
  const waiting: Array<() => void> = []
  backend.answer = response => {
    most = Math.max(most, ++open)
    waiting.push(() => {
      open--
      response.writeHead(204).end()
    })
    if (waiting.length === 3) for (const answer of waiting) answer()
  }
  const many = Array.from({ length: 1500 }, (_, n) => JSON.stringify({ level: 30, n, text: 'x'.repeat(50) }))
  await sinkFor(t, { url: backend.url, concurrency: 3 }).send(batchOf(many), attempt())
  t.equal(most, 3)
  t.same(backend.requests.flatMap(({ body }) => body.trimEnd().split('\n')).sort(), [...many].sort())
  backend.answer = response => { response.writeHead(204).end() }
  await sinkFor(t, { url: backend.url, concurrency: 3 }).send(batchOf(lines), attempt())
  t.equal(backend.requests.length, 4, 'a small one is not worth it')
})

t.test('if one of several requests fails, exactly its lines are to be sent again', async t => {
  const backend = await openBackend(t)
  const many = Array.from({ length: 1500 }, (_, n) => JSON.stringify({ n, text: 'x'.repeat(50) }))
  backend.answer = (response, { body }) => { response.writeHead(body.includes('"n":700,') ? 503 : 204, { 'retry-after': '3' }).end() }
  const error = await rejectionOf(sinkFor(t, { url: backend.url, concurrency: 3 }).send(batchOf(many), attempt()))
  const failed = backend.requests.find(({ body }) => body.includes('"n":700,'))?.body.trimEnd().split('\n').map(line => (JSON.parse(line) as { n: number }).n)
  t.match(error, { statusCode: 503, retryAfterMs: 3000 })
  t.same(error['retry'], failed)
})

t.test('an answer that is not one of the format is a failure', async t => {
  const error = await rejectionBy(t, response => { response.end(`${SECRET}, welcome`) }, { format: 'elasticsearch', elasticsearch: { index: 'logs' }, auth: { token: SECRET } })
  t.match(error, { message: /answered http 200, but its body is not an answer of elasticsearch: \[hidden\], welcome$/ })
  t.equal(error.cause, undefined)
  t.equal(reasonOf(error), 'write-error')
})

t.test('of a bulk request exactly the refused lines are refused, and exactly those that there was no room for are to be sent again', async t => {
  const backend = await openBackend(t)
  const statuses = [201, 400, 429, 201]
  backend.answer = response => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({
      errors: true,
      items: statuses.map(status => ({ create: status === 201 ? { status } : { status, error: { type: 'document_parsing_exception', reason: `bad ${SECRET}` } } }))
    }))
  }
  const sink = sinkFor(t, { url: backend.url, format: 'elasticsearch', elasticsearch: { index: 'logs' }, auth: { token: SECRET, scheme: 'ApiKey' } })
  const error = await rejectionOf(sink.send(batchOf(lines), attempt()))
  t.same(error['refused'], [{ line: 1, reason: 'document_parsing_exception: bad [hidden]', status: 400 }])
  t.same(error['retry'], [2])
  t.match(error, { statusCode: 429, message: /refused 1 of 4 lines.*1 of 4 lines are to be sent again/ })
  t.equal(backend.requests[0]?.path, '/_bulk?filter_path=error.type%2Cerror.reason%2Cerrors%2Citems.*.status%2Citems.*.error.type%2Citems.*.error.reason')
  t.notMatch(`${error.message} ${JSON.stringify(error)}`, SECRET)
})

t.test('each format has its own path, unless the URL has one', async t => {
  const backend = await openBackend(t)
  backend.answer = response => { response.end('{"errors":false}') }
  const pathOf = async (options: Partial<HttpSinkOptions>, suffix = ''): Promise<string | undefined> => {
    await sinkFor(t, { url: backend.url + suffix, ...options }).send(batchOf(lines), attempt())
    return backend.requests.at(-1)?.path
  }
  t.equal(await pathOf({}), '/')
  t.equal(await pathOf({ format: 'json' }), '/')
  t.equal(await pathOf({ format: 'loki' }), '/loki/api/v1/push')
  t.equal(await pathOf({ format: 'splunk' }), '/services/collector/event')
  t.equal(await pathOf({ format: 'loki' }, '/gateway/push?x=1'), '/gateway/push?x=1')
  t.equal(await pathOf({ format: 'elasticsearch' }, '/logs/_bulk?filter_path=errors&a=%20'), '/logs/_bulk?filter_path=errors&a=%20')
})

const outages: Array<[what: string, reason: string, answer: HttpBackend['answer']]> = [
  ['answers 503', 'http-503', response => { response.writeHead(503).end() }],
  ['answers 401', 'http-401', response => { response.writeHead(401).end() }],
  ['answers 301', 'http-301', response => { response.writeHead(301, { location: 'http://elsewhere.example/' }).end() }],
  ['resets connections', 'network', response => { response.socket?.resetAndDestroy() }],
  ['never answers', 'network', () => {}]
]

for (const [what, reason, answer] of outages) {
  t.test(`through the transport: a backend that ${what} opens the breaker, and gets every line in order once it is well`, async t => {
    const backend = await openBackend(t)
    const file = join(t.testdir({}), 'app.log')
    const fanout = openFanout({
      targets: [
        { name: 'http', target: 'pino-breaker-fanout/http', options: { url: backend.url, timeoutMs: 300 }, breaker: { failureThreshold: 2, recoveryTimeoutMs: 200 } },
        { target: 'pino/file', options: { destination: file } }
      ]
    })
    const taken: number[] = []
    const well: HttpBackend['answer'] = (response, { body }) => {
      taken.push(...body.trimEnd().split('\n').flatMap(line => (JSON.parse(line) as { id?: number }).id ?? []))
      response.writeHead(204).end()
    }
    backend.answer = well
    for (let id = 0; id < 100; id++) fanout.log.info({ id }, 'before')
    await until(() => taken.length === 100, 'the first lines')
    backend.answer = answer
    for (let id = 100; id < 200; id++) fanout.log.info({ id }, 'during')
    t.equal((await fanout.transitionTo('http', 'open')).reason, reason)
    backend.answer = well
    await fanout.transitionTo('http', 'closed')
    for (let id = 200; id < 300; id++) fanout.log.info({ id }, 'after')
    await until(() => taken.length >= 300, 'all lines')
    t.same(taken, Array.from({ length: 300 }, (_, id) => id))
    await fanout.close()
    t.same(fanout.snapshots.flatMap(({ sinks }) => sinks).filter(sink => sink.linesReceived !== accountedLines(sink)), [])
  })
}

t.test('through the transport: an unknown authority opens the breaker as a network failure', async t => {
  const backend = await openBackend(t, makeCertificates(t.testdir({})))
  const fanout = openFanout({ targets: [{ name: 'http', target: 'pino-breaker-fanout/http', options: { url: backend.url } }], breaker: { failureThreshold: 1 }, diagnostics: false, closeTimeoutMs: 1000 })
  fanout.log.info('hi')
  t.match(await fanout.transitionTo('http', 'open'), { reason: 'network', err: { code: 'SELF_SIGNED_CERT_IN_CHAIN' } })
  await fanout.close()
})

t.test('a body that is larger than the user allows, before compression, is sent in several requests; a line that is larger by itself is refused without one', async t => {
  const formats: Array<Partial<HttpSinkOptions>> = [{}, { gzip: true }, { format: 'json' }, { format: 'loki' }, { format: 'splunk' }, { format: 'elasticsearch', elasticsearch: { index: 'logs' } }]
  for (const options of formats) {
    const backend = await openBackend(t)
    backend.answer = response => { response.end('{"errors":false}') }
    const many = Array.from({ length: 300 }, (_, n) => JSON.stringify({ level: 30, time: 1700000000000 + n, text: n === 150 ? 'long'.repeat(2000) : `"${n}"`.repeat(20) }))
    const error = await rejectionOf(sinkFor(t, { url: `${backend.url}/in`, maxRequestBytes: 8000, ...options }).send(batchOf(many), attempt()))
    t.match(error, { refused: [{ line: 150, reason: /^too large: its request would have \d+ bytes, more than maxRequestBytes \(8000\)$/ }], retry: [] })
    t.equal(error['statusCode'], undefined, 'the backend is not to blame')
    const sizes = backend.requests.map(({ body }) => Buffer.byteLength(body))
    t.ok(Math.max(...sizes) <= 8000, String(sizes))
    t.ok(sizes.length < 2.5 * sizes.reduce((sum, size) => sum + size, 0) / 8000, 'not in crumbs')
    t.same(backend.requests.flatMap(({ body }) => Array.from(body.matchAll(/(?<=\D)17000000\d{5}(?=,\\?"text)/g), ([time]) => Number(time) - 1700000000000)), many.flatMap((_, n) => n === 150 ? [] : [n]), JSON.stringify(options))
  }
})

t.test('a size that is learned from a 413 stays below the limit of the user', async t => {
  const backend = await openBackend(t)
  backend.answer = (response, { body }) => { response.writeHead(body.length > 3000 ? 413 : 204).end() }
  const sink = sinkFor(t, { url: backend.url, maxRequestBytes: 8000 })
  const many = Array.from({ length: 300 }, (_, n) => JSON.stringify({ n, text: 'x'.repeat(100) }))
  for (let n = 0; n < 20; n++) await sink.send(batchOf(many), attempt())
  t.ok(backend.requests.every(({ body }) => body.length <= 8000))
  t.ok(backend.requests.filter(({ body }) => body.length > 3000).length < 10, 'and what is too large is tried seldom')
})

t.test('Splunk without a channel, or with a wrong index, is a failure, and no line is refused', async t => {
  for (const body of ['{"text":"Data channel is missing","code":10}', '{"text":"Incorrect index","code":7,"invalid-event-number":0}']) {
    t.match(await rejectionBy(t, response => { response.writeHead(400).end(body) }, { format: 'splunk' }), { statusCode: 400, retryable: true })
  }
  t.match(await rejectionBy(t, response => { response.writeHead(400).end('{"text":"Invalid data format","code":6,"invalid-event-number":2}') }, { format: 'splunk' }), { statusCode: 400, retryable: false })
  t.match(await rejectionBy(t, response => { response.writeHead(403).end('{"text":"Invalid token","code":4}') }, { format: 'splunk' }), { statusCode: 403, retryable: true })
  t.match(await rejectionBy(t, response => { response.writeHead(503).end('{"text":"Server is busy","code":9}') }, { format: 'splunk' }), { statusCode: 503, retryable: true })
})

t.test('all requests to Splunk have the channel of the sink', async t => {
  const backend = await openBackend(t)
  const sink = sinkFor(t, { url: backend.url, format: 'splunk' })
  for (let n = 0; n < 3; n++) await sink.send(batchOf(lines), attempt())
  const channels = new Set(backend.requests.map(({ headers }) => headers['x-splunk-request-channel']))
  t.equal(channels.size, 1)
  t.match([...channels][0], /^[\da-f-]{36}$/)
})
