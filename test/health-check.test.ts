import t, { type Test } from 'tap'
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { systemClock } from '#lib/clock'
import type { SinkFailure } from '#lib/failure'
import { HealthCheck } from '#lib/health-check'
import { HandClock } from './support/hand-clock.js'

type Asked = { kind: 'http', url: string } | { kind: 'tcp', host: string, port: number }

/** Does one check, and tells how it went. */
async function checkOnce (t: Test, asked: Asked, timeoutMs = 5000): Promise<{ check: HealthCheck, failure: SinkFailure | undefined }> {
  let check: HealthCheck | undefined
  const failure = await new Promise<SinkFailure | undefined>(resolve => {
    check = new HealthCheck('x', { ...asked, intervalMs: 60000, timeoutMs }, systemClock, { onPassed: () => resolve(undefined), onFailed: resolve })
    t.teardown(() => check?.stop())
    check.check()
    check.check()
  })
  return { check: check as HealthCheck, failure }
}

async function serve (t: Test, listener: http.RequestListener): Promise<number> {
  const server = http.createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

t.test('a URL that answers below 400 passes, asked once', async t => {
  let requests = 0
  const port = await serve(t, (_request, response) => {
    requests++
    response.writeHead(204).end()
  })
  const { check, failure } = await checkOnce(t, { kind: 'http', url: `http://127.0.0.1:${port}/ready` })
  t.equal(failure, undefined)
  t.equal(check.hasPassed, true)
  t.equal(requests, 1)
  check.forget()
  t.equal(check.hasPassed, false)
})

t.test('user and password of the URL are sent, and stand in no failure', async t => {
  const seen: Array<string | undefined> = []
  const port = await serve(t, (request, response) => {
    seen.push(request.headers.authorization)
    response.writeHead(503).end()
  })
  const { failure } = await checkOnce(t, { kind: 'http', url: `http://me:secret@127.0.0.1:${port}/` })
  t.same(seen, [`Basic ${Buffer.from('me:secret').toString('base64')}`])
  t.match(failure, { reason: 'health-check', err: { statusCode: 503 } })
  t.notMatch(JSON.stringify(failure), 'secret')
})

t.test('a URL that nobody serves fails, with the system\'s code', async t => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  t.match((await checkOnce(t, { kind: 'http', url: `http://127.0.0.1:${port}/` })).failure, { reason: 'health-check', err: { code: 'ECONNREFUSED' } })
  t.match((await checkOnce(t, { kind: 'tcp', host: '127.0.0.1', port })).failure, { reason: 'health-check', err: { code: 'ECONNREFUSED' } })
})

t.test('a port that accepts passes', async t => {
  const port = await serve(t, () => {})
  t.equal((await checkOnce(t, { kind: 'tcp', host: '127.0.0.1', port })).failure, undefined)
})

t.test('no answer within timeoutMs fails', async t => {
  const port = await serve(t, () => {})
  t.match((await checkOnce(t, { kind: 'http', url: `http://127.0.0.1:${port}/` }, 20)).failure, { reason: 'health-check', err: { code: 'ERR_FANOUT_SINK_TIMEOUT' } })
})

t.test('time in which this thread was stopped is not time in which it waited', async t => {
  const clock = new HandClock()
  const port = await serve(t, () => {})
  const told: string[] = []
  const check = new HealthCheck('x', { kind: 'http', url: `http://127.0.0.1:${port}/`, intervalMs: 60000, timeoutMs: 2000 }, clock, { onPassed: () => told.push('passed'), onFailed: () => told.push('failed') })
  t.teardown(() => check.stop())
  check.check()
  clock.advance(1000)
  clock.stop(60000)
  clock.advance(999)
  t.same(told, [])
  clock.advance(1)
  t.same(told, ['failed'])
})

t.test('after stop() nothing is told any more', async t => {
  const port = await serve(t, () => {})
  const told: string[] = []
  const check = new HealthCheck('x', { kind: 'http', url: `http://127.0.0.1:${port}/`, intervalMs: 60000, timeoutMs: 20 }, systemClock, { onPassed: () => told.push('passed'), onFailed: () => told.push('failed') })
  check.start()
  check.check()
  check.stop()
  await checkOnce(t, { kind: 'http', url: `http://127.0.0.1:${port}/` }, 40)
  t.same(told, [])
})
