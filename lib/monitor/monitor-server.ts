import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Clock } from '../clock.js'
import type { Controls } from '../controls.js'
import type { MonitorAddress } from '../fanout-transport.js'
import type { MonitorSettings } from '../options/monitor.js'
import { Access } from './access.js'
import { expose } from './exposition.js'
import { History, STEP_MS } from './history.js'
import { listenAt } from './listening.js'
import { describesProcess } from './monitor-snapshot.js'
import { Readers } from './readers.js'
import { hasBody } from './request-body.js'
import { RequestError, toRequestError } from './request-error.js'
import { EVENTS, Routes, json, type Answer } from './routes.js'
import { ShortCache } from './short-cache.js'

/** A client has this long for the head of a request, and this long for all of it. */
const HEADERS_TIMEOUT_MS = 5000
const REQUEST_TIMEOUT_MS = 10000
const TIMEOUT_CHECK_MS = 1000
/** A client that takes nothing of its answer for this long is disconnected. */
const ANSWER_TIMEOUT_MS = 10000
const KEEP_ALIVE_MS = 5000
const MAX_CONNECTIONS = 128
const MAX_HEADER_BYTES = 8 * 1024
/** After the end of the transport, what is being sent has this long. */
const LAST_ANSWERS_MS = 500

/** For every answer. The page has its own policy. */
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY'
}

/** Dependencies of {@link startMonitor}. */
export interface MonitorDeps {
  clock: Clock
  /** True until the transport is asked to end. */
  takesLines: () => boolean
  onListening: (address: MonitorAddress) => void
  /** Called with the first fault of the server. */
  onUnavailable: (error: unknown) => void
}

/**
 * Starts the monitor of a transport. It ends with the transport, and never keeps the thread or the process alive.
 *
 * @returns A promise that resolves once it listens, or cannot
 */
export async function startMonitor (settings: MonitorSettings, controls: Controls, deps: MonitorDeps): Promise<void> {
  if (controls.snapshot().hasEnded) return
  await new MonitorServer(settings, controls, deps).start()
}

class MonitorServer {
  readonly #settings: MonitorSettings
  readonly #controls: Controls
  readonly #deps: MonitorDeps
  readonly #server: Server
  readonly #routes: Routes
  readonly #readers: Readers
  readonly #history = new History()
  readonly #sampling: NodeJS.Timeout
  readonly #unlisten: () => void
  #isFaulty = false
  #hasEnded = false

  constructor (settings: MonitorSettings, controls: Controls, deps: MonitorDeps) {
    const { place, token, actions, packagePlaces } = settings
    const { clock, takesLines } = deps
    this.#settings = settings
    this.#controls = controls
    this.#deps = deps
    const describe = describesProcess(actions)
    const snapshot = new ShortCache(clock, () => JSON.stringify(describe(controls.snapshot())))
    const metrics = new ShortCache(clock, accept => expose(controls.snapshot(), accept, packagePlaces))
    const forget = (): void => {
      snapshot.forget()
      metrics.forget()
    }
    this.#readers = new Readers({ history: () => JSON.stringify(this.#history.read(clock.wallTime())), snapshot: () => snapshot.get() })
    this.#routes = new Routes({
      controls,
      access: new Access({ token, isLoopback: place.kind === 'port' && place.isLoopback }),
      actions,
      takesLines,
      snapshot: () => snapshot.get(),
      metrics: (accept = '') => metrics.get(accept),
      onAction: forget
    })
    this.#server = this.#createServer()
    this.#sampling = setInterval(() => this.#sample(), STEP_MS).unref()
    this.#sample()
    this.#unlisten = controls.listen({
      onTransition: event => {
        forget()
        this.#history.addTransition(event)
        this.#readers.tell('transition', event)
      },
      onNotice: notice => {
        this.#history.addNotice(notice)
        this.#readers.tell('notice', notice)
      },
      onEnd: last => this.#end(JSON.stringify(describe(last)))
    })
  }

  async start (): Promise<void> {
    try {
      const address = await listenAt(this.#server, this.#settings.place)
      this.#server.on('error', error => this.#report(error))
      if (this.#hasEnded) this.#server.close()
      else this.#deps.onListening(address)
    } catch (error) {
      clearInterval(this.#sampling)
      this.#unlisten()
      this.#server.close()
      this.#report(error)
    }
  }

  #createServer (): Server {
    const server = createServer({
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES
    }, (request, response) => { this.#answer(request, response) })
    server.maxConnections = MAX_CONNECTIONS
    server.on('connection', socket => { socket.unref() })
    return server.unref()
  }

  async #answer (request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Nobody waits for the answer to a client that is gone.
    response.on('error', () => {})
    try {
      const answer = await this.#routes.answer(request)
      if (answer === EVENTS) this.#sendEvents(request, response)
      else send(request, response, answer)
    } catch (error) {
      const { status, code, message, headers } = toRequestError(error)
      send(request, response, json(status, JSON.stringify({ error: { code, message } }), headers))
    }
  }

  #sendEvents (request: IncomingMessage, response: ServerResponse): void {
    if (this.#readers.isFull) throw new RequestError(503, 'too-many-readers', 'too many clients read events', { 'retry-after': '10' })
    const headers = { connection: 'close', 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' }
    if (request.method === 'HEAD') return send(request, response, { status: 200, headers, body: '' })
    response.writeHead(200, { ...SECURITY_HEADERS, ...headers })
    this.#readers.add(response)
  }

  #sample (): void {
    this.#history.sample(this.#controls.snapshot())
  }

  #end (last: string): void {
    this.#hasEnded = true
    clearInterval(this.#sampling)
    this.#readers.end(last)
    this.#server.close()
    setTimeout(() => this.#server.closeAllConnections(), LAST_ANSWERS_MS).unref()
  }

  /** One report is enough: a system without free descriptors has a fault for each connection. */
  #report (error: unknown): void {
    if (this.#isFaulty || this.#hasEnded) return
    this.#isFaulty = true
    this.#deps.onUnavailable(error)
  }
}

function send (request: IncomingMessage, response: ServerResponse, { status, headers, body }: Answer): void {
  // The client is gone, or Node.js has refused a request that was not finished in time.
  if (response.headersSent || response.destroyed) return
  response.setTimeout(ANSWER_TIMEOUT_MS)
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    ...headers,
    'content-length': Buffer.byteLength(body),
    // Nobody reads the body of a request that needs none, and its sender could go on forever.
    ...(!request.complete && hasBody(request) && { connection: 'close' })
  })
  // Node.js leaves out the body for HEAD.
  response.end(body)
}
