import type { Clock } from '../clock.js'
import { FanoutError } from '../errors.js'
import { isRefusalStatus, reasonOf, toFailure, type FailureReason, type SinkFailure } from '../failure.js'
import type { SensedTraffic } from './child.js'
import { ClientRequests } from './client-requests.js'
import { MarkHistory } from './mark-history.js'
import { SinkSockets, type SocketTraffic } from './sink-sockets.js'

/** What the senses tell of a sink. Marks are cumulative bytes, as the sink accepted them. */
export interface SenseEvents {
  /** The first request was seen, or the first socket that carries none. */
  onSensed (traffic: SensedTraffic): void
  /** Requests have answered for everything up to there. */
  onDelivered (mark: number): void
  /** A request that was made once so much had been accepted was answered well, and so were all before it. */
  onAnswered (mark: number): void
  /** A request, or a connection, failed: what is not proven delivered may be lost. */
  onSetback (failure: SinkFailure): void
  /** The backend refused for good what came up to there. */
  onRefused (mark: number, failure: SinkFailure): void
}

/** How a sink is sensed. */
export interface SenseDeps {
  sink: string
  /** A request without an answer, or a socket that sends nothing, for so long has failed: ms of waited time. */
  writeTimeoutMs: number
  /** Also take what the sink says by `console.error` for a failure. */
  console: boolean
  /** How many bytes the sink has accepted and has not kept back in its own buffers. */
  mark: () => number
  clock: Clock
}

/** A request in the hands of a backend, in the order of their creation. */
interface Request {
  /** What had been accepted as it was created: the most that it may carry. */
  readonly mark: number
  /** What it carries for certain, or a request before it did. */
  readonly provenMark: number
  /** In waited time. */
  readonly startedAt: number
  outcome: 'pending' | 'delivered' | 'refused'
  failure?: SinkFailure
}

/**
 * How long before its request a transport may close a batch. It is seen to be made only afterwards: @axiomhq/pino and
 * @logtail/pino compress it first, and lines that come meanwhile are for the next one.
 */
const LEAD_MS = 250

/**
 * Sees what a transport hides: in a thread that one sink has for itself, every HTTP request and every socket is the
 * sink's own, and Node tells of them on its diagnostics channels (DESIGN §6).
 */
export class Sense {
  readonly #deps: SenseDeps
  readonly #events: SenseEvents
  readonly #requests = new Map<object, Request>()
  readonly #clientRequests: ClientRequests
  readonly #sockets: SinkSockets
  readonly #marks = new MarkHistory()
  #hasSeenRequests = false
  #failedMark = -1
  #deliveredMark = 0
  /** Whether a request or a connection has failed since the sink last reported an error of its own. */
  #hasSeenFailure = false
  /** Cancels the next look for what is stalled. */
  #cancelLook: (() => void) | undefined
  #consoleError: typeof console.error | undefined

  constructor (deps: SenseDeps, events: SenseEvents) {
    this.#deps = deps
    this.#events = events
    this.#clientRequests = new ClientRequests({
      onCreated: request => this.#begin(request),
      onAnswered: (request, status) => this.#answer(request, status),
      onFailed: (request, error) => this.#fail(request, error),
      onUnconnected: error => this.#setBack(error),
      onSocket: socket => this.#sockets.noteCarrier(socket)
    })
    this.#sockets = new SinkSockets(() => deps.clock.waited(), {
      onOpened: () => this.#lookLater(),
      // A client of HTTP may take a while to call a connection its own, but its request has been seen by then.
      onPlain: () => { if (!this.#hasSeenRequests) events.onSensed('sockets') },
      onError: error => this.#setBack(error),
      onStalled: unsent => this.#report(timeoutFailure(`a socket sent nothing for ${deps.writeTimeoutMs} ms, with ${unsent} bytes to send`, deps.sink))
    })
    if (deps.console) this.#listenToConsole()
  }

  /** Whether requests have been seen, and none is waiting for its answer. */
  get isQuiet (): boolean {
    return this.#hasSeenRequests && this.#requests.size === 0
  }

  /** Whether a request is waiting for its answer. */
  get isBusy (): boolean {
    return this.#requests.size > 0
  }

  /** The sink has accepted more. */
  noteAcceptance (): void {
    this.#marks.note(this.#deps.clock.now(), this.#deps.mark())
  }

  /** What stands in the sink's sockets that carry no requests. */
  get socketTraffic (): SocketTraffic {
    return this.#sockets.traffic
  }

  /** The sink itself has reported an error: nothing new, if a request or a connection has failed before. */
  reportBySink (error: unknown): void {
    const isKnown = this.#hasSeenFailure || this.#deps.mark() <= this.#failedMark
    this.#hasSeenFailure = false
    if (!isKnown) this.#report(toFailure(reasonOf(error), error))
  }

  /** Stops sensing. */
  close (): void {
    this.#clientRequests.close()
    this.#sockets.close()
    this.#cancelLook?.()
    if (this.#consoleError !== undefined) console.error = this.#consoleError
  }

  #begin (request: object): void {
    if (!this.#hasSeenRequests) this.#events.onSensed('requests')
    this.#hasSeenRequests = true
    const { clock, mark } = this.#deps
    this.#lookLater()
    this.#requests.set(request, { mark: mark(), provenMark: this.#marks.at(clock.now() - LEAD_MS), startedAt: clock.waited(), outcome: 'pending' })
  }

  #answer (key: object, status: number): void {
    const request = this.#requests.get(key)
    if (request === undefined || status < 200) return
    if (status < 400) {
      request.outcome = 'delivered'
    } else if (isRefusalStatus(status)) {
      request.outcome = 'refused'
      request.failure = statusFailure(status, this.#deps.sink)
    } else {
      return this.#failed(key, request, statusFailure(status, this.#deps.sink))
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
    this.#hasSeenFailure = true
    if (mark > this.#failedMark) this.#report(failure)
    else this.#settle()
  }

  /** A connection failed. Its requests, if it had any, tell the same. */
  #setBack (error: unknown): void {
    this.#hasSeenFailure = true
    setImmediate(() => {
      if (this.#deps.mark() > this.#failedMark) this.#report(networkFailure(error))
    })
  }

  #report (failure: SinkFailure): void {
    this.#failedMark = this.#deps.mark()
    this.#events.onSetback(failure)
    this.#settle()
  }

  /** A request proves all that came before it, once every request before it has an answer too. */
  #settle (): void {
    for (const [key, { outcome, mark, provenMark, failure }] of this.#requests) {
      if (outcome === 'pending') return
      this.#requests.delete(key)
      if (mark <= this.#failedMark) continue
      if (outcome === 'refused') {
        this.#events.onRefused(mark, failure as SinkFailure)
      } else {
        this.#deliver(provenMark)
        this.#events.onAnswered(mark)
      }
    }
  }

  #deliver (mark: number): void {
    if (mark <= Math.max(this.#deliveredMark, this.#failedMark)) return
    this.#deliveredMark = mark
    this.#events.onDelivered(mark)
  }

  /** Looks for what is stalled as long as there is something that can be. */
  #lookLater (): void {
    const { clock, writeTimeoutMs } = this.#deps
    this.#cancelLook ??= clock.whenWaited(clock.waited() + lookIntervalMs(writeTimeoutMs), () => {
      this.#cancelLook = undefined
      this.#findStalled()
      if (this.#requests.size > 0 || this.#sockets.areOpen) this.#lookLater()
    })
  }

  /** A black hole takes everything and answers nothing. */
  #findStalled (): void {
    const { writeTimeoutMs, sink, clock } = this.#deps
    const now = clock.waited()
    for (const [key, request] of this.#requests) {
      if (request.outcome !== 'pending' || now - request.startedAt < writeTimeoutMs) continue
      this.#failed(key, request, timeoutFailure(`a request had no answer after ${writeTimeoutMs} ms`, sink))
    }
    this.#sockets.findStalled(now, writeTimeoutMs)
  }

  #listenToConsole (): void {
    const consoleError = this.#consoleError = console.error
    console.error = (...args: unknown[]) => {
      const error = args.find(arg => arg instanceof Error) ?? new FanoutError('ERR_FANOUT_SINK_REPORTED', `the sink said: ${String(args[0])}`, { sink: this.#deps.sink })
      this.reportBySink(error)
      consoleError.apply(console, args)
    }
  }
}

/** How often to look for requests and sockets that have been without an answer for `writeTimeoutMs`. */
export function lookIntervalMs (writeTimeoutMs: number): number {
  return Math.min(1000, writeTimeoutMs / 8)
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
