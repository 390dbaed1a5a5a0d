import { PassThrough, pipeline, type Writable } from 'node:stream'
import { FanoutError } from '../errors.js'
import { toFailure, type FailureReason, type SinkFailure } from '../failure.js'
import { Acceptance } from './acceptance.js'
import type { Calls } from './calls.js'
import { isThenable } from './delivery.js'
import { cutForDatagrams, MAX_DATAGRAM_BYTES } from './datagrams.js'
import type { SocketTraffic } from './sink-sockets.js'
import { asSonicBoom, makeDiscardable, traitsOf } from './sonic-boom.js'

/** Callbacks of a {@link StreamSink}. Byte counts are cumulative. */
export interface StreamSinkEvents {
  /** @param consumed - The part of these that has left the stream's own buffers, as far as they can be seen */
  onAccepted (bytes: number, consumed: number): void
  onDelivered (bytes: number): void
  onFailure (failure: SinkFailure): void
  /** A write that was pending when the stream was destroyed has ended. */
  onLateDelivery (bytes: number): void
  /** The stream failed once more after it had been destroyed. */
  onLateFault (failure: SinkFailure): void
  onEnded (): void
}

/** Dependencies of a {@link StreamSink}. */
export interface StreamSinkDeps {
  sink: string
  failureEvents: readonly string[]
  /** True if this thread has opened network sockets. A write callback then proves nothing. */
  holdsSockets: () => boolean
  /** True if this thread has opened a socket for datagrams. A write may then become one datagram. */
  sendsDatagrams: () => boolean
  /** Senses the sink's traffic, if that is watched. */
  sense?: SensedSink | undefined
  /** Counts the calls into the stream that have not returned. */
  calls: Calls
}

/** The sensed traffic of a sink. */
export interface SensedSink {
  /** True if requests have been seen, and none is pending. */
  readonly isQuiet: boolean
  /** True while a request is pending. */
  readonly isBusy: boolean
  /** The traffic of the sink's sockets that carry no requests. */
  readonly socketTraffic: SocketTraffic
  /** The sink itself has reported an error. */
  reportBySink (error: unknown): void
}

/** The properties that every transport's stream has: Node's streams, SonicBoom and others like them. */
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

/** True for a stream that can be written to. */
export function isStream (value: unknown): value is AnyStream {
  return typeof value === 'object' && value !== null &&
    typeof (value as AnyStream).write === 'function' && typeof (value as AnyStream).on === 'function'
}

/** Connects the streams of a pipeline behind one head. `onDone` gets no error if the pipeline ended in good order. */
export function joinPipeline (streams: readonly AnyStream[], onDone: (error: Error | undefined) => void): Writable {
  const head = new PassThrough()
  pipeline([head, ...streams as unknown as Writable[]], error => onDone(error ?? undefined))
  return head
}

/**
 * Writes to one stream, and watches every sign that it has taken lines, that they have arrived, or that it is broken. Reports one
 * failure at most, and nothing after a failure or the end.
 */
export class StreamSink {
  /** The form of lines that suits the stream. */
  readonly takes: 'text' | 'bytes'
  readonly #stream: AnyStream
  readonly #events: StreamSinkEvents
  readonly #deps: StreamSinkDeps
  /** The sign that the stream has taken lines. */
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
   * @param pipeline - The streams of the pipeline whose head this stream is. The head's own `close` comes too early, so the
   *   caller reports the end by {@link done}
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
      // With a minLength it keeps lines back on purpose, so the return value of write() is the only sign.
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

    // The callback of a pipeline reports its failure. The error of its head may only repeat that.
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

  /** True for a stream that accepts lines only once it has written them. Any other stream may keep accepted lines. */
  get keepsNothing (): boolean {
    return this.#accepts === 'written'
  }

  /** True for a plain Writable, whose callback proves delivery as long as the thread has no network sockets. */
  get #provesByCallback (): boolean {
    return this.#accepts === 'callback' && !this.#isReadable && !this.#deps.holdsSockets()
  }

  /** The accepted bytes that have left the stream's own buffers. */
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
    // A flush without a parameter answers by its return value. One with a parameter answers by its callback, or by both.
    await new Promise<void>((resolve, reject) => {
      const result = flush.call(this.#stream, error => error != null ? reject(error) : resolve())
      if (flush.length === 0) resolve(result as Promise<void>)
      else if (isThenable(result)) result.then(() => resolve(), reject)
    })
  }

  end (): void {
    if (this.#over || this.#ending) return
    // A destroyed stream would ignore `end()`, and its end would be awaited in vain.
    if (this.#isBroken()) return this.#failBroken()
    this.#ending = true
    try {
      if (typeof this.#stream.end === 'function') this.#stream.end()
      else this.#end()
    } catch (error) {
      this.#fail('stream-error', error)
    }
  }

  /** Ends a stream that has finished and emits no `close`. A readable one ends only once no request is pending. */
  #endWithoutClose (): void {
    this.#closeTimer ??= setInterval(() => {
      if (!this.#isReadable || this.#deps.sense?.isQuiet === true) this.#end()
    }, CLOSE_AFTER_FINISH_MS).unref()
  }

  /** Ends a stream that has closed, once no request is pending: some streams do not wait for the answers. */
  #endWhenIdle (): void {
    if (this.#deps.sense?.isBusy !== true) return this.#end()
    this.#idleTimer ??= setInterval(() => {
      if (this.#deps.sense?.isBusy !== true) this.#end()
    }, IDLE_POLL_MS)
  }

  /** All streams of the pipeline are done. */
  done (error: Error | undefined): void {
    const isOrderly = error === undefined || (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE'
    if (!isOrderly) this.#fail('stream-error', error)
    else if (this.#ending) this.#end()
    else this.#fail('closed-early', this.#error('closed before it was asked to end'))
  }

  /** Discards the stream. The listeners stay, so that its late errors reach nobody else. */
  destroy (): void {
    this.#over = true
    this.#isDestroyed = true
    this.#stop()
    try {
      this.#stream.destroy?.()
    } catch {
      // A stream that cannot be destroyed is left to itself.
    }
  }

  #isBroken (): boolean {
    return this.#stream.destroyed === true || (this.#stream.errored !== undefined && this.#stream.errored !== null)
  }

  // A destroyed stream emits its event a little later. The event, if there is one, is the failure.
  #failBroken (): void {
    setImmediate(() => this.#fail('destroyed', this.#stream.errored ?? this.#error('is destroyed')))
  }

  #onDelivered (bytes: number): void {
    if (this.#over) return
    this.#delivered = bytes
    this.#events.onDelivered(bytes)
  }

  /** A SonicBoom has written this many bytes more. */
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

  // Some streams are destroyed without an event. A timer checks for that for some time after each write, but not on an idle stream.
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
