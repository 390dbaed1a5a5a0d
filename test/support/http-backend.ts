import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import { createServer as createNetServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { gunzipSync } from 'node:zlib'
import type { Test } from 'tap'

/** A request that arrived. */
export interface ArrivedRequest {
  path: string
  headers: IncomingHttpHeaders
  /** Decompressed. */
  body: string
  /** The port of the client: one for each connection. */
  clientPort: number
}

/** A backend that records all requests. */
export interface HttpBackend {
  url: string
  requests: ArrivedRequest[]
  /** Sets the answer to the next requests. */
  answer: (response: ServerResponse, request: ArrivedRequest) => void
}

/** Starts an HTTP or HTTPS backend. It answers 204 until another answer is set. */
export async function openBackend (t: Test, tls?: ServerOptions): Promise<HttpBackend> {
  const backend: HttpBackend = { url: '', requests: [], answer: response => { response.writeHead(204).end() } }
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const body = Buffer.concat(chunks)
      const arrived = {
        path: request.url ?? '',
        headers: request.headers,
        body: (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString(),
        clientPort: request.socket.remotePort ?? 0
      }
      backend.requests.push(arrived)
      backend.answer(response, arrived)
    })
  }
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  backend.url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${await listen(server)}`
  return backend
}

/** Starts a server that handles connections as raw bytes. */
export async function openSocketServer (t: Test, onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createNetServer(socket => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)))
    onConnection(socket)
  })
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return `http://127.0.0.1:${await listen(server)}`
}

/** Calls back with the body of each request on a connection of {@link openSocketServer}, once all of it has arrived. */
export function onEachRequest (socket: Socket, call: (body: string) => void): void {
  let bytes = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk])
    for (let end = bytes.indexOf('\r\n\r\n'); end >= 0; end = bytes.indexOf('\r\n\r\n')) {
      const whole = end + 4 + Number(/content-length: (\d+)/i.exec(bytes.toString('latin1', 0, end))?.[1] ?? 0)
      if (bytes.length < whole) return
      const body = bytes.toString('utf8', end + 4, whole)
      bytes = bytes.subarray(whole)
      call(body)
    }
  })
}

async function listen (server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
