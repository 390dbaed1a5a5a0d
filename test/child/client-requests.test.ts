import t, { type Test } from 'tap'
import { once } from 'node:events'
import http, { Agent, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ClientRequests } from '#lib/child/client-requests'

async function serve (t: Test, listener: RequestListener): Promise<string> {
  const server = http.createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** Records the callbacks for the requests of this thread, each with the number of its request. */
function watch (t: Test) {
  const told: Array<[what: string, request: number, detail?: unknown]> = []
  const requests: object[] = []
  const carriers: object[] = []
  const indexOf = (request: object): number => requests.indexOf(request)
  const watched = new ClientRequests({
    onCreated (request) {
      requests.push(request)
      told.push(['created', indexOf(request)])
    },
    onAnswered: (request, status) => told.push(['answered', indexOf(request), status]),
    onFailed: (request, error) => told.push(['failed', indexOf(request), (error as { code?: unknown }).code]),
    onUnconnected: error => told.push(['unconnected', -1, (error as { code?: unknown }).code]),
    onSocket: socket => carriers.push(socket)
  })
  t.teardown(() => watched.close())
  return { told, carriers, watched }
}

t.test('a request of node:http is told of as it is made, once, before anything of it is sent', async t => {
  const { told, carriers } = watch(t)
  const url = await serve(t, (_request, response) => response.writeHead(204).end())
  const request = http.request(url, { method: 'POST', agent: new Agent() })
  t.same(told, [['created', 0]])
  request.end('body')
  const [response] = await once(request, 'response')
  response.resume()
  t.same(told, [['created', 0], ['answered', 0, 204]])
  t.ok(carriers.includes(request.socket as object))
})

t.test('a request of fetch is told of, its answer, and the socket that carries it', async t => {
  const { told, carriers } = watch(t)
  const url = await serve(t, (_request, response) => response.writeHead(503).end())
  await (await fetch(url)).text()
  t.same(told, [['created', 0], ['answered', 0, 503]])
  t.equal(carriers.length, 1)
})

t.test('a request that fails before it was sent is told of all the same', async t => {
  const { told } = watch(t)
  const request = http.get('http://127.0.0.1:1/', { createConnection: () => { throw Object.assign(new Error('no'), { code: 'ENOSOCKET' }) }, agent: false })
  await once(request, 'error').catch(() => {})
  t.equal(told[0]?.[0], 'created')
  t.ok(told.some(([what, index]) => what === 'failed' && index === 0))
})

t.test('what is done with agents is undone as it stops', async t => {
  const agents = Agent.prototype as unknown as { addRequest: unknown }
  const { addRequest } = agents
  const { watched } = watch(t)
  watched.close()
  t.equal(agents.addRequest, addRequest)
})

t.test('a listener that throws harms no request', async t => {
  const fail = (): never => { throw new Error('a fault of ours') }
  const watched = new ClientRequests({ onCreated: fail, onAnswered: fail, onFailed: fail, onUnconnected: fail, onSocket: fail })
  t.teardown(() => watched.close())
  const url = await serve(t, (_request, response) => response.end('ok'))
  t.equal(await (await fetch(url)).text(), 'ok')
  const [response] = await once(http.get(url, { agent: new Agent() }), 'response')
  t.equal(response.statusCode, 200)
  response.resume()
})
