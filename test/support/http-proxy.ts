import { writeFileSync } from 'node:fs'
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import type { Test } from 'tap'
import { freePort, realServer, type RealServer } from './real-servers.js'

/** Starts tinyproxy. It opens tunnels only to the given ports; with a user, it asks for `jo:s3cr3t-pw`. */
export async function startTinyproxy (t: Test, { ports, hasUser = false }: { ports: readonly string[], hasUser?: boolean }): Promise<RealServer & { host: string }> {
  const port = await freePort()
  const file = join(t.testdir({}), 'tinyproxy.conf')
  writeFileSync(file, [
    `Port ${port}`, 'Listen 127.0.0.1', 'Allow 127.0.0.1', 'Timeout 60', 'MaxClients 50', 'LogLevel Error',
    ...ports.map(port => `ConnectPort ${port}`),
    ...hasUser ? ['BasicAuth jo s3cr3t-pw'] : []
  ].join('\n'))
  const server = realServer(t, 'tinyproxy', ['-d', '-c', file], `http://127.0.0.1:${port}/`)
  await server.start()
  return { ...server, host: `127.0.0.1:${port}` }
}

/** What a proxy was asked. */
export interface AskedRequest {
  method: string
  target: string
  headers: IncomingHttpHeaders
}

/** A proxy that records what it is asked, and whose behaviour can be set. */
export interface FaultyProxy {
  url: string
  asked: AskedRequest[]
  tunnels: Socket[]
  /** Handles a request for a tunnel. Opens it until another behaviour is set. */
  onConnect: (client: Duplex, target: string) => void
}

/** Starts a proxy, by HTTP or HTTPS. */
export async function openProxy (t: Test, tls?: ServerOptions): Promise<FaultyProxy> {
  const sockets = new Set<Duplex>()
  const proxy: FaultyProxy = {
    url: '',
    asked: [],
    tunnels: [],
    onConnect (client, target) {
      const url = new URL(`http://${target}`)
      const upstream = connect(Number(url.port), url.hostname.replace(/^\[|\]$/g, ''), () => {
        client.write('HTTP/1.1 200 Connection established\r\nx-proxy: test\r\n\r\n')
        upstream.pipe(client).pipe(upstream)
      })
      proxy.tunnels.push(upstream.on('error', () => client.destroy()).on('close', () => client.destroy()))
    }
  }
  const server = tls === undefined ? createServer() : createTlsServer(tls)
  server.on('request', (request, response) => {
    proxy.asked.push({ method: request.method ?? '', target: request.url ?? '', headers: request.headers })
    const { 'proxy-authorization': _own, ...headers } = request.headers
    request.pipe(httpRequest(request.url ?? '', { method: request.method, headers }, answer => {
      response.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.pipe(response)
    }).on('error', () => response.writeHead(502).end()))
  })
  server.on('connect', (request, client) => {
    proxy.asked.push({ method: 'CONNECT', target: request.url ?? '', headers: request.headers })
    sockets.add(client.on('error', () => {}))
    proxy.onConnect(client, request.url ?? '')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    for (const socket of [...sockets, ...proxy.tunnels]) socket.destroy()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  proxy.url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`
  return proxy
}
