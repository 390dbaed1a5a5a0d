import { inspect } from 'node:util'
import ThreadStream from 'thread-stream'
import type { Worker, WorkerOptions } from 'node:worker_threads'
import { hostPath } from '#host'
import { FanoutError } from '../errors.js'
import { toFailure, type SinkFailure } from '../failure.js'
import type { PinoConfig } from '../pino-config.js'
import type { Child, ChildListener, ChildSource, Parcel, SinkKind } from './child.js'
import { HeapWatch, withHeapReserve } from './heap-watch.js'
import { LineRing } from './line-ring.js'
import { keepLoopsTerminable } from './loop-checks.js'
import { HOST_EVENT, type HostData, type HostOrder, type HostReport } from './messages.js'
import { giveSharedMemoryBack, takeSharedMemory } from './shared-memory.js'

const WINDOW_BYTES = 1024 * 1024
/** The window, and what goes beyond it or is left at the end: a batch as it comes from the app has some 128 KiB. */
const RING_BYTES = WINDOW_BYTES + 512 * 1024
/** Its own ring is of no use here: what it takes out of it, it decodes. */
const LEAST_STREAM_BYTES = 4
/** As much as a batch for a delivery sink has, but for a longer line. */
const BATCH_BYTES = 512 * 1024
/** For how long a thread whose sink has ended may take for its own exit handlers. */
const EXIT_GRACE_MS = 500

/** A sink in a thread of its own: whatever it does there, it does to itself. */
export class ThreadChild implements Child {
  readonly windowBytes = WINDOW_BYTES
  readonly copies = true
  readonly #stream: ThreadStream
  readonly #worker: Worker
  readonly #listener: ChildListener
  readonly #sink: string
  readonly #heapWatch: HeapWatch
  readonly #ring = new LineRing(takeSharedMemory(RING_BYTES))
  readonly #flushes = new Map<number, () => void>()
  #kind: SinkKind = 'stream'
  /** What a batch for a delivery sink stands in until the sink's thread has read it, one at a time. */
  #batchMemory: SharedArrayBuffer | undefined
  #lastFlush = 0
  #isOver = false
  #hasExited = false
  #exitTimer: NodeJS.Timeout | undefined

  constructor (source: ChildSource, workerOptions: WorkerOptions, listener: ChildListener) {
    this.#listener = listener
    this.#sink = source.sink
    const workerData: HostData = { source, pinoWillSendConfig: source.willSendConfig, ring: this.#ring.memory }
    this.#stream = new ThreadStream({
      filename: hostPath,
      workerData,
      workerOpts: withHeapReserve({ name: `pino-breaker-fanout:${source.sink}`, ...workerOptions }),
      bufferSize: LEAST_STREAM_BYTES
    })
    // What thread-stream makes of a dead thread is known already from the thread itself.
    this.#stream.on('error', () => {})
    this.#worker = (this.#stream as unknown as { worker: Worker }).worker
    this.#heapWatch = new HeapWatch(this.#worker, workerOptions.resourceLimits?.maxOldGenerationSizeMb, message => {
      this.#fail(toFailure('out-of-memory', new FanoutError('ERR_FANOUT_SINK_THREAD', message, { sink: this.#sink })))
    })
    // A sink can post what it likes, and thread-stream would throw in this thread at some of it (a `WARNING` without an
    // error, an event named `message`): of all messages it is shown only that its worker is ready.
    const [onStreamMessage] = this.#worker.listeners('message')
    this.#worker.removeAllListeners('message')
    this.#worker.on('message', message => {
      if (message?.code === 'READY') onStreamMessage?.call(this.#worker, message)
      else this.#onMessage(message)
    })
    this.#worker.on('error', error => this.#fail(toFailure((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'out-of-memory' : 'thread-exit', error)))
    this.#worker.on('exit', code => {
      this.#hasExited = true
      if (this.#exitTimer !== undefined) this.#end()
      else this.#fail(toFailure('thread-exit', new FanoutError('ERR_FANOUT_SINK_THREAD', `the thread of the sink exited with code ${code}`, { sink: this.#sink })))
      giveSharedMemoryBack(this.#ring.memory)
      if (this.#batchMemory !== undefined) giveSharedMemoryBack(this.#batchMemory)
    })
  }

  configure (config: PinoConfig): void {
    this.#post({ code: 'PINO_CONFIG', config })
  }

  send ({ id, lines: { bytes, count, attempts, arrivedBytes } }: Parcel): void {
    if (this.#isOver) return
    if (this.#kind === 'delivery') {
      this.#post({ code: 'FANOUT_SEND', id, bytes: this.#share(bytes), count, attempt: attempts + 1 })
    } else {
      this.#hand(bytes.subarray(arrivedBytes))
    }
  }

  #hand (lines: Uint8Array): void {
    const place = this.#ring.put(lines)
    if (place !== undefined) return this.#post({ code: 'FANOUT_LINES', lines: place })
    const own = new Uint8Array(lines)
    this.#post({ code: 'FANOUT_LINES', lines: own }, [own.buffer])
  }

  /** Memory of its own for each batch would be garbage in two threads, of a kind that piles up before it is collected. */
  #share (bytes: Buffer): Uint8Array {
    const memory = bytes.length > BATCH_BYTES ? new SharedArrayBuffer(bytes.length) : this.#batchMemory ??= takeSharedMemory(BATCH_BYTES)
    const shared = new Uint8Array(memory, 0, bytes.length)
    shared.set(bytes)
    return shared
  }

  abort (id: string): void {
    this.#post({ code: 'FANOUT_ABORT', id })
  }

  async flush (): Promise<void> {
    if (this.#isOver) return
    await new Promise<void>(resolve => {
      const flush = ++this.#lastFlush
      this.#flushes.set(flush, resolve)
      this.#post({ code: 'FANOUT_FLUSH', flush })
    })
  }

  end (): void {
    this.#post({ code: 'FANOUT_END' })
  }

  async destroy (): Promise<void> {
    this.#finish()
    await this.#worker.terminate()
  }

  /** A thread does not end while it is in a call of the system, and its pending requests in libuv's pool keep it as well. */
  get isHanging (): boolean {
    return !this.#hasExited
  }

  // Not `ThreadStream.emit('message')`, which would go through the listeners of that stream's own events first.
  #post (message: HostOrder | { code: 'PINO_CONFIG', config: PinoConfig }, transfer: readonly ArrayBuffer[] = []): void {
    if (!this.#isOver) this.#worker.postMessage(message, transfer)
  }

  #onMessage (message: { code?: unknown, name?: unknown, args?: unknown } | null): void {
    if (this.#isOver || message === null || typeof message !== 'object') return
    if (message.code === 'EVENT') {
      if (typeof message.name !== 'string') return
      const args: unknown[] = Array.isArray(message.args) ? message.args : [message.args]
      if (message.name === HOST_EVENT) this.#onReport(args[0] as HostReport)
      else this.#listener.onEvent(message.name, args)
    } else if (message.code === 'ERROR') {
      this.#fail(toFailure('thread-exit', (message as { err?: unknown }).err))
    } else if (message.code !== 'WARNING' && message.code !== undefined && message.code !== null) {
      this.#fail(toFailure('stream-error', new FanoutError('ERR_FANOUT_SINK_THREAD', `it posted a message with the unknown code ${inspect(message.code)}`, { sink: this.#sink })))
    }
  }

  #onReport (report: HostReport): void {
    switch (report.type) {
      case 'ready':
        this.#kind = report.kind
        keepLoopsTerminable()
        return this.#listener.onReady(report.kind)
      case 'evidence':
        this.#ring.free(Math.max(report.accepted, report.delivered))
        this.#listener.onAccepted(report.accepted, report.consumed)
        this.#listener.onDelivered(report.delivered)
        return this.#listener.onAnswered(report.answered)
      case 'sensed':
        return this.#listener.onSensed(report.traffic)
      case 'setback':
        return this.#listener.onSetback(report.failure)
      case 'refused':
        return this.#listener.onRefused(report.bytes, report.failure)
      case 'settled':
        return this.#listener.onSettled(report.id, report.rejection)
      case 'flushed':
        this.#flushes.get(report.flush)?.()
        this.#flushes.delete(report.flush)
        return
      case 'failure':
        return this.#fail(report.failure)
      case 'ended':
        this.#exitTimer ??= setTimeout(() => this.#end(), EXIT_GRACE_MS)
    }
  }

  #fail (failure: SinkFailure): void {
    if (this.#isOver) return
    this.#finish()
    this.#listener.onFailure(failure)
  }

  #end (): void {
    if (this.#isOver) return
    this.#finish()
    this.#listener.onEnded()
  }

  #finish (): void {
    clearTimeout(this.#exitTimer)
    this.#heapWatch.close()
    this.#isOver = true
    for (const resolve of this.#flushes.values()) resolve()
    this.#flushes.clear()
  }
}
