// A backend on a port of its own, in a process of its own, so that it shares no event loop with the app. It does what its
// parent orders: be there, be gone, or be there and fail.
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { gunzipSync, inflateSync } from 'node:zlib'
import { Arrivals } from './arrivals.js'
import type { BackendMode, BackendOrder, BackendPlan, BackendReport } from './backend.js'
import { MongoConversation } from './mongo-wire.js'
import { protocols, type Protocol } from './protocols.js'

const plan = JSON.parse(process.argv[2] ?? '') as BackendPlan
const arrivals = new Arrivals()
const sockets = new Set<Socket>()
/** Requests that a black hole has swallowed: as it comes back it goes on with them, as a process does that was stopped. */
let swallowed: Array<() => void> = []
let mode: BackendMode = 'gone'
let port = 0
let server: Server | undefined
let udp: UdpSocket | undefined

process.on('message', (order: BackendOrder) => {
  if (order.type === 'arrivals') return tell({ type: 'arrivals', times: arrivals.times })
  turn(order.mode).then(() => tell({ type: 'turned', port }))
})
process.on('disconnect', () => process.exit(0))

async function turn (next: BackendMode): Promise<void> {
  mode = next
  if (next === 'gone') return await close()
  if (plan.kind === 'udp') udp ??= await openUdp()
  else server ??= await open()
  if (next !== 'black hole') {
    for (const socket of sockets) socket.resume()
    for (const goOn of swallowed.splice(0)) goOn()
  }
  if (next === 'reset' && plan.kind !== 'http') for (const socket of sockets) socket.resetAndDestroy()
  if (next === 'black hole' && plan.kind !== 'http') for (const socket of sockets) socket.pause()
}

async function open (): Promise<Server> {
  const opened: Server = plan.kind === 'http' ? createHttpServer(onRequest) : createTcpServer(onStream)
  opened.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  opened.listen(port, '127.0.0.1')
  await once(opened, 'listening')
  port = (opened.address() as AddressInfo).port
  return opened
}

async function openUdp (): Promise<UdpSocket> {
  const opened = createSocket('udp4').on('message', message => { if (mode === 'up') addLines(message.toString()) })
  opened.bind(port, '127.0.0.1')
  await once(opened, 'listening')
  port = opened.address().port
  return opened
}

async function close (): Promise<void> {
  swallowed = []
  const closing = server ?? udp
  server = udp = undefined
  if (closing === undefined) return
  closing.close()
  for (const socket of sockets) socket.destroy()
  await once(closing, 'close')
}

function onRequest (request: IncomingMessage, response: ServerResponse): void {
  if (mode === 'reset') {
    request.socket.resetAndDestroy()
  } else if (mode === 'black hole') {
    swallowed.push(() => { if (!request.socket.destroyed) onRequest(request, response) })
  } else {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part)).on('end', () => answer(request, Buffer.concat(parts), response))
  }
}

function answer (request: IncomingMessage, packed: Buffer, response: ServerResponse): void {
  if (mode === 'black hole') {
    swallowed.push(() => answer(request, packed, response))
    return
  }
  if (typeof mode === 'number') {
    response.writeHead(mode).end()
    return
  }
  const protocol: Protocol = protocols[plan.protocol ?? 'loki']
  const encoding = request.headers['content-encoding']
  const body = encoding === 'gzip' ? gunzipSync(packed) : encoding === 'deflate' ? inflateSync(packed) : packed
  const asked = { method: request.method ?? '', path: request.url ?? '', body }
  if (body.length > 0) for (const message of protocol.messages(asked)) arrivals.add(message)
  const said = protocol.answer(asked)
  response.writeHead(said.status, said.headers).end(said.body)
}

function onStream (socket: Socket): void {
  if (mode === 'reset') {
    socket.once('data', () => socket.resetAndDestroy())
    return
  }
  if (mode === 'black hole') socket.pause()
  if (plan.kind === 'mongo') new MongoConversation(socket, message => arrivals.add(message)).begin()
  else createInterface({ input: socket }).on('line', addLines)
}

function addLines (text: string): void {
  for (const line of text.split('\n')) {
    try {
      arrivals.add((JSON.parse(line) as { msg?: unknown }).msg)
    } catch {
      // A connection that breaks in the middle of a line leaves a part of it, and what comes after it begins anew.
    }
  }
}

function tell (report: BackendReport): void {
  process.send?.(report)
}
