import type { Clock } from '../clock.js'
import { FanoutError } from '../errors.js'
import { isRefusalStatus, reasonOf, toFailure, type FailureReason, type SinkFailure } from '../failure.js'
import type { SensedTraffic } from './child.js'
import { ClientRequests } from './client-requests.js'
import { MarkHistory } from './mark-history.js'
import { SinkSockets, type SocketTraffic } from './sink-sockets.js'

/** Callbacks of a {@link Sense}. Marks are cumulative accepted bytes. */
export interface SenseEvents {
  /** The first request was seen, or the first socket that carries no requests. */
  onSensed (traffic: SensedTraffic): void
  /** Answers prove the delivery of all lines up to this mark. */
  onDelivered (mark: number): void
  /** A request that was made at this mark has succeeded, and so have all requests before it. */
  onAnswered (mark: number): void
  /** A request or a connection failed. Lines that are not proven delivered may be lost. */
  onSetback (failure: SinkFailure): void
  /** The backend refused the lines up to this mark for good. */
  onRefused (mark: number, failure: SinkFailure): void
}

/** Dependencies of a {@link Sense}. */
export interface SenseDeps {
  sink: string
  /** A request without an answer for this waited time has failed, and so has a socket that sends nothing for it. */
  writeTimeoutMs: number
  /** True if the sink's calls of `console.error` count as failures. */
  console: boolean
  /** The bytes that the sink has accepted and that have left its own buffers. */
  mark: () => number
  clock: Clock
}

/** A request that is not settled. */
interface Request {
  /** The accepted bytes when the request was created, which are the most that it may carry. */
  readonly mark: number
  /** The bytes that this request, or one before it, carries for certain. */
  readonly provenMark: number
  /** In waited time. */
  readonly startedAt: number
  outcome: 'pending' | 'delivered' | 'refused'
  failure?: SinkFailure
}

/**
 * The longest time from the moment in which a transport closes a batch until it creates the request for it. @axiomhq/pino and
 * @logtail/pino compress a batch before that. Lines that come meanwhile are in the next batch.
 */
const LEAD_MS = 250

/**
 * Senses deliveries and failures that a transport does not report. In a sink's own thread, every HTTP request and every socket is
 * the sink's, and Node.js publishes them on its diagnostics channels.
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
  /** True if a request or a connection has failed since the sink last reported an error of its own. */
  #hasSeenFailure = false
  /** Cancels the next look for stalled requests and sockets. */
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
      // An HTTP client may report late that a connection is its own, but its request has been seen by then.
      onPlain: () => { if (!this.#hasSeenRequests) events.onSensed('sockets') },
      onError: error => this.#setBack(error),
      onStalled: unsent => this.#report(timeoutFailure(`a socket sent nothing for ${deps.writeTimeoutMs} ms, with ${unsent} bytes to send`, deps.sink))
    })
    if (deps.console) this.#listenToConsole()
  }

  /** True if requests have been seen, and none is pending. */
  get isQuiet (): boolean {
    return this.#hasSeenRequests && this.#requests.size === 0
  }

  /** True while a request is pending. */
  get isBusy (): boolean {
    return this.#requests.size > 0
  }

  /** The sink has accepted more. */
  noteAcceptance (): void {
    this.#marks.note(this.#deps.clock.now(), this.#deps.mark())
  }

  /** The traffic of the sink's sockets that carry no requests. */
  get socketTraffic (): SocketTraffic {
    return this.#sockets.traffic
  }

  /** The sink itself has reported an error. It is nothing new if a request or a connection has failed before. */
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

  /** A request has failed. One that was created before the last setback reports nothing new. */
  #failed (key: object, { mark }: Request, failure: SinkFailure): void {
    this.#requests.delete(key)
    this.#hasSeenFailure = true
    if (mark > this.#failedMark) this.#report(failure)
    else this.#settle()
  }

  /** A connection has failed. Its requests, if it has any, report the same failure. */
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

  /** Settles requests in order: an answer proves the delivery of earlier lines once every earlier request has an answer too. */
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

  /** Looks for stalled requests and sockets as long as there are any. */
  #lookLater (): void {
    const { clock, writeTimeoutMs } = this.#deps
    this.#cancelLook ??= clock.whenWaited(clock.waited() + lookIntervalMs(writeTimeoutMs), () => {
      this.#cancelLook = undefined
      this.#findStalled()
      if (this.#requests.size > 0 || this.#sockets.areOpen) this.#lookLater()
    })
  }

  /** Finds requests without an answer and sockets without progress: a backend may take everything and answer nothing. */
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

/** The interval between looks for stalled requests and sockets. */
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
  // fetch() throws "fetch failed" with the reason as its cause. A host name with several addresses fails with one error for each.
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
