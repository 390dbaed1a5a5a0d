import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { readFileSync } from 'node:fs'
import type { TargetOptions, TransitionEvent } from 'pino-breaker-fanout'
import t, { type Test } from 'tap'
import { makeCertificates } from '../support/certificates.js'
import { accountedLines, openFanout, until, type FanoutRig } from '../support/fanout-rig.js'

type Mode = 'ok' | 'reset' | 'black hole' | 400 | 401 | 429 | 503

/** A backend of its own port, that can be there or not, and answer as it is told. */
class Backend {
  mode: Mode = 'ok'
  requests = 0
  readonly arrived = new Map<number, number>()
  #server: Server | undefined
  #port = 0

  get url (): string {
    return `http://127.0.0.1:${this.#port}/`
  }

  async open (): Promise<void> {
    const server = this.#server = createServer((request, response) => {
      this.requests++
      if (this.mode === 'reset') return request.socket.resetAndDestroy()
      if (this.mode === 'black hole') return
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part)).on('end', () => {
        if (typeof this.mode === 'number') return response.writeHead(this.mode).end()
        for (const line of Buffer.concat(parts).toString().split('\n')) {
          if (line === '') continue
          const { id } = JSON.parse(line) as { id: number }
          this.arrived.set(id, (this.arrived.get(id) ?? 0) + 1)
        }
        response.writeHead(204).end()
      })
    }).listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
  }

  async close (): Promise<void> {
    const server = this.#server
    if (server?.listening !== true) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
}

async function backendFor (t: Test): Promise<Backend> {
  const backend = new Backend()
  await backend.open()
  t.teardown(() => backend.close())
  return backend
}

function targetFor (backend: Backend, client: 'fetch' | 'http', fields: Partial<TargetOptions> = {}): TargetOptions {
  return {
    name: 'hidden',
    target: resolve('test/fixtures/sink-swallows-failures.js'),
    options: { url: backend.url, client },
    breaker: { failureThreshold: 2, recoveryTimeoutMs: 200, settleMs: 100 },
    // What no request proves counts after ten times settleMs and this.
    writeTimeoutMs: 1500,
    ...fields
  } as TargetOptions
}

function logLines ({ log }: FanoutRig, from: number, to: number): void {
  for (let id = from; id < to; id++) log.info({ id }, 'a line')
}

async function allDelivered (fanout: FanoutRig, count: number): Promise<void> {
  await fanout.sinkWhen('hidden', ({ linesDelivered }) => linesDelivered === count, `${count} lines to be delivered`)
}

/** The transition by which a sink that never reaches its backend opens its breaker. */
async function openedBy (client: 'fetch' | 'http', url: string): Promise<TransitionEvent> {
  const target = { name: 'hidden', target: resolve('test/fixtures/sink-swallows-failures.js'), options: { url, client }, breaker: { failureThreshold: 2, recoveryTimeoutMs: 60000, settleMs: 100 } }
  const fanout = openFanout({ targets: [target], closeTimeoutMs: 1000, diagnostics: false })
  logLines(fanout, 0, 20)
  const opened = await fanout.transitionTo('hidden', 'open')
  await fanout.sinkWhen('hidden', ({ linesDelivered, queueLines }) => linesDelivered === 0 && queueLines === 20, 'all lines to be kept')
  await fanout.close()
  return opened
}

const outages: Array<{ what: string, begin: (backend: Backend) => Promise<void> | void, reason: RegExp, code?: RegExp }> = [
  { what: 'is gone', begin: backend => backend.close(), reason: /^network$/, code: /^(ECONNREFUSED|UND_ERR_SOCKET|ECONNRESET)$/ },
  { what: 'resets connections', begin: backend => { backend.mode = 'reset' }, reason: /^network$/ },
  { what: 'takes requests and never answers', begin: backend => { backend.mode = 'black hole' }, reason: /^write-timeout$/ },
  { what: 'answers 503', begin: backend => { backend.mode = 503 }, reason: /^http-503$/ },
  { what: 'answers 429', begin: backend => { backend.mode = 429 }, reason: /^http-429$/ },
  { what: 'answers 401', begin: backend => { backend.mode = 401 }, reason: /^http-401$/ }
]

for (const client of ['fetch', 'http'] as const) {
  for (const { what, begin, reason, code } of outages) {
    t.test(`a backend behind ${client} that ${what} opens the breaker, though its transport says nothing; and every line arrives`, async t => {
      const backend = await backendFor(t)
      const file = join(t.testdir(), 'healthy.log')
      const fanout = openFanout({
        targets: [
          { target: 'pino/file', level: 'info', options: { destination: file } },
          targetFor(backend, client, { level: 'info', writeTimeoutMs: 500 })
        ]
      })
      logLines(fanout, 0, 200)
      await allDelivered(fanout, 200)

      await begin(backend)
      logLines(fanout, 200, 400)
      const opened = await fanout.transitionTo('hidden', 'open')
      t.match(opened.reason, reason)
      if (code !== undefined) t.match(opened.err?.code, code)
      logLines(fanout, 400, 600)

      backend.mode = 'ok'
      await backend.close()
      await backend.open()
      await fanout.transitionTo('hidden', 'closed')
      await allDelivered(fanout, 600)
      t.equal(backend.arrived.size, 600)
      await fanout.close()
      const records = readFileSync(file, 'utf8').split('\n').slice(0, -1).map(line => JSON.parse(line) as { id?: number, sink?: string, to?: string, reason?: string })
      t.same(records.flatMap(({ id }) => id ?? []), Array.from({ length: 600 }, (_, id) => id), 'the healthy file is complete')
      t.match(records.find(({ sink, to }) => sink === 'hidden' && to === 'open')?.reason, reason)
      t.same(fanout.snapshots.flatMap(({ sinks }) => sinks).filter(sink => sink.linesReceived !== accountedLines(sink)), [])
    })
  }
}

for (const client of ['fetch', 'http'] as const) {
  t.test(`a backend behind ${client} whose certificate nobody has signed opens the breaker, with that as the cause; and every line stays`, async t => {
    const { key, cert } = makeCertificates(t.testdir())
    const server = createSecureServer({ key, cert }, (request, response) => {
      request.resume()
      response.end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      server.close()
      server.closeAllConnections()
    })
    const { port } = server.address() as AddressInfo
    const opened = await openedBy(client, `https://127.0.0.1:${port}/`)
    t.match(opened.reason, /^network$/)
    t.match(opened.err?.code, /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT)$/)
  })

  t.test(`a backend behind ${client} whose name nobody knows opens the breaker, with that as the cause; and every line stays`, async t => {
    const opened = await openedBy(client, 'http://no-such-host.invalid/')
    t.match(opened.reason, /^network$/)
    t.match(opened.err?.code, /^(ENOTFOUND|EAI_AGAIN)$/)
  })
}

t.test('a healthy backend sees no line twice, and no failure is counted', async t => {
  const backend = await backendFor(t)
  const fanout = openFanout({ targets: [targetFor(backend, 'fetch')] })
  for (let from = 0; from < 5000; from += 500) {
    logLines(fanout, from, from + 500)
    const before = backend.requests
    await until(() => backend.requests > before, 'the next request')
  }
  await allDelivered(fanout, 5000)
  t.same([...backend.arrived.values()].filter(times => times !== 1), [])
  t.equal(backend.arrived.size, 5000)
  await fanout.close()
  t.same(fanout.transitions, [])
  t.same(fanout.snapshots.at(-1)?.sinks[0]?.failures, {})
})

t.test('with sense: false the same outage stays unseen', async t => {
  const backend = await backendFor(t)
  const fanout = openFanout({ targets: [targetFor(backend, 'fetch', { sense: false, breaker: { failureThreshold: 1, settleMs: 300 } })] })
  backend.mode = 503
  logLines(fanout, 0, 100)
  await allDelivered(fanout, 100)
  t.same(fanout.transitions, [])
  t.equal(backend.arrived.size, 0)
  await fanout.close()
})

t.test('lines that a working backend refuses are dropped and counted, and the breaker stays closed', async t => {
  const backend = await backendFor(t)
  const fanout = openFanout({ targets: [targetFor(backend, 'fetch', { breaker: { failureThreshold: 10, settleMs: 100 } })] })
  logLines(fanout, 0, 10)
  await allDelivered(fanout, 10)
  backend.mode = 400
  logLines(fanout, 10, 15)
  await fanout.sinkWhen('hidden', ({ linesDropped }) => linesDropped.poison === 5, 'the refused lines to be counted')
  await fanout.close()
  t.same(fanout.transitions, [])
})

t.test('a health check opens the breaker of a sink of which nothing can be seen, and nothing is sent until it passes', async t => {
  const backend = await backendFor(t)
  const health = await backendFor(t)
  const fanout = openFanout({
    targets: [targetFor(backend, 'fetch', { sense: false, healthCheck: { http: health.url, intervalMs: 50, timeoutMs: 500 }, breaker: { failureThreshold: 2, recoveryTimeoutMs: 100, settleMs: 200 } })],
    diagnostics: false
  })
  logLines(fanout, 0, 10)
  await allDelivered(fanout, 10)
  health.mode = 503
  const opened = await fanout.transitionTo('hidden', 'open')
  t.equal(opened.reason, 'health-check')
  t.equal(opened.err?.statusCode, 503)
  logLines(fanout, 10, 20)
  const [sent, checked] = [backend.requests, health.requests]
  await until(() => health.requests > checked + 5, 'more checks, past the recovery timeout')
  t.equal(backend.requests, sent, 'nothing was sent while the check failed')
  t.equal(fanout.transitions.some(({ to }) => to === 'half-open'), false)
  health.mode = 'ok'
  await fanout.transitionTo('hidden', 'closed')
  await allDelivered(fanout, 20)
  t.equal(backend.arrived.size, 20)
  await fanout.close()
})
