import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { errorMonitor } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { FanoutError } from '../errors.js'
import { isRefusalStatus, reasonOf, toFailure, type FailureReason, type SinkFailure } from '../failure.js'

/** What the senses tell of a sink. Marks are cumulative bytes, as the sink accepted them. */
export interface SenseEvents {
  /** The first request was seen: from then on only requests prove anything. */
  onRequest (): void
  /** Requests have answered for everything up to there. */
  onDelivered (mark: number): void
  /** A request, or a connection, failed: what is not proven delivered may be lost. */
  onSetback (failure: SinkFailure): void
  /** The backend refused for good what came up to there. */
  onRefused (mark: number, failure: SinkFailure): void
}

/** How a sink is sensed. */
export interface SenseOptions {
  sink: string
  /** A request without an answer, or a socket that sends nothing, for so long has failed. */
  writeTimeoutMs: number
  /** Also take what the sink says by `console.error` for a failure. */
  console: boolean
  /** How many bytes the sink has accepted and has not kept back in its own buffers. */
  mark: () => number
}

/** A request in the hands of a backend, in the order of their creation. */
interface Request {
  readonly mark: number
  readonly startedAt: number
  outcome: 'pending' | 'delivered' | 'refused'
  failure?: SinkFailure
}

const TICK_MS = 1000

/** A socket that may stop sending. */
interface WatchedSocket {
  sent: number
  movedAt: number
}

/**
 * Sees what a transport hides: in a thread that one sink has for itself, every HTTP request and every socket is the
 * sink's own, and Node tells of them on its diagnostics channels (DESIGN §6).
 */
export class Sense {
  readonly #options: SenseOptions
  readonly #events: SenseEvents
  readonly #requests = new Map<object, Request>()
  readonly #sockets = new Map<Socket, WatchedSocket>()
  readonly #httpSockets = new WeakSet<object>()
  readonly #subscriptions: Array<[channel: string, listener: (message: unknown) => void]> = []
  #hasSeenRequests = false
  #failedMark = -1
  #timer: NodeJS.Timeout | undefined
  #consoleError: typeof console.error | undefined

  constructor (options: SenseOptions, events: SenseEvents) {
    this.#options = options
    this.#events = events
    this.#on<{ request: object }>('undici:request:create', ({ request }) => this.#begin(request))
    this.#on<{ request: object, response: { statusCode: number } }>('undici:request:headers', ({ request, response }) => this.#answer(request, response.statusCode))
    this.#on<{ request: object, error: unknown }>('undici:request:error', ({ request, error }) => this.#fail(request, error))
    this.#on<{ error: unknown }>('undici:client:connectError', ({ error }) => this.#setBack(error))
    this.#on<{ socket: object }>('undici:client:connected', ({ socket }) => { this.#httpSockets.add(socket) })
    this.#on<{ request: ClientRequest }>('http.client.request.start', ({ request }) => {
      this.#begin(request)
      request.once('socket', socket => { this.#httpSockets.add(socket) })
    })
    // `start` comes when the body has been sent: a request that fails before has not been seen at all.
    this.#on<{ request: ClientRequest, error: unknown }>('http.client.request.error', ({ request, error }) => {
      if (this.#requests.has(request)) this.#fail(request, error)
      else this.#setBack(error)
    })
    this.#on<{ request: ClientRequest, response: IncomingMessage }>('http.client.response.finish', ({ request, response }) => this.#answer(request, response.statusCode ?? 0))
    this.#on<{ socket: Socket }>('net.client.socket', ({ socket }) => this.#watchSocket(socket))
    if (options.console) this.#listenToConsole()
  }

  /** Whether requests have been seen, and none is waiting for its answer. */
  get isQuiet (): boolean {
    return this.#hasSeenRequests && this.#requests.size === 0
  }

  /** Stops sensing. */
  close (): void {
    for (const [channel, listener] of this.#subscriptions) unsubscribe(channel, listener)
    clearInterval(this.#timer)
    if (this.#consoleError !== undefined) console.error = this.#consoleError
  }

  #on<Message> (channel: string, listener: (message: Message) => void): void {
    const guarded = (message: unknown): void => {
      try {
        listener(message as Message)
      } catch {
        // A change in what a channel carries must not reach the sink's own code, which runs below this call.
      }
    }
    subscribe(channel, guarded)
    this.#subscriptions.push([channel, guarded])
  }

  #begin (request: object): void {
    if (!this.#hasSeenRequests) this.#events.onRequest()
    this.#hasSeenRequests = true
    this.#requests.set(request, { mark: this.#options.mark(), startedAt: performance.now(), outcome: 'pending' })
    this.#tick()
  }

  #answer (key: object, status: number): void {
    const request = this.#requests.get(key)
    if (request === undefined || status < 200) return
    if (status < 400) {
      request.outcome = 'delivered'
    } else if (isRefusalStatus(status)) {
      request.outcome = 'refused'
      request.failure = statusFailure(status, this.#options.sink)
    } else {
      return this.#failed(key, request, statusFailure(status, this.#options.sink))
    }
    this.#settle()
  }

  #fail (key: object, error: unknown): void {
    const request = this.#requests.get(key)
    if (request !== undefined && request.outcome === 'pending') this.#failed(key, request, networkFailure(error))
  }

  /** What was accepted after the last setback is new; a request from before it says nothing new. */
  #failed (key: object, { mark }: Request, failure: SinkFailure): void {
    this.#requests.delete(key)
    if (mark > this.#failedMark) this.#report(failure)
    else this.#settle()
  }

  /** A connection failed. Its requests, if it had any, tell the same. */
  #setBack (error: unknown): void {
    setImmediate(() => {
      if (this.#options.mark() > this.#failedMark) this.#report(networkFailure(error))
    })
  }

  #report (failure: SinkFailure): void {
    this.#failedMark = this.#options.mark()
    this.#events.onSetback(failure)
    this.#settle()
  }

  /** A request proves all that came before it, once every request before it has an answer too. */
  #settle (): void {
    for (const [key, { outcome, mark, failure }] of this.#requests) {
      if (outcome === 'pending') return
      this.#requests.delete(key)
      if (mark <= this.#failedMark) continue
      if (outcome === 'refused') this.#events.onRefused(mark, failure as SinkFailure)
      else this.#events.onDelivered(mark)
    }
  }

  #watchSocket (socket: Socket): void {
    this.#sockets.set(socket, { sent: 0, movedAt: performance.now() })
    socket.once('close', () => this.#sockets.delete(socket))
    // errorMonitor does not change what an error without a listener does.
    ;(socket as NodeJS.EventEmitter).on(errorMonitor, (error: Error) => {
      // An idle connection of an HTTP agent may be reset at any time; its requests tell what matters.
      if (!this.#isHttp(socket)) this.#setBack(error)
    })
    this.#tick()
  }

  #isHttp (socket: object): boolean {
    return this.#httpSockets.has(socket) || (socket as { parser?: unknown }).parser != null || (socket as { _httpMessage?: unknown })._httpMessage != null
  }

  #tick (): void {
    this.#timer ??= setInterval(() => {
      this.#findStalled()
      if (this.#requests.size > 0 || this.#sockets.size > 0) return
      clearInterval(this.#timer)
      this.#timer = undefined
    }, TICK_MS).unref()
  }

  /** A black hole takes everything and answers nothing. */
  #findStalled (): void {
    const now = performance.now()
    const { writeTimeoutMs, sink } = this.#options
    for (const [key, request] of this.#requests) {
      if (request.outcome !== 'pending' || now - request.startedAt < writeTimeoutMs) continue
      this.#failed(key, request, timeoutFailure(`a request had no answer after ${writeTimeoutMs} ms`, sink))
    }
    for (const [socket, watched] of this.#sockets) {
      const unsent = socket.writableLength + ((socket as unknown as { _handle?: { writeQueueSize?: number } })._handle?.writeQueueSize ?? 0)
      const sent = socket.bytesWritten - unsent
      if (unsent === 0 || sent !== watched.sent) {
        watched.sent = sent
        watched.movedAt = now
      } else if (now - watched.movedAt >= writeTimeoutMs) {
        watched.movedAt = now
        this.#report(timeoutFailure(`a socket sent nothing for ${writeTimeoutMs} ms, with ${unsent} bytes to send`, sink))
      }
    }
  }

  #listenToConsole (): void {
    const consoleError = this.#consoleError = console.error
    console.error = (...args: unknown[]) => {
      const error = args.find(arg => arg instanceof Error) ?? new FanoutError('ERR_FANOUT_SINK_REPORTED', `the sink said: ${String(args[0])}`, { sink: this.#options.sink })
      this.#report(toFailure(reasonOf(error), error))
      consoleError.apply(console, args)
    }
  }
}

function statusFailure (status: number, sink: string): SinkFailure {
  const error = new FanoutError('ERR_FANOUT_SINK_REPORTED', `the backend answered http ${status}`, { sink })
  return toFailure(`http-${status}`, Object.assign(error, { statusCode: status }))
}

function timeoutFailure (message: string, sink: string): SinkFailure {
  return toFailure('write-timeout', new FanoutError('ERR_FANOUT_SINK_TIMEOUT', message, { sink }))
}

function networkFailure (error: unknown): SinkFailure {
  // fetch() says "fetch failed", and why in its cause; a name with several addresses fails with one error for each.
  const told = innermost(error)
  const reason: FailureReason = reasonOf(told)
  return toFailure(reason === 'write-error' ? 'network' : reason, told)
}

function innermost (error: unknown): unknown {
  let inner = error
  for (let depth = 0; depth < 5; depth++) {
    const { code, cause, errors } = (inner ?? {}) as { code?: unknown, cause?: unknown, errors?: unknown[] }
    if (Array.isArray(errors) && errors.length > 0) inner = errors[0]
    else if (code === undefined && cause !== undefined) inner = cause
    else break
  }
  return inner
}
