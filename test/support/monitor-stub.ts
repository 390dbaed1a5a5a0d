import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { SinkSnapshot } from '#lib/metrics'
import { page } from '#lib/monitor/page/page'

/** The body of `/snapshot.json`. */
export interface StubSnapshot {
  time: number
  upMs: number
  hasEnded: boolean
  linesWithoutLevel: number
  pid: number
  hostname: string
  version: string
  actions: boolean
  sinks: SinkSnapshot[]
}

/** The data of the event `history`. */
export interface StubHistory {
  stepMs: number
  times: number[]
  sinks: Record<string, { delivered: number[], backlog: number[], lost: number[] }>
  transitions: object[]
  notices: object[]
}

/** A POST that the page has sent. */
export interface StubRequest {
  path: string
  body: string
  authorization: string | undefined
}

/**
 * Stands in for the monitor's server where a test of the page needs what no real transport does on demand: any text as the name
 * of a sink, ten minutes of history at once, and a server that goes and comes back. It speaks as the real one does.
 */
export class MonitorStub {
  /** Sent to every page that connects, and again by {@link update}. */
  snapshot: StubSnapshot
  history: StubHistory
  /** Asked for by actions, and by `/events` if {@link guardsEvents} is set. */
  token: string | undefined
  guardsEvents = false
  /** The answer to the next actions, in place of success. */
  refusal: { status: number, message: string } | undefined
  readonly requests: StubRequest[] = []
  readonly #streams = new Set<ServerResponse>()
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #port = 0

  constructor (snapshot: StubSnapshot, history: StubHistory) {
    this.snapshot = snapshot
    this.history = history
  }

  get url (): string {
    return `http://127.0.0.1:${this.#port}/`
  }

  /** Listens, at the same port as before if there was one. */
  async start (): Promise<void> {
    const server = this.#server = createServer((request, response) => { this.#answer(request, response).catch(() => response.destroy()) })
    server.on('connection', socket => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
  }

  /** Breaks every connection, as a crash does. */
  async stop (): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of this.#sockets) socket.destroy()
    this.#streams.clear()
    await closed
  }

  /** Sends a snapshot to every page, or another event. */
  update (event = 'snapshot', data: object = this.snapshot): void {
    for (const stream of this.#streams) write(stream, event, data)
  }

  async #answer (request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url, headers } = request
    const path = url ?? '/'
    if (method === 'GET' && path === '/') return answer(response, 200, page.html, page.headers)
    const isAllowed = this.token === undefined || headers.authorization === `Basic ${Buffer.from(`:${this.token}`).toString('base64')}`
    if (method === 'GET' && this.guardsEvents && !isAllowed) return refuse(response, 401, 'a token is needed')
    if (method === 'GET' && path === '/snapshot.json') return answer(response, 200, JSON.stringify(this.snapshot), { 'content-type': 'application/json' })
    if (method === 'GET' && path === '/events') return this.#stream(response)
    if (method !== 'POST') return refuse(response, 404, 'no such path')
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk as string
    this.requests.push({ path, body, authorization: headers.authorization })
    if (!isAllowed) return refuse(response, 401, 'a token is needed')
    if (this.refusal !== undefined) return refuse(response, this.refusal.status, this.refusal.message)
    answer(response, 200, JSON.stringify({ sinks: this.snapshot.sinks }), { 'content-type': 'application/json' })
  }

  #stream (response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    write(response, 'history', this.history)
    write(response, 'snapshot', this.snapshot)
    this.#streams.add(response)
    response.on('close', () => this.#streams.delete(response))
  }
}

function write (stream: ServerResponse, event: string, data: object): void {
  stream.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
}

function answer (response: ServerResponse, status: number, body: string, headers: Record<string, string>): void {
  response.writeHead(status, headers).end(body)
}

function refuse (response: ServerResponse, status: number, message: string): void {
  answer(response, status, JSON.stringify({ error: { code: 'ERR_FANOUT_MONITOR', message } }), { 'content-type': 'application/json' })
}
