import type { Duplex } from 'node:stream'
import type { DeliverySink } from 'pino-breaker-fanout'
import createHttpSink, { type HttpSinkOptions } from 'pino-breaker-fanout/http'
import t, { type Test } from 'tap'
import { reasonOf } from '#lib/failure'
import { makeCertificates } from '../support/certificates.js'
import { accountedLines, openFanout } from '../support/fanout-rig.js'
import { openBackend, type HttpBackend } from '../support/http-backend.js'
import { openProxy, startTinyproxy } from '../support/http-proxy.js'
import { attempt, batchOf, rejectionOf } from '../support/http-sinks.js'
import { freePort, needs } from '../support/real-servers.js'

t.setTimeout(120000)

const PASSWORD = 's3cr3t-pw'
const lines = Array.from({ length: 4 }, (_, n) => `{"level":30,"time":170000000000${n},"n":${n}}`)
const certificates = makeCertificates(t.testdir({}))
const tls = { ca: certificates.ca }

function sinkFor (t: Test, options: HttpSinkOptions): DeliverySink {
  const sink = createHttpSink(options)
  t.teardown(() => sink.close?.())
  return sink
}

const portOf = (url: string): string => new URL(url).port
const openTlsBackend = (t: Test): Promise<HttpBackend> => openBackend(t, certificates)
const numbersOf = ({ requests }: HttpBackend): number[] => requests.flatMap(({ body }) => body.trimEnd().split('\n').map(line => (JSON.parse(line) as { n: number }).n))
const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

for (const scheme of ['http', 'https'] as const) {
  t.test(`tinyproxy before an ${scheme} backend, with a password: every line arrives, and the backend sees nothing of the proxy`, needs('tinyproxy'), async t => {
    const backend = scheme === 'http' ? await openBackend(t) : await openTlsBackend(t)
    const { host } = await startTinyproxy(t, { ports: [portOf(backend.url)], hasUser: true })
    const options: HttpSinkOptions = { url: `${backend.url}/in?a=b`, proxy: `http://jo:${PASSWORD}@${host}`, auth: { token: 't0k3n' }, gzip: true, ...scheme === 'https' && { tls } }
    const fanout = openFanout({ targets: [{ name: 'http', target: 'pino-breaker-fanout/http', options }] })
    for (const n of range(2000)) fanout.log.info({ n }, 'through a proxy')
    await fanout.sinkWhen('http', ({ linesDelivered }) => linesDelivered === 2000, 'all lines to be delivered')
    t.same(numbersOf(backend), range(2000))
    t.match(backend.requests[0], { path: '/in?a=b', headers: { authorization: 'Bearer t0k3n', host: new URL(backend.url).host } })
    for (const { headers } of backend.requests) t.notOk('proxy-authorization' in headers)
    await fanout.close()
    t.same(fanout.transitions, [])
  })

  t.test(`tinyproxy before an ${scheme} backend, without a password or with a wrong one: a failure that names the proxy, without its password`, needs('tinyproxy'), async t => {
    const backend = scheme === 'http' ? await openBackend(t) : await openTlsBackend(t)
    const { host } = await startTinyproxy(t, { ports: [portOf(backend.url)], hasUser: true })
    // tinyproxy answers 401 to a wrong password.
    for (const [user, status] of [['', 407], ['jo:wr0ng-pw@', 401]] as const) {
      const error = await rejectionOf(sinkFor(t, { url: backend.url, proxy: `http://${user}${host}`, tls }).send(batchOf(lines), attempt()))
      t.match(error, { statusCode: status, retryable: true, message: new RegExp(`prox.* http://${host}.* answered http ${status}`) })
      t.equal(reasonOf(error), `http-${status}`)
      t.notMatch(`${error.message} ${error.stack} ${JSON.stringify(error)}`, 'wr0ng-pw')
    }
    t.equal(backend.requests.length, 0)
  })
}

t.test('a tunnel that tinyproxy does not open, or cannot, is a failure', needs('tinyproxy'), async t => {
  const backend = await openTlsBackend(t)
  const closed = await freePort()
  const { host } = await startTinyproxy(t, { ports: [String(closed)] })
  t.match(await rejectionOf(sinkFor(t, { url: backend.url, proxy: host, tls }).send(batchOf(lines), attempt())), { statusCode: 403, retryable: true, message: `the proxy at http://${host} answered http 403` })
  t.match(await rejectionOf(sinkFor(t, { url: `https://127.0.0.1:${closed}`, proxy: host, tls }).send(batchOf(lines), attempt())), { statusCode: 500, retryable: true })
})

t.test('tinyproxy is killed while lines come, and every line arrives once it is started again', needs('tinyproxy'), async t => {
  const backend = await openTlsBackend(t)
  const proxy = await startTinyproxy(t, { ports: [portOf(backend.url)] })
  const fanout = openFanout({
    targets: [{ name: 'http', target: 'pino-breaker-fanout/http', options: { url: backend.url, proxy: proxy.host, tls }, breaker: { failureThreshold: 2, recoveryTimeoutMs: 300 }, batch: { maxMs: 0 } }],
    diagnostics: false
  })
  for (const n of range(500)) fanout.log.info({ n }, 'before')
  await fanout.sinkWhen('http', ({ linesDelivered }) => linesDelivered >= 100, 'some lines to be delivered')
  await proxy.kill()
  for (const n of range(500)) fanout.log.info({ n: 500 + n }, 'during')
  t.equal((await fanout.transitionTo('http', 'open')).reason, 'network')
  await proxy.start()
  await fanout.transitionTo('http', 'closed')
  await fanout.sinkWhen('http', ({ linesDelivered }) => linesDelivered === 1000, 'all lines to be delivered')
  t.same([...new Set(numbersOf(backend))], range(1000))
  await fanout.close()
  t.same(fanout.snapshots.flatMap(({ sinks }) => sinks).filter(sink => sink.linesReceived !== accountedLines(sink)), [])
})

t.test('a proxy of the environment of its thread is used, and its password is never shown', async t => {
  const backend = await openTlsBackend(t)
  const proxy = await openProxy(t)
  const targetWith = (env: Record<string, string>) => ({ name: 'http', target: 'pino-breaker-fanout/http', options: { url: backend.url, tls }, worker: { env } })
  const fanout = openFanout({ targets: [targetWith({ https_proxy: proxy.url.replace('//', `//jo:${PASSWORD}@`) })] })
  fanout.log.info({ n: 0 }, 'through a proxy')
  await fanout.sinkWhen('http', ({ linesDelivered }) => linesDelivered === 1, 'the line to be delivered')
  await fanout.close()
  t.match(proxy.asked, [{ method: 'CONNECT', target: new URL(backend.url).host, headers: { 'proxy-authorization': `Basic ${Buffer.from(`jo:${PASSWORD}`).toString('base64')}` } }])

  const direct = openFanout({ targets: [targetWith({ https_proxy: proxy.url, NO_PROXY: '127.0.0.0/8' })] })
  direct.log.info({ n: 1 }, 'directly')
  await direct.sinkWhen('http', ({ linesDelivered }) => linesDelivered === 1, 'the line to be delivered')
  await direct.close()
  t.equal(proxy.asked.length, 1)
})

t.test('the secrets of an answer are hidden, those of the proxy too', async t => {
  const backend = await openBackend(t)
  const proxy = await openProxy(t)
  const credentials = Buffer.from(`jo:${PASSWORD}`).toString('base64')
  backend.answer = response => { response.writeHead(400).end(`${PASSWORD} ${credentials} jo:${PASSWORD} s3cr3t%2Dpw`) }
  const error = await rejectionOf(sinkFor(t, { url: backend.url, proxy: proxy.url.replace('//', `//jo:${PASSWORD}@`) }).send(batchOf(lines), attempt()))
  t.match(error, { statusCode: 400, message: /: \[hidden\] \[hidden\] .*\[hidden\] \[hidden\]$/ })
  t.notMatch(error.message, PASSWORD)
  t.notMatch(error.message, credentials)
})

t.test('a tunnel is opened once, and used again; the proxy sees no header and no line', async t => {
  const backend = await openTlsBackend(t)
  const proxy = await openProxy(t)
  const sink = sinkFor(t, { url: `${backend.url}/in`, proxy: proxy.url, tls, auth: { token: 't0k3n' } })
  for (let n = 0; n < 5; n++) await sink.send(batchOf(lines), attempt())
  t.equal(new Set(backend.requests.map(({ clientPort }) => clientPort)).size, 1)
  t.equal(proxy.asked.length, 1)
  t.same(Object.keys(proxy.asked[0]?.headers ?? {}).sort(), ['connection', 'host', 'user-agent'])
  for (const tunnel of proxy.tunnels) tunnel.destroy()
  await sink.send(batchOf(lines), attempt())
  t.equal(proxy.asked.length, 2, 'a tunnel that was closed while it was idle is no failure')
})

t.test('an http backend gets its requests through kept connections, too', async t => {
  const backend = await openBackend(t)
  const proxy = await openProxy(t)
  const sink = sinkFor(t, { url: `${backend.url}/in?x=1`, proxy: proxy.url.replace('//', `//jo:${PASSWORD}@`) })
  for (let n = 0; n < 3; n++) await sink.send(batchOf(lines), attempt())
  t.match(proxy.asked[0], { method: 'POST', target: `${backend.url}/in?x=1`, headers: { host: new URL(backend.url).host, 'proxy-authorization': /^Basic / } })
  t.equal(backend.requests.length, 3)
})

t.test('through a tunnel, the certificate must be that of the backend', async t => {
  const backend = await openTlsBackend(t)
  const proxy = await openProxy(t)
  const send = async (options: Partial<HttpSinkOptions>): Promise<Error> => await rejectionOf(sinkFor(t, { url: backend.url, proxy: proxy.url, ...options }).send(batchOf(lines), attempt()))
  t.match(await send({}), { cause: { code: 'SELF_SIGNED_CERT_IN_CHAIN' }, message: `through the proxy at ${proxy.url}` })
  t.match(await send({ tls: { ...tls, servername: 'another.example' } }), { cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } })
  // The proxy leads elsewhere: the name decides, and not the address.
  proxy.onConnect = (proxy => (client: Duplex) => proxy(client, new URL(backend.url).host))(proxy.onConnect)
  t.match(await send({ url: 'https://another.example', tls }), { cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } })
  t.equal(proxy.asked.at(-1)?.target, 'another.example:443')
  t.match(await send({ url: 'https://[::1]:8443', tls }), { cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } })
  t.equal(proxy.asked.at(-1)?.target, '[::1]:8443')
  t.equal(backend.requests.length, 0)
})

t.test('a proxy may itself be reached by TLS, for which the well-known authorities count', async t => {
  const backend = await openBackend(t)
  const proxy = await openProxy(t, certificates)
  t.match(await rejectionOf(sinkFor(t, { url: backend.url, proxy: proxy.url, tls }).send(batchOf(lines), attempt())), { cause: { code: 'SELF_SIGNED_CERT_IN_CHAIN' } })
  t.match(await rejectionOf(sinkFor(t, { url: 'https://logs.example', proxy: proxy.url, tls }).send(batchOf(lines), attempt())), { cause: { code: 'SELF_SIGNED_CERT_IN_CHAIN' } })
  t.equal(proxy.asked.length, 0)
})

const faults: Array<[what: string, expected: object, (client: Duplex, target: string) => void]> = [
  ['asks for a password', { statusCode: 407, retryable: true }, client => client.end('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 4\r\n\r\nnope')],
  ['cannot reach the backend', { statusCode: 502, retryable: true }, client => client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')],
  ['calls the request bad', { statusCode: 400, retryable: true }, client => client.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['redirects', { statusCode: 302, retryable: true }, client => client.end('HTTP/1.1 302 Found\r\nlocation: http://login.example\r\n\r\n')],
  ['never answers', { cause: { code: 'ETIMEDOUT' } }, () => {}],
  ['answers by halves', { cause: { code: 'ETIMEDOUT' } }, client => client.write('HTTP/1.1 200 Conn')],
  ['closes without an answer', { cause: { code: 'ECONNRESET' } }, client => client.end()],
  ['speaks garbage', { cause: { code: /^HPE_/ } }, client => client.end('220 mail.example ESMTP\r\n')],
  ['closes the tunnel at once', { cause: { code: 'ECONNRESET' } }, client => client.end('HTTP/1.1 200 OK\r\n\r\n')],
  ['opens a tunnel to something that speaks no TLS', { cause: { code: /^(EPROTO|ERR_SSL_)/ } }, client => client.end('HTTP/1.1 200 OK\r\n\r\n220 mail.example ESMTP\r\n')],
  ['opens a tunnel that leads nowhere', { cause: { code: 'ETIMEDOUT' } }, client => client.write('HTTP/1.1 200 OK\r\n\r\n')]
]

for (const [what, expected, onConnect] of faults) {
  t.test(`a proxy that ${what} is a failure that names it, and is recovered from`, async t => {
    const backend = await openTlsBackend(t)
    const proxy = await openProxy(t)
    const opens = proxy.onConnect
    proxy.onConnect = onConnect
    const sink = sinkFor(t, { url: backend.url, proxy: proxy.url.replace('//', `//jo:${PASSWORD}@`), tls, timeoutMs: 400 })
    const error = await rejectionOf(sink.send(batchOf(lines), attempt()))
    t.match(error, { ...expected, message: `the proxy at ${proxy.url}` })
    t.match(reasonOf(error), /^(network|http-\d+)$/)
    t.notMatch(`${error.message} ${error.stack} ${JSON.stringify(error)}`, PASSWORD)
    proxy.onConnect = opens
    await sinkFor(t, { url: backend.url, proxy: proxy.url, tls }).send(batchOf(lines), attempt())
    t.equal(backend.requests.length, 1)
  })
}

t.test('a proxy that is not there is a network failure', async t => {
  const proxy = `http://127.0.0.1:${await freePort()}`
  for (const url of ['http://logs.example', 'https://logs.example']) {
    t.match(await rejectionOf(sinkFor(t, { url, proxy }).send(batchOf(lines), attempt())), { message: `no whole answer from ${url} (through the proxy at ${proxy}): connect ECONNREFUSED`, cause: { code: 'ECONNREFUSED' } })
  }
})

t.test('an attempt that is given up while a tunnel is opened ends at once', async t => {
  const proxy = await openProxy(t)
  const controller = new AbortController()
  const reason = new Error('given up')
  const ended = new Promise<void>(resolve => {
    proxy.onConnect = client => {
      client.on('end', resolve).resume()
      controller.abort(reason)
    }
  })
  t.equal(await rejectionOf(sinkFor(t, { url: 'https://logs.example', proxy: proxy.url, timeoutMs: 600000 }).send(batchOf(lines), attempt(controller.signal))), reason)
  await ended
})

t.test('a tunnel that breaks in the middle of a request that is too large teaches a smaller size', async t => {
  const backend = await openTlsBackend(t)
  const proxy = await openProxy(t)
  const opens = proxy.onConnect
  proxy.onConnect = (client, target) => {
    let bytes = 0
    client.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > 60000) client.destroy()
    })
    opens(client, target)
  }
  const many = range(2000).map(n => JSON.stringify({ n, text: 'x'.repeat(100) }))
  const sink = sinkFor(t, { url: backend.url, proxy: proxy.url, tls, timeoutMs: 60000 })
  await sink.send(batchOf(many), attempt())
  t.same([...new Set(numbersOf(backend))], range(2000), 'every line, in order')
})
