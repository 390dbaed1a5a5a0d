import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import createHttpSink, { type HttpSinkOptions } from 'pino-breaker-fanout/http'
import t, { type Test } from 'tap'
import { makeCertificates } from '../support/certificates.js'
import { openFanout } from '../support/fanout-rig.js'
import { openBackend } from '../support/http-backend.js'
import { attempt, batchOf, rejectionOf } from '../support/http-sinks.js'
import { freePort, needs, realServer, type RealServer } from '../support/real-servers.js'

t.setTimeout(120000)

interface ClickHouse extends RealServer {
  /** Where lines are inserted into the table. */
  url: string
  /** The numbers of all lines in the table, sorted. */
  numbers (): Promise<number[]>
}

/** ClickHouse, with a table for lines and a user who may write to it. */
async function startClickHouse (t: Test): Promise<ClickHouse> {
  const folder = t.testdir({})
  const port = await freePort()
  writeFileSync(join(folder, 'config.xml'), `<yandex>
    <logger><level>error</level><console>true</console></logger>
    <http_port>${port}</http_port><listen_host>127.0.0.1</listen_host>
    <path>${folder}/data/</path><tmp_path>${folder}/tmp/</tmp_path>
    <users_config>users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
    <mark_cache_size>16777216</mark_cache_size>
  </yandex>`)
  writeFileSync(join(folder, 'users.xml'), `<yandex>
    <profiles><default></default></profiles><quotas><default></default></quotas>
    <users><logger><password>passw0rd</password><profile>default</profile><quota>default</quota><networks><ip>127.0.0.1</ip></networks></logger></users>
  </yandex>`)
  const base = `http://127.0.0.1:${port}/`
  const server = realServer(t, 'clickhouse-server', [`--config-file=${join(folder, 'config.xml')}`], base)
  const ask = async (query: string): Promise<string> => {
    const response = await fetch(base, { method: 'POST', body: query, headers: { authorization: `Basic ${Buffer.from('logger:passw0rd').toString('base64')}` } })
    const text = await response.text()
    if (!response.ok) throw new Error(text)
    return text
  }
  await server.start()
  await ask('CREATE TABLE lines (level UInt8, time UInt64, n UInt32, msg String) ENGINE = MergeTree() PARTITION BY level ORDER BY n')
  return {
    ...server,
    url: `${base}?query=${encodeURIComponent('INSERT INTO lines FORMAT JSONEachRow')}&input_format_skip_unknown_fields=1`,
    async numbers () {
      return (await ask('SELECT n FROM lines ORDER BY n')).split('\n').slice(0, -1).map(Number)
    }
  }
}

const auth = { user: 'logger', password: 'passw0rd' }
const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

for (const gzip of [false, true]) {
  t.test(`ClickHouse gets every line once, ${gzip ? 'compressed' : 'as it is'}`, needs('clickhouse-server'), async t => {
    const clickHouse = await startClickHouse(t)
    const fanout = openFanout({ targets: [{ name: 'http', target: 'pino-breaker-fanout/http', options: { url: clickHouse.url, auth, gzip } }] }, { timestamp: true })
    for (const n of range(5000)) fanout.log.info({ n, more: { not: 'in the table' } }, 'ein Gruß für "ClickHouse" \\ 𝄞')
    await fanout.sinkWhen('http', ({ linesDelivered }) => linesDelivered === 5000, 'all lines to be delivered')
    t.same(await clickHouse.numbers(), range(5000))
    await fanout.close()
    t.same(fanout.transitions, [])
  })
}

t.test('ClickHouse is killed while lines come, and has every line once it is started again', needs('clickhouse-server'), async t => {
  const clickHouse = await startClickHouse(t)
  const fanout = openFanout({
    targets: [{ name: 'http', target: 'pino-breaker-fanout/http', options: { url: clickHouse.url, auth }, breaker: { failureThreshold: 2, recoveryTimeoutMs: 300 } }],
    diagnostics: false
  }, { timestamp: true })
  for (const n of range(1000)) fanout.log.info({ n }, 'before')
  await fanout.sinkWhen('http', ({ linesDelivered }) => linesDelivered >= 500, 'some lines to be delivered')
  await clickHouse.kill()
  for (const n of range(1000)) fanout.log.info({ n: 1000 + n }, 'during')
  t.equal((await fanout.transitionTo('http', 'open')).reason, 'network')
  await clickHouse.start()
  await fanout.transitionTo('http', 'closed')
  for (const n of range(1000)) fanout.log.info({ n: 2000 + n }, 'after')
  await fanout.sinkWhen('http', ({ linesDelivered }) => linesDelivered === 3000, 'all lines to be delivered')
  t.same([...new Set(await clickHouse.numbers())], range(3000), 'at least once')
  await fanout.close()
})

t.test('what ClickHouse refuses is told apart', needs('clickhouse-server'), async t => {
  const clickHouse = await startClickHouse(t)
  const send = async (options: Partial<HttpSinkOptions>, lines: readonly string[] = ['{"n":1}']): Promise<Error> => {
    const sink = createHttpSink({ url: clickHouse.url, auth, ...options })
    t.teardown(() => sink.close?.())
    return await rejectionOf(sink.send(batchOf(lines), attempt()))
  }
  t.match(await send({}, ['{"n":1}', '{no JSON}']), { statusCode: 400, retryable: false, message: /Cannot parse JSON string/ })
  t.match(await send({ auth: { user: 'logger', password: 'wr0ng-pass' } }), { statusCode: 401, retryable: true })
  t.match(await send({ url: clickHouse.url.replace('lines', 'other') }), { statusCode: 404, retryable: true, message: /other doesn't exist/ })
})

/** nginx, with TLS and a password, before a backend. */
async function startNginx (t: Test, location: string): Promise<{ url: string, ca: string, server: RealServer }> {
  const folder = t.testdir({})
  mkdirSync(join(folder, 'logs'))
  const { ca } = makeCertificates(folder)
  const [port, plainPort] = [await freePort(), await freePort()]
  writeFileSync(join(folder, 'users'), 'logger:{PLAIN}passw0rd\n')
  writeFileSync(join(folder, 'nginx.conf'), `
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr error;
    events {}
    http {
      access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
      fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
      server { listen 127.0.0.1:${plainPort}; }
      server {
        listen 127.0.0.1:${port} ssl; ssl_certificate ${folder}/server.pem; ssl_certificate_key ${folder}/server.key;
        auth_basic logs; auth_basic_user_file ${folder}/users;
        location / { ${location} }
      }
    }`)
  const server = realServer(t, 'nginx', ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')], `http://127.0.0.1:${plainPort}/`)
  await server.start()
  return { url: `https://127.0.0.1:${port}/`, ca, server }
}

t.test('nginx before a backend: TLS, a password, kept connections, and lines as they are', needs('nginx'), async t => {
  const backend = await openBackend(t)
  const { url, ca } = await startNginx(t, `proxy_pass ${backend.url};`)
  const fanout = openFanout({ targets: [{ name: 'http', target: 'pino-breaker-fanout/http', options: { url, auth, gzip: true, tls: { ca } } }] })
  for (const n of range(2000)) fanout.log.info({ n }, 'through nginx')
  await fanout.sinkWhen('http', ({ linesDelivered }) => linesDelivered === 2000, 'all lines to be delivered')
  t.same(backend.requests.flatMap(({ body }) => body.trimEnd().split('\n').map(line => (JSON.parse(line) as { n: number }).n)), range(2000))
  await fanout.close()
  t.same(fanout.transitions, [])
})

t.test('nginx takes no body above its limit: what is larger is sent in halves, and a line that is too large by itself is refused', needs('nginx'), async t => {
  const backend = await openBackend(t)
  const { url, ca } = await startNginx(t, `client_max_body_size 4k; proxy_pass ${backend.url};`)
  const sink = createHttpSink({ url, auth, tls: { ca } })
  t.teardown(() => sink.close?.())
  const lines = range(500).map(n => n === 250 ? `{"n":${n},"text":"${'x'.repeat(8000)}"}` : `{"n":${n},"text":"a line of some length"}`)
  t.match(await rejectionOf(sink.send(batchOf(lines), attempt())), { refused: [{ line: 250, status: 413 }], retry: [] })
  t.same(backend.requests.flatMap(({ body }) => body.trimEnd().split('\n')), lines.filter((_, n) => n !== 250))
})

t.test('what nginx answers by itself is told apart', needs('nginx'), async t => {
  const answers: Array<[location: string, options: Partial<HttpSinkOptions>, expected: object]> = [
    [`proxy_pass http://127.0.0.1:${await freePort()};`, { auth }, { statusCode: 502, retryable: true }],
    ['root /nowhere;', { auth: { user: 'logger', password: 'wr0ng-pass' } }, { statusCode: 401, retryable: true }],
    ['return 301 https://elsewhere.example/in;', { auth }, { statusCode: 301, message: /redirects to https:\/\/elsewhere\.example; redirects/ }],
    ['add_header retry-after 12 always; return 429;', { auth }, { statusCode: 429, retryAfterMs: 12000 }],
    ['return 444;', { auth }, { cause: { code: 'ECONNRESET' } }]
  ]
  for (const [location, options, expected] of answers) {
    const { url, ca, server } = await startNginx(t, location)
    const sink = createHttpSink({ url, tls: { ca }, ...options })
    t.match(await rejectionOf(sink.send(batchOf(['{"n":1}']), attempt())), expected, location)
    await sink.close?.()
    await server.kill()
  }
})
