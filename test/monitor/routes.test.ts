import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import t, { type Test } from 'tap'
import type { SinkSnapshot } from '#lib/metrics'
import { Access } from '#lib/monitor/access'
import { toRequestError } from '#lib/monitor/request-error'
import { EVENTS, Routes, type RoutesDeps } from '#lib/monitor/routes'
import { TOKEN, ask, openMonitor } from '../support/monitor-rig.js'

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
const REFUSING = { name: '@scope/refusing', target: resolve('test/fixtures/sink-send-rejects.js'), isolation: 'inline' } as const

type One = { sink: SinkSnapshot }
type Many = { sinks: SinkSnapshot[] }

function fileIn (t: Test, name = 'file'): { name: string, target: string, level: string, options: { destination: string } } {
  return { name, target: 'pino/file', level: 'info', options: { destination: `${t.testdir({})}/${name}.log` } }
}

t.test('what is seen', async t => {
  const { ask, stream } = await openMonitor(t)
  stream.write('{"level":30,"msg":"a line"}\n')

  t.test('the page is at the root', async t => {
    t.match(await ask('/'), { status: 200, headers: { 'content-type': /^text\/html/ }, text: /^<!doctype html>/i })
  })

  t.test('the metrics are text', async t => {
    t.match(await ask('/metrics'), { status: 200, headers: { 'content-type': /text/ }, text: /pino_breaker_fanout_up_seconds \d/ })
  })

  t.test('the snapshot tells of the process too', async t => {
    const { status, headers, body } = await ask('/snapshot.json')
    t.equal(status, 200)
    t.equal(headers['content-type'], 'application/json')
    t.match(body, { hasEnded: false, upMs: Number, pid: process.pid, hostname: String, version, actions: true, sinks: [{ name: 'file', state: 'closed', linesReceived: 1 }] })
  })

  t.test('HEAD is answered as GET, without a body', async t => {
    for (const path of ['/', '/metrics', '/healthz', '/snapshot.json', '/events']) {
      const [head, get] = [await ask(path, { method: 'HEAD' }), path === '/events' ? undefined : await ask(path)]
      t.equal(head.status, 200, path)
      t.equal(head.text, '')
      if (get !== undefined) t.equal(head.headers['content-type'], get.headers['content-type'])
    }
  })

  t.test('a path that is not there is not found', async t => {
    for (const path of ['/nope', '/metrics/', '//', '/constructor', '/__proto__', '/sinks', '/sinks/', '/sinks/file', '/sinks/file/', '/sinks//open', '/sinks/file/OPEN', '/sinks/file/explode', '/sinks/%E0%A4%A/open', '/sinks/%/open', '*', '/%2e%2e/metrics', '/../metrics', 'http://evil.example/metrics']) {
      for (const method of ['GET', 'POST', 'DELETE']) t.match(await ask(path, { method }), { status: 404, body: { error: { code: 'not-found' } } }, `${method} ${path}`)
    }
  })

  t.test('another method is told which are allowed', async t => {
    for (const path of ['/', '/metrics', '/healthz', '/snapshot.json', '/events']) {
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH']) t.match(await ask(path, { method }), { status: 405, headers: { allow: 'GET, HEAD' } }, `${method} ${path}`)
    }
    for (const path of ['/level', '/reopen', '/sinks/file/open', '/sinks/file/level', '/sinks/none/close']) {
      for (const method of ['GET', 'HEAD', 'PUT', 'OPTIONS']) t.match(await ask(path, { method }), { status: 405, headers: { allow: 'POST' } }, `${method} ${path}`)
    }
  })

  t.test('no answer may be kept, framed, guessed at or read by another site', async t => {
    for (const [path, method] of [['/', 'GET'], ['/metrics', 'GET'], ['/nope', 'GET'], ['/sinks/file/close', 'POST'], ['/healthz', 'GET']] as const) {
      const { headers } = await ask(path, { method, headers: { 'access-control-request-method': 'POST' } })
      t.match(headers, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'x-frame-options': 'DENY', 'content-security-policy': /default-src 'none'/ }, path)
      t.match(headers['content-security-policy'], /frame-ancestors 'none'/)
      t.same(Object.keys(headers).filter(name => name.startsWith('access-control')), [])
    }
  })
})

t.test('health', async t => {
  t.test('the health does not follow a sink, unless it is asked to', async t => {
    const { ask, stream } = await openMonitor(t, { targets: [fileIn(t), REFUSING] })
    t.match(await ask('/healthz?sinks'), { status: 200, body: { status: 'ok' } })
    await stream.act('open', '@scope/refusing')
    t.match(await ask('/healthz'), { status: 200, text: '{"status":"ok"}' })
    t.match(await ask('/healthz?sinks'), { status: 503, body: { status: 'degraded', sinks: [{ name: '@scope/refusing', state: 'open' }] } })
    t.match(await ask('/healthz?a=b&sinks=1'), { status: 503 })
  })

  t.test('it needs no token, but only who has it learns the names of sinks', async t => {
    const { ask, stream } = await openMonitor(t, { targets: [fileIn(t)] })
    await stream.act('open', 'file')
    t.match(await ask('/healthz', { headers: { authorization: '' } }), { status: 200 })
    t.match(await ask('/healthz?sinks', { headers: { authorization: '' } }), { status: 503, text: '{"status":"degraded"}' })
  })

  t.test('a transport that was asked to end is not healthy, and takes no actions', async t => {
    const { ask, stream } = await openMonitor(t, { targets: [{ name: 'hung', target: resolve('test/fixtures/sink-never-calls-back.js'), isolation: 'inline' }], closeTimeoutMs: 5000 })
    stream.write('{"level":30}\n')
    t.match(await ask('/healthz'), { status: 200 })
    stream.end()
    t.match(await ask('/healthz'), { status: 503, body: { status: 'ended' } })
    t.match(await ask('/healthz?sinks'), { status: 503, body: { status: 'ended' } })
    t.match(await ask('/snapshot.json'), { status: 200 }, 'it can be seen while it ends')
    for (const path of ['/sinks/hung/open', '/sinks/none/open', '/sinks/hung/reopen', '/reopen']) t.match(await ask(path, { method: 'POST' }), { status: 409, body: { error: { code: 'ERR_FANOUT_CLOSED' } } }, path)
    t.match(await ask('/level', { method: 'POST', body: '{"level":30}' }), { status: 409 })
    stream.destroy()
  })
})

t.test('actions', async t => {
  t.test('each answers with the sink as it is then', async t => {
    const { ask } = await openMonitor(t, { targets: [fileIn(t), REFUSING] })
    const act = async (action: string): Promise<SinkSnapshot> => {
      const { status, body } = await ask(`/sinks/%40scope%2Frefusing/${action}`, { method: 'POST' })
      t.equal(status, 200, action)
      return (body as One).sink
    }
    t.match(await act('open'), { name: '@scope/refusing', state: 'open', stateReason: 'forced' })
    t.match(await act('open'), { state: 'open' }, 'twice is once')
    t.match(await act('close'), { state: 'closed', stateReason: 'forced' })
    t.match(await act('open'), { state: 'open' })
    t.match(await act('reset'), { state: 'closed', stateReason: 'reset', consecutiveFailures: 0 })
    t.match(await act('replay'), { state: 'closed' })
    t.match(await act('reopen'), { state: 'closed' })
  })

  t.test('a snapshot that follows an action shows what it has done', async t => {
    const { ask } = await openMonitor(t)
    const state = async (): Promise<string | undefined> => ((await ask('/snapshot.json')).body as Many).sinks[0]?.state
    for (let i = 0; i < 5; i++) {
      t.equal(await state(), 'closed')
      await ask('/sinks/file/open', { method: 'POST' })
      t.equal(await state(), 'open')
      await ask('/sinks/file/reset', { method: 'POST' })
      const { body } = await ask('/level', { method: 'POST', body: `{"level":${i}}` })
      t.match(body, { sinks: [{ level: i }] })
      t.match((await ask('/snapshot.json')).body, { sinks: [{ level: i }] })
    }
  })

  t.test('a name with slashes need not be encoded', async t => {
    const { ask } = await openMonitor(t, { targets: [fileIn(t), REFUSING] })
    t.match(await ask('/sinks/@scope/refusing/open', { method: 'POST' }), { status: 200, body: { sink: { name: '@scope/refusing' } } })
  })

  t.test('the level is a number or a label, of one sink or of all', async t => {
    const { ask } = await openMonitor(t, { targets: [fileIn(t), REFUSING, { ...fileIn(t, 'spare'), standby: true }] })
    const set = async (path: string, level: unknown) => await ask(path, { method: 'POST', body: JSON.stringify({ level }) })
    t.match(await set('/sinks/file/level', 'debug'), { status: 200, body: { sink: { name: 'file', level: 20 } } })
    t.match(await set('/sinks/file/level', 35), { status: 200, body: { sink: { level: 35 } } })
    t.match(await set('/sinks/file/level', 'all'), { status: 200, body: { sink: { level: 'all' } } })
    const { body } = await set('/level', 'error')
    t.match(body, { sinks: [{ name: 'file', level: 50 }, { name: '@scope/refusing', level: 50 }, { name: 'spare', level: 'all' }] })
  })

  t.test('a level that is none is refused, and changes nothing', async t => {
    const { ask } = await openMonitor(t)
    for (const body of [undefined, '', 'debug', '{', '[]', 'null', '{}', '{"level":null}', '{"level":true}', '{"level":{}}', '{"level":["info"]}']) {
      t.match(await ask('/level', { method: 'POST', ...body !== undefined && { body } }), { status: 400, body: { error: { code: 'bad-body' } } }, `${body}`)
    }
    for (const level of ['loud', '', '__proto__', 'constructor']) t.match(await ask('/sinks/file/level', { method: 'POST', body: JSON.stringify({ level }) }), { status: 400, body: { error: { code: 'ERR_FANOUT_UNKNOWN_LEVEL', message: /^expected a number, 'all' or one of trace/ } } }, level)
    t.match((await ask('/snapshot.json')).body, { sinks: [{ level: 'all' }] })
  })

  t.test('a sink that is not there is not found, and the nearest is suggested', async t => {
    const { ask } = await openMonitor(t)
    for (const action of ['open', 'close', 'reset', 'replay', 'reopen']) t.match(await ask(`/sinks/fiel/${action}`, { method: 'POST' }), { status: 404, body: { error: { code: 'ERR_FANOUT_UNKNOWN_SINK', message: /did you mean "file"/ } } }, action)
    t.match(await ask('/sinks/__proto__/level', { method: 'POST', body: '{"level":30}' }), { status: 404, body: { error: { code: 'ERR_FANOUT_UNKNOWN_SINK' } } })
  })

  t.test('files are opened again by their names, and only files', async t => {
    const { ask } = await openMonitor(t, { targets: [fileIn(t), REFUSING, fileIn(t, 'other')] })
    const { status, body } = await ask('/reopen', { method: 'POST' })
    t.equal(status, 200)
    t.same((body as Many).sinks.map(({ name }) => name), ['file', 'other'])
  })

  t.test('a body of more than 4 KiB is refused, whatever its length is said to be', async t => {
    const { ask } = await openMonitor(t)
    const padded = (bytes: number): string => '{"level":"warn"}'.padEnd(bytes)
    t.match(await ask('/level', { method: 'POST', body: padded(4096) }), { status: 200 })
    for (const path of ['/level', '/reopen', '/sinks/file/open', '/sinks/file/level']) {
      t.match(await ask(path, { method: 'POST', body: padded(4097) }), { status: 413, body: { error: { code: 'body-too-large' } } }, path)
      t.match(await ask(path, { method: 'POST', body: padded(4097), headers: { 'transfer-encoding': 'chunked' } }), { status: 413 }, path)
    }
    t.match((await ask('/snapshot.json')).body, { sinks: [{ level: 40, state: 'closed' }] }, 'nothing was done')
  })

  t.test('without the token they are 401, from another origin 403, and if they are off 403', async t => {
    const { ask } = await openMonitor(t)
    const off = await openMonitor(t, { monitor: { actions: false } })
    for (const path of ['/level', '/reopen', '/sinks/file/open', '/sinks/none/open']) {
      t.match(await ask(path, { method: 'POST', headers: { authorization: 'Bearer wrong' } }), { status: 401, headers: { 'www-authenticate': /^Basic realm="pino-breaker-fanout"/ }, body: { error: { code: 'unauthorized' } } }, path)
      t.match(await ask(path, { method: 'POST', headers: { origin: 'http://evil.example' } }), { status: 403, body: { error: { code: 'foreign-origin' } } }, path)
      t.match(await ask(path, { method: 'POST', headers: { host: 'evil.example' } }), { status: 403, body: { error: { code: 'foreign-host' } } }, path)
      t.match(await off.ask(path, { method: 'POST' }), { status: 403, body: { error: { code: 'actions-off' } } }, path)
    }
    for (const { body } of [await ask('/snapshot.json'), await off.ask('/snapshot.json')]) t.match(body, { sinks: [{ state: 'closed', transitions: [] }] })
    t.match((await off.ask('/snapshot.json')).body, { actions: false })
  })
})

t.test('with a token nothing but the health is seen without it', async t => {
  const { ask } = await openMonitor(t, { monitor: { actions: false } })
  for (const path of ['/', '/metrics', '/snapshot.json', '/events', '/nope', '/sinks/file/open']) t.match(await ask(path, { headers: { authorization: '' } }), { status: 401 }, path)
  t.match(await ask('/snapshot.json', { headers: { authorization: `Basic ${Buffer.from(`ops:${TOKEN}`).toString('base64')}` } }), { status: 200 })
})

/** Routes with dependencies of a test, behind a server. */
async function serve (t: Test, deps: Partial<RoutesDeps>): Promise<string> {
  const fail = (): never => { throw new Error('not expected') }
  const routes = new Routes({
    controls: { snapshot: fail, act: fail, reopenFiles: fail, setLevel: fail, listen: fail },
    access: new Access({ token: undefined, isLoopback: true }),
    actions: false,
    takesLines: () => true,
    snapshot: fail,
    metrics: fail,
    onAction: fail,
    ...deps
  })
  const server = createServer((request: IncomingMessage, response) => {
    routes.answer(request).then(answer => {
      if (answer !== EVENTS) response.writeHead(answer.status, { ...answer.headers }).end(answer.body)
    }, error => {
      const { status, code, message } = toRequestError(error)
      response.writeHead(status).end(JSON.stringify({ code, message }))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('metrics that cannot be made are not implemented, and the answer says why', async t => {
  const address = await serve(t, { metrics: async () => { throw new Error('npm install prom-client') } })
  t.match(await ask(address, '/metrics'), { status: 501, body: { code: 'no-metrics', message: 'npm install prom-client' } })
})

t.test('the metrics are in a form that was asked for', async t => {
  const address = await serve(t, { metrics: async accept => ({ contentType: 'application/x', body: `for ${accept}` }) })
  t.match(await ask(address, '/metrics', { headers: { accept: 'a/b;q=0.5' } }), { status: 200, headers: { 'content-type': 'application/x' }, text: 'for a/b;q=0.5' })
})

t.test('a fault of the transport itself is an internal error', async t => {
  const address = await serve(t, { snapshot: () => { throw new TypeError('broken') } })
  t.match(await ask(address, '/snapshot.json'), { status: 500, body: { code: 'internal-error', message: 'broken' } })
})
