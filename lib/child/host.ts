import { FanoutError } from '../errors.js'
import { toFailure, type SinkFailure } from '../failure.js'
import { Calls } from './calls.js'
import type { ChildListener, ChildSource } from './child.js'
import { DeliveryRunner, isDeliverySink, kindOf, type DeliveryOrder } from './delivery.js'
import { loadFactory } from './load.js'
import { mendFile } from './mended-file.js'
import { loadPinoFile } from './pino-file.js'
import { listenToSelf } from './self-reports.js'
import { hasOpenedDatagramSockets, hasOpenedSockets } from './sockets.js'
import { asSonicBoom, makeDiscardable } from './sonic-boom.js'
import { isStream, joinPipeline, StreamSink, type SensedSink } from './stream-sink.js'

/** A sink that has started. */
type StartedSink = { kind: 'stream', stream: StreamSink } | { kind: 'delivery', runner: DeliveryRunner }

/**
 * Runs one sink in this thread, which is the fanout's or the sink's own: loads the target, starts it, hands lines over and reports
 * their outcome. Reports one failure or one end, and nothing after that.
 */
export class SinkHost {
  readonly #source: ChildSource
  readonly #listener: ChildListener
  readonly #sense: SensedSink | undefined
  readonly #calls = new Calls()
  #sink: StartedSink | undefined
  #over = false

  /** @param sense - Senses the sink's traffic, if that is watched */
  constructor (source: ChildSource, listener: ChildListener, sense?: SensedSink) {
    this.#source = source
    this.#listener = listener
    this.#sense = sense
  }

  /** Loads and starts the sink. `onReady` or `onFailure` follows. Resolves once the start has succeeded or failed, and never rejects. */
  async start (): Promise<void> {
    const end = this.#calls.begin()
    const { entries, isPipeline, isFirst } = this.#source
    const starts = entries.map(async ({ file, isPinoFile, target, options }) => {
      const factory = (isPinoFile ? loadPinoFile(file) : undefined) ?? await loadFactory(file)
      // A pipeline may write anything into its file, and not only lines.
      if (isPinoFile && !isPipeline && isFirst === true) await mendFile(options)
      // A sink that was discarded meanwhile must not open its file any more.
      if (this.#over) return undefined
      const sense = this.#sense
      return await factory(sense === undefined ? options : listenToSelf({ file, target }, options, this.#source.sink, error => sense.reportBySink(error)))
    })
    try {
      const started = await Promise.all(starts)
      if (this.#over) return this.#discard(starts)
      this.#sink = this.#source.isPipeline ? this.#adoptPipeline(started) : this.#adopt(started[0])
      this.#listener.onReady(this.#sink.kind)
    } catch (error) {
      this.#discard(starts)
      this.#fail(toFailure('start-failed', error))
    } finally {
      end()
    }
  }

  /** True while a call into the sink has not returned, so that the sink may still be doing something. */
  get hasPendingCalls (): boolean {
    return this.#calls.arePending
  }

  /** Settles once no call into the sink is pending. */
  async whenIdle (): Promise<void> {
    await this.#calls.whenNone()
  }

  /** The form of lines that suits the sink: a delivery sink takes batches, a stream text or bytes. */
  get takes (): 'batches' | 'text' | 'bytes' {
    return this.#sink?.kind === 'stream' ? this.#sink.stream.takes : 'batches'
  }

  /** True for a stream sink that does not use lines any more once it has accepted them. */
  get keepsNothing (): boolean {
    return this.#sink?.kind === 'stream' && this.#sink.stream.keepsNothing
  }

  /** The bytes that a stream sink has accepted and that have left its own buffers; 0 for a delivery sink. */
  get consumedBytes (): number {
    return this.#sink?.kind === 'stream' ? this.#sink.stream.consumedBytes : 0
  }

  /** Hands lines to a stream sink. */
  write (chunk: string | Buffer, bytes: number): void {
    if (this.#sink?.kind === 'stream') this.#sink.stream.write(chunk, bytes)
  }

  /** Hands a batch to a delivery sink. */
  send (order: DeliveryOrder): void {
    if (this.#sink?.kind === 'delivery') this.#sink.runner.send(order)
  }

  abort (id: string): void {
    if (this.#sink?.kind === 'delivery') this.#sink.runner.abort(id)
  }

  async flush (): Promise<void> {
    try {
      if (this.#sink?.kind === 'delivery') await this.#sink.runner.flush()
      else await this.#sink?.stream.flush()
    } catch (error) {
      this.#fail(toFailure('write-error', error))
    }
  }

  end (): void {
    if (this.#sink === undefined) return
    if (this.#sink.kind === 'stream') return this.#sink.stream.end()
    this.#sink.runner.close().then(() => this.#end(), error => this.#fail(toFailure('stream-error', error)))
  }

  destroy (): void {
    this.#over = true
    if (this.#sink?.kind === 'delivery') this.#sink.runner.abortAll()
    else this.#sink?.stream.destroy()
  }

  #adopt (started: unknown): StartedSink {
    if (isDeliverySink(started)) {
      return {
        kind: 'delivery',
        runner: new DeliveryRunner(started, this.#source.redelivers, this.#calls, (id, rejection) => {
          if (!this.#over) this.#listener.onSettled(id, rejection)
        })
      }
    }
    const fault = faultOf(started)
    if (fault !== undefined || !isStream(started)) throw new FanoutError('ERR_FANOUT_SINK_INVALID', fault ?? 'the factory returned no stream', { sink: this.#source.sink })
    return { kind: 'stream', stream: new StreamSink(started, this.#streamDeps(), this.#streamEvents()) }
  }

  #adoptPipeline (started: readonly unknown[]): StartedSink {
    const streams = started.map((stream, i) => {
      if (isStream(stream)) return stream
      throw new FanoutError('ERR_FANOUT_SINK_INVALID', `pipeline[${i}] is no stream, got ${stream === null ? 'null' : typeof stream}`, { sink: this.#source.sink })
    })
    const head = joinPipeline(streams, error => stream.done(error))
    const stream = new StreamSink(head, this.#streamDeps(), this.#streamEvents(), { pipeline: streams })
    return { kind: 'stream', stream }
  }

  #streamDeps (): ConstructorParameters<typeof StreamSink>[1] {
    const { sink, failureEvents } = this.#source
    return { sink, failureEvents, holdsSockets: hasOpenedSockets, sendsDatagrams: hasOpenedDatagramSockets, sense: this.#sense, calls: this.#calls }
  }

  #streamEvents (): ConstructorParameters<typeof StreamSink>[2] {
    return {
      onAccepted: (bytes, consumed) => { if (!this.#over) this.#listener.onAccepted(bytes, consumed) },
      onDelivered: bytes => { if (!this.#over) this.#listener.onDelivered(bytes) },
      onFailure: failure => this.#fail(failure),
      onLateDelivery: bytes => this.#listener.onLateDelivery(bytes),
      onLateFault: failure => this.#listener.onLateFault(failure),
      onEnded: () => this.#end()
    }
  }

  /** Destroys what the factories return, or will return. A start that hangs stays pending. */
  #discard (starts: ReadonlyArray<Promise<unknown>>): void {
    for (const start of starts) {
      const end = this.#calls.begin()
      start.then(sink => {
        const sonic = isStream(sink) ? asSonicBoom(sink) : undefined
        // Without a listener, a late error would end the thread.
        if (isStream(sink)) sink.on('error', error => this.#listener.onLateFault(toFailure('stream-error', error)))
        if (sonic !== undefined) makeDiscardable(sonic, this.#calls, error => this.#listener.onLateFault(toFailure('stream-error', error)))
        ;(sink as { destroy?: () => void } | null | undefined)?.destroy?.()
      }).catch(() => {}).finally(end)
    }
  }

  #fail (failure: SinkFailure): void {
    if (this.#over) return
    this.#over = true
    this.#listener.onFailure(failure)
  }

  #end (): void {
    if (this.#over) return
    this.#over = true
    this.#listener.onEnded()
  }
}

/** The reason why the return value of a factory is no stream, as a message; `undefined` if it is one. */
function faultOf (started: unknown): string | undefined {
  if (typeof started !== 'object' || started === null) return `the factory must return a stream, or an object with send(); it returned ${kindOf(started)}`
  const { send, write, on, _write } = started as { send?: unknown, write?: unknown, on?: unknown, _write?: unknown }
  if (typeof write !== 'function') return 'the factory must return a stream, or an object with send(); it returned an object with neither write() nor send()'
  if (typeof on !== 'function') {
    return typeof send === 'function'
      ? 'the factory returned an object with both send() and write(); a delivery sink has send() without write(), and a stream has on() too'
      : 'the factory returned an object with write() and without on(), which is no stream; return a Writable, or an object with send()'
  }
  // Every line would wait for a callback that nobody calls.
  if (typeof _write === 'function' && _write.constructor.name === 'AsyncFunction' && (_write.length === 1 || _write.length === 2)) {
    return 'the write() of the stream is async and takes no callback, so nobody could tell when it has written; call the callback, or return an object with send()'
  }
  return undefined
}
