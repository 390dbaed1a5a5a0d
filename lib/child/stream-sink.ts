import { PassThrough, pipeline, type Writable } from 'node:stream'
import { FanoutError } from '../errors.js'
import { toFailure, type FailureReason, type SinkFailure } from '../failure.js'
import { Acceptance } from './acceptance.js'
import type { Calls } from './calls.js'
import { isThenable } from './delivery.js'
import { cutForDatagrams, MAX_DATAGRAM_BYTES } from './datagrams.js'
import type { SocketTraffic } from './sink-sockets.js'
import { asSonicBoom, makeDiscardable, traitsOf } from './sonic-boom.js'

/** What a stream sink tells its host; byte counts are cumulative. */
export interface StreamSinkEvents {
  /** @param consumed - How many of these it does not keep in buffers of its own, as far as they can be seen. */
  onAccepted (bytes: number, consumed: number): void
  onDelivered (bytes: number): void
  onFailure (failure: SinkFailure): void
  /** A write that was pending as it was destroyed has come to its end. */
  onLateDelivery (bytes: number): void
  /** It failed once more after it had been destroyed. */
  onLateFault (failure: SinkFailure): void
  onEnded (): void
}

/** How a stream sink is watched. */
export interface StreamSinkDeps {
  sink: string
  failureEvents: readonly string[]
  /** Whether this thread has opened network sockets: a write callback then proves nothing. */
  holdsSockets: () => boolean
  /** Whether this thread has opened a socket for datagrams: a write may become one of them. */
  sendsDatagrams: () => boolean
  /** What is seen of the sink's traffic, where that is watched. */
  sense?: SensedSink | undefined
  /** Counts the calls into the stream that have not come back. */
  calls: Calls
}

/** What is seen of the traffic of a sink. */
export interface SensedSink {
  /** Whether requests have been seen, and none is under way. */
  readonly isQuiet: boolean
  /** Whether a request is under way. */
  readonly isBusy: boolean
  /** What stands in its sockets that carry no requests. */
  readonly socketTraffic: SocketTraffic
  /** The sink itself has reported an error. */
  reportBySink (error: unknown): void
}

/** The least that a transport's stream has; Node's streams, SonicBoom and what looks like them. */
interface AnyStream extends NodeJS.EventEmitter {
  write (chunk: string | Buffer, callback?: (error?: Error | null) => void): unknown
  end? (): unknown
  destroy? (error?: Error): unknown
  flush? (callback: (error?: Error | null) => void): unknown
  destroyed?: boolean
  errored?: unknown
}

const POLL_MS = 1000
const IDLE_POLL_MS = 50
const POLLS_AFTER_WRITE = 10
const CLOSE_AFTER_FINISH_MS = 500

/** Whether a factory returned a stream that can be written to. */
export function isStream (value: unknown): value is AnyStream {
  return typeof value === 'object' && value !== null &&
    typeof (value as AnyStream).write === 'function' && typeof (value as AnyStream).on === 'function'
}

/** Puts the streams of a pipeline behind one head; `undefined` as error where it came to its end in good order. */
export function joinPipeline (streams: readonly AnyStream[], onDone: (error: Error | undefined) => void): Writable {
  const head = new PassThrough()
  pipeline([head, ...streams as unknown as Writable[]], error => onDone(error ?? undefined))
  return head
}

/**
 * Watches one stream: everything by which it can say that it has taken lines, that they have arrived, or that it is
 * broken (DESIGN §5). Reports one failure at most; nothing after a failure or the end.
 */
export class StreamSink {
  /** Whether it is best given text or bytes. */
  readonly takes: 'text' | 'bytes'
  readonly #stream: AnyStream
  readonly #events: StreamSinkEvents
  readonly #deps: StreamSinkDeps
  /** By what it says that it has taken lines. */
  readonly #accepts: 'callback' | 'written' | 'return'
  readonly #acceptance: Acceptance
  #delivered = 0
  #ending = false
  #over = false
  #isDestroyed = false
  #poll: NodeJS.Timeout | undefined
  #pollsLeft = 0
  #closeTimer: NodeJS.Timeout | undefined
  #idleTimer: NodeJS.Timeout | undefined

  /**
   * @param pipeline - What stands behind this stream, if it is the head of a pipeline. Its own `close` comes too early
   *   then: {@link done} tells.
   */
  constructor (stream: AnyStream, deps: StreamSinkDeps, events: StreamSinkEvents, { pipeline }: { pipeline?: readonly AnyStream[] } = {}) {
    this.#stream = stream
    this.#events = events
    this.#deps = deps
    const sonic = asSonicBoom(stream)
    for (const stage of new Set<AnyStream>([stream, ...pipeline ?? []])) {
      const sonicStage = asSonicBoom(stage)
      if (sonicStage !== undefined) makeDiscardable(sonicStage, deps.calls, error => this.#onError(error))
    }
    const state = (stream as { _writableState?: { decodeStrings?: boolean, objectMode?: boolean } })._writableState
    if (sonic !== undefined) {
      const { contentMode, minLength } = traitsOf(sonic)
      this.takes = contentMode
      // With a minLength it keeps lines back on purpose: then write() is all that can be asked.
      this.#accepts = minLength > 0 ? 'return' : 'written'
      stream.on('write', (bytes: number) => this.#onWritten(bytes))
    } else {
      this.takes = state !== undefined && state.decodeStrings !== false && state.objectMode !== true ? 'bytes' : 'text'
      this.#accepts = state !== undefined ? 'callback' : 'return'
    }
    this.#acceptance = new Acceptance(stream as ConstructorParameters<typeof Acceptance>[0], {
      followsBuffers: sonic === undefined,
      socketTraffic: () => deps.sense?.socketTraffic,
      onAccepted: (accepted, consumed) => {
        events.onAccepted(accepted, consumed)
        if (this.#provesByCallback) this.#onDelivered(accepted)
      }
    })

    // What fails in a pipeline is told by its callback, and the error of its head may be no more than an echo of that.
    stream.on('error', error => { if (pipeline === undefined || this.#isDestroyed) this.#onError(error) })
    for (const event of deps.failureEvents) {
      for (const emitter of pipeline ?? [stream]) {
        emitter.on(event, (...args: unknown[]) => {
          if (this.#ending) return
          const error = args.find(arg => arg instanceof Error)
          // A connection that closes without an error was closed by the other side.
          if (error === undefined && event === 'socketClose') this.#fail('closed-early', this.#error('lost its connection, which the other side closed'))
          else this.#fail('stream-error', error ?? this.#error(`emitted "${event}"`))
        })
      }
    }
    if (pipeline !== undefined) return
    stream.on('close', () => this.#ending ? this.#endWhenIdle() : this.#fail('closed-early', this.#error('closed before it was asked to end')))
    for (const event of ['finish', 'end']) {
      stream.on(event, () => {
        if (!this.#ending) this.#fail('closed-early', this.#error(`emitted "${event}" before it was asked to end`))
        else this.#endWithoutClose()
      })
    }
  }

  get #isReadable (): boolean {
    return (this.#stream as { _readableState?: unknown })._readableState !== undefined
  }

  /** Whether it has written what it has accepted, and holds none of it any more; any other stream may keep what it was given. */
  get keepsNothing (): boolean {
    return this.#accepts === 'written'
  }

  /** A plain Writable's callback proves delivery, as long as nothing behind it can be on a network. */
  get #provesByCallback (): boolean {
    return this.#accepts === 'callback' && !this.#isReadable && !this.#deps.holdsSockets()
  }

  /** How many bytes it has accepted that do not stand in its own buffers any more, waiting for the transport to take them. */
  get consumedBytes (): number {
    return this.#acceptance.consumedBytes
  }

  write (chunk: string | Buffer, bytes: number): void {
    if (bytes <= MAX_DATAGRAM_BYTES || !this.#deps.sendsDatagrams()) return this.#write(chunk, bytes)
    for (const { part, bytes } of cutForDatagrams(chunk)) this.#write(part, bytes)
  }

  #write (chunk: string | Buffer, bytes: number): void {
    if (this.#over) return
    if (this.#isBroken()) return this.#failBroken()
    this.#acceptance.note(chunk, bytes)
    try {
      if (this.#accepts === 'callback') {
        const end = this.#deps.calls.begin()
        this.#stream.write(chunk, error => {
          end()
          if (error != null) this.#fail('write-error', error)
          else this.#acceptance.acceptOnceSent(bytes)
        })
      } else {
        const goesOn = this.#stream.write(chunk)
        if (this.#accepts === 'return') {
          if (isThenable(goesOn)) goesOn.then(() => this.#acceptance.accept(bytes), error => this.#fail('write-error', error))
          else if (goesOn === false || this.#acceptance.awaitsDrain) this.#acceptance.acceptAtDrain(bytes)
          else this.#acceptance.accept(bytes)
        }
      }
    } catch (error) {
      this.#fail('write-error', error)
    }
    this.#watch()
  }

  async flush (): Promise<void> {
    const { flush } = this.#stream
    if (typeof flush !== 'function') return
    // A flush without a parameter answers by its return value, one with a parameter by its callback, or both.
    await new Promise<void>((resolve, reject) => {
      const result = flush.call(this.#stream, error => error != null ? reject(error) : resolve())
      if (flush.length === 0) resolve(result as Promise<void>)
      else if (isThenable(result)) result.then(() => resolve(), reject)
    })
  }

  end (): void {
    if (this.#over || this.#ending) return
    // What is destroyed would ignore it, and everybody would wait for its end.
    if (this.#isBroken()) return this.#failBroken()
    this.#ending = true
    try {
      if (typeof this.#stream.end === 'function') this.#stream.end()
      else this.#end()
    } catch (error) {
      this.#fail('stream-error', error)
    }
  }

  /** Some streams never emit `close`. With nothing to read behind them, or no request under way, all is done by then. */
  #endWithoutClose (): void {
    this.#closeTimer ??= setInterval(() => {
      if (!this.#isReadable || this.#deps.sense?.isQuiet === true) this.#end()
    }, CLOSE_AFTER_FINISH_MS).unref()
  }

  /** Some streams close with requests under way, whose answers nobody waits for. */
  #endWhenIdle (): void {
    if (this.#deps.sense?.isBusy !== true) return this.#end()
    this.#idleTimer ??= setInterval(() => {
      if (this.#deps.sense?.isBusy !== true) this.#end()
    }, IDLE_POLL_MS)
  }

  /** For a pipeline: all of its streams are done. */
  done (error: Error | undefined): void {
    const isOrderly = error === undefined || (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE'
    if (!isOrderly) this.#fail('stream-error', error)
    else if (this.#ending) this.#end()
    else this.#fail('closed-early', this.#error('closed before it was asked to end'))
  }

  /** Discards the stream. Its listeners stay, so that nothing that it does later reaches anybody else. */
  destroy (): void {
    this.#over = true
    this.#isDestroyed = true
    this.#stop()
    try {
      this.#stream.destroy?.()
    } catch {
      // What cannot be destroyed is let go.
    }
  }

  #isBroken (): boolean {
    return this.#stream.destroyed === true || (this.#stream.errored !== undefined && this.#stream.errored !== null)
  }

  // A stream is destroyed first and says so a little later: if it does, that is the failure.
  #failBroken (): void {
    setImmediate(() => this.#fail('destroyed', this.#stream.errored ?? this.#error('is destroyed')))
  }

  #onDelivered (bytes: number): void {
    if (this.#over) return
    this.#delivered = bytes
    this.#events.onDelivered(bytes)
  }

  /** A SonicBoom has written so many bytes more. */
  #onWritten (bytes: number): void {
    if (!this.#isDestroyed) return this.#onDelivered(this.#delivered + bytes)
    this.#delivered += bytes
    this.#events.onLateDelivery(this.#delivered)
  }

  #onError (error: unknown): void {
    if (this.#isDestroyed) this.#events.onLateFault(toFailure('stream-error', error))
    else this.#fail('stream-error', error)
  }

  #fail (reason: FailureReason, error: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#stop()
    this.#events.onFailure(toFailure(reason, error))
  }

  #end (): void {
    if (this.#over) return
    this.#over = true
    this.#stop()
    this.#events.onEnded()
  }

  #error (what: string): FanoutError {
    return new FanoutError('ERR_FANOUT_SINK_CLOSED', `the stream ${what}`, { sink: this.#deps.sink })
  }

  // Some streams are destroyed without an event. Looked for while lines are on their way, and not when idle.
  #watch (): void {
    if (this.#over) return
    this.#pollsLeft = POLLS_AFTER_WRITE
    this.#poll ??= setInterval(() => {
      if (!this.#ending && this.#isBroken()) this.#failBroken()
      else if (--this.#pollsLeft === 0) this.#unwatch()
    }, POLL_MS).unref()
  }

  #unwatch (): void {
    clearInterval(this.#poll)
    this.#poll = undefined
  }

  #stop (): void {
    this.#unwatch()
    this.#acceptance.stop()
    clearInterval(this.#closeTimer)
    clearInterval(this.#idleTimer)
  }
}
