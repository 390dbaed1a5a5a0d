import { inspect } from 'node:util'
import { Worker, workerData, type WorkerOptions } from 'node:worker_threads'
import { systemClock } from '../clock.js'
import { FanoutError } from '../errors.js'
import { toFailure, type FailureReason, type SinkFailure } from '../failure.js'
import type { PinoConfig } from '../pino-config.js'
import type { Child, ChildListener, ChildSource, Parcel, SinkKind } from './child.js'
import { HeapWatch, withHeapReserve } from './heap-watch.js'
import { hostScript } from './host-script.js'
import { LineHandover } from './line-handover.js'
import { LineRing } from './line-ring.js'
import { keepLoopsTerminable } from './loop-checks.js'
import type { HostData, HostMessage, HostOrder, HostReport } from './messages.js'
import { giveSharedMemoryBack, takeSharedMemory } from './shared-memory.js'

/** The window of a sink in a thread. */
export const WINDOW_BYTES = 1024 * 1024
/** The window, and room for one batch of the app beyond it or a gap at the end: such a batch has some 128 KiB. */
export const RING_BYTES = WINDOW_BYTES + 512 * 1024
/** The most that a batch for a delivery sink has, unless a single line is longer. */
const BATCH_BYTES = 512 * 1024
/** Lines wait for a tenth of the write timeout at most, which is running by then. */
const TIMEOUT_SHARE = 0.1
/** How long a thread whose sink has ended may take for its own exit handlers. */
const EXIT_GRACE_MS = 500

/** A sink in a thread of its own. Nothing that it does there reaches anybody else. */
export class ThreadChild implements Child {
  readonly windowBytes = WINDOW_BYTES
  readonly copies = true
  readonly #worker: Worker
  readonly #listener: ChildListener
  readonly #sink: string
  readonly #heapWatch: HeapWatch
  readonly #ring = new LineRing(takeSharedMemory(RING_BYTES))
  readonly #handover: LineHandover
  readonly #flushes = new Map<number, () => void>()
  #kind: SinkKind = 'stream'
  /** Holds one batch at a time for a delivery sink, until the sink's thread has read it. */
  #batchMemory: SharedArrayBuffer | undefined
  #lastFlush = 0
  #isOver = false
  #hasExited = false
  #exitTimer: NodeJS.Timeout | undefined

  constructor (source: ChildSource, workerOptions: WorkerOptions, listener: ChildListener) {
    this.#listener = listener
    this.#sink = source.sink
    const hostData: HostData = {
      host: { source, ring: this.#ring.memory },
      workerData: { $context: ownContext(), pinoWillSendConfig: source.willSendConfig }
    }
    this.#handover = new LineHandover(this.#ring, {
      clock: systemClock,
      // Somebody may be reading along in a file.
      maxWaitMs: source.entries.every(({ isPinoFile }) => isPinoFile) ? 0 : source.writeTimeoutMs * TIMEOUT_SHARE,
      tell: lines => this.#post({ code: 'FANOUT_LINES', lines }, lines instanceof Uint8Array ? [lines.buffer] : [])
    })
    const { script, eval: isSource } = hostScript()
    const worker = this.#worker = new Worker(script, {
      eval: isSource,
      ...withHeapReserve({ name: `pino-breaker-fanout:${source.sink}`, ...workerOptions }),
      // As in thread-stream. A write that is pending as the thread ends still uses its file descriptor.
      trackUnmanagedFds: false,
      workerData: hostData
    })
    this.#heapWatch = new HeapWatch(worker, workerOptions.resourceLimits?.maxOldGenerationSizeMb, message => {
      this.#fail('out-of-memory', this.#error(message))
    })
    worker.on('message', message => this.#onMessage(message))
    worker.on('error', error => this.#fail((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'out-of-memory' : 'thread-exit', error))
    worker.on('exit', code => {
      this.#hasExited = true
      this.#fail('thread-exit', this.#error(`the thread of the sink exited with code ${code}`))
      giveSharedMemoryBack(this.#ring.memory)
      if (this.#batchMemory !== undefined) giveSharedMemoryBack(this.#batchMemory)
    })
  }

  configure (config: PinoConfig): void {
    this.#post({ code: 'PINO_CONFIG', config })
  }

  send ({ id, runs, lines: { bytes, count, attempts, arrivedBytes } }: Parcel): void {
    if (this.#isOver) return
    if (this.#kind === 'delivery') {
      this.#post({ code: 'FANOUT_SEND', id, runs, bytes: this.#share(bytes), count, attempt: attempts + 1 })
    } else {
      this.#handover.put(bytes.subarray(arrivedBytes))
    }
  }

  /** Uses the same memory for each batch: new memory would be garbage in two threads, and V8 collects that late. */
  #share (bytes: Buffer): Uint8Array {
    const memory = bytes.length > BATCH_BYTES ? new SharedArrayBuffer(bytes.length) : this.#batchMemory ??= takeSharedMemory(BATCH_BYTES)
    const shared = new Uint8Array(memory, 0, bytes.length)
    shared.set(bytes)
    return shared
  }

  hasten (): void {
    // A delivery sink reports each batch as it is settled.
    if (this.#kind !== 'stream') return
    this.#handover.tellNow()
    this.#post({ code: 'FANOUT_HASTEN' })
  }

  abort (id: string): void {
    this.#post({ code: 'FANOUT_ABORT', id })
  }

  async flush (): Promise<void> {
    if (this.#isOver) return
    await new Promise<void>(resolve => {
      const flush = ++this.#lastFlush
      this.#flushes.set(flush, resolve)
      this.#handover.tellNow()
      this.#post({ code: 'FANOUT_FLUSH', flush })
    })
  }

  end (): void {
    this.#handover.tellNow()
    this.#post({ code: 'FANOUT_END' })
  }

  async destroy (): Promise<void> {
    this.#finish()
    await this.#worker.terminate()
  }

  /** A thread does not end during a call into the system, or while libuv's pool has requests of it. */
  get isHanging (): boolean {
    return !this.#hasExited
  }

  #post (message: HostOrder | { code: 'PINO_CONFIG', config: PinoConfig }, transfer: readonly ArrayBuffer[] = []): void {
    if (!this.#isOver) this.#worker.postMessage(message, transfer)
  }

  /** The host's reports, and what the sink posts as in a thread-stream worker. A sink can post anything. */
  #onMessage (message: Partial<HostMessage> | { code?: unknown, name?: unknown, args?: unknown, err?: unknown } | null): void {
    if (this.#isOver || message === null || typeof message !== 'object') return
    switch (message.code) {
      case 'FANOUT_REPORT':
        return this.#onReport((message as HostMessage).report)
      case 'EVENT': {
        const { name, args } = message as { name?: unknown, args?: unknown }
        if (typeof name === 'string') this.#listener.onEvent(name, Array.isArray(args) ? args : [args])
        return
      }
      case 'ERROR':
        return this.#fail('thread-exit', (message as { err?: unknown }).err)
      case 'WARNING':
      case undefined:
      case null:
        return
      default:
        this.#fail('stream-error', this.#error(`it posted a message with the unknown code ${inspect(message.code)}`))
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
        return this.#reportFailure(report.failure)
      case 'ended':
        this.#exitTimer ??= setTimeout(() => this.#end(), EXIT_GRACE_MS)
    }
  }

  #error (message: string): FanoutError {
    return new FanoutError('ERR_FANOUT_SINK_THREAD', message, { sink: this.#sink })
  }

  #fail (reason: FailureReason, error: unknown): void {
    this.#reportFailure(toFailure(reason, error))
  }

  #reportFailure (failure: SinkFailure): void {
    if (this.#isOver) return
    // The sink has ended in good order. A fault in its exit handlers loses no line.
    if (this.#exitTimer !== undefined) return this.#end()
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
    this.#handover.stop()
    this.#heapWatch.close()
    this.#isOver = true
    for (const resolve of this.#flushes.values()) resolve()
    this.#flushes.clear()
  }
}

/** The `$context` that thread-stream gave to this thread, for a sink that looks for it; empty outside thread-stream. */
function ownContext (): object {
  const { $context = {} } = (workerData as { workerData?: { $context?: object } | null } | null)?.workerData ?? {}
  return $context
}
