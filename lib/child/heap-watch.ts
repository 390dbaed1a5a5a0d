import { getHeapStatistics, type HeapInfo } from 'node:v8'
import { Worker, type WorkerOptions } from 'node:worker_threads'

const MB = 1024 * 1024
/** What V8 is given on top of the limit that was asked for, in MB. */
const RESERVE_MB = 256
/** No thread is assumed to fill its heap faster. */
const GROWTH_BYTES_PER_MS = 500_000
const SHORTEST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2000

type WatchableWorker = Worker & { getHeapStatistics: () => Promise<HeapInfo> }

/** Whether this Node.js can look into another thread: since 22.16 and 24. */
const canLook = 'getHeapStatistics' in Worker.prototype

/** How much memory a thread may hold before it is ended, in bytes. */
export interface MemoryBounds {
  heapBytes: number
  /** Buffers and other memory beside the heap. */
  externalBytes: number
}

/**
 * Options for a worker whose heap is going to be watched: its limit is raised, so that a {@link HeapWatch} sees it pass
 * the limit that was asked for while V8 still has room. Where Node.js cannot look into another thread, they stay as they are.
 */
export function withHeapReserve (options: WorkerOptions): WorkerOptions {
  const askedMb = options.resourceLimits?.maxOldGenerationSizeMb
  if (askedMb === undefined || !canLook) return options
  return { ...options, resourceLimits: { ...options.resourceLimits, maxOldGenerationSizeMb: askedMb + RESERVE_MB } }
}

/**
 * The bounds of a thread.
 *
 * Half of what V8 may use beyond the asked limit, or a quarter of its own limit, is kept free: garbage alone fills a heap
 * no further than halfway from what is live to the limit, and beyond the bound the thread must still be ended in time.
 *
 * @param oldLimitBytes - The limit that V8 applies to old objects; `--max-old-space-size` replaces any other
 * @param askedMb - The `maxOldGenerationSizeMb` that was asked for
 * @param hostLimitBytes - The heap limit of a thread without limits on this machine
 */
export function memoryBounds (oldLimitBytes: number, askedMb: number | undefined, hostLimitBytes: number): MemoryBounds {
  const hasReserve = askedMb !== undefined && oldLimitBytes >= (askedMb + RESERVE_MB) * MB
  return {
    heapBytes: oldLimitBytes - (hasReserve ? RESERVE_MB * MB / 2 : oldLimitBytes / 4),
    externalBytes: hostLimitBytes
  }
}

/** How long a thread may be left alone that has so many bytes to its nearest bound. */
export function pauseMs (freeBytes: number): number {
  return Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, freeBytes / GROWTH_BYTES_PER_MS))
}

/**
 * Looks at the memory of a thread from outside, and tells once it holds more than it may.
 *
 * V8 ends the whole process when a heap is full and the thread does not stop in time, as with an array or a map that
 * outgrows its memory (https://github.com/nodejs/node/issues/47224). A thread that is seen before is terminated, and takes
 * nobody with it.
 */
export class HeapWatch {
  readonly #worker: WatchableWorker
  readonly #askedMb: number | undefined
  readonly #onFull: (message: string) => void
  #bounds: MemoryBounds | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  /**
   * @param askedMb - The `maxOldGenerationSizeMb` that was asked for
   * @param onFull - Called at most once, with a sentence that says what is full
   */
  constructor (worker: Worker, askedMb: number | undefined, onFull: (message: string) => void) {
    this.#worker = worker as WatchableWorker
    this.#askedMb = askedMb
    this.#onFull = onFull
    if (canLook) worker.once('online', () => this.#look())
  }

  close (): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  /** A thread that is collecting garbage, or in native code, answers late: there is never more than one question. */
  #look (): void {
    if (this.#isClosed) return
    // It rejects once the thread has ended.
    this.#worker.getHeapStatistics().then(heap => this.#judge(heap), () => this.close())
  }

  #judge (heap: HeapInfo): void {
    if (this.#isClosed) return
    const { heapBytes, externalBytes } = this.#bounds ??= this.#boundsFrom(heap)
    const freeBytes = Math.min(heapBytes - heap.used_heap_size, externalBytes - heap.external_memory)
    if (freeBytes >= 0) {
      this.#timer = setTimeout(() => this.#look(), pauseMs(freeBytes)).unref()
      return
    }
    this.close()
    this.#onFull(heap.used_heap_size > heapBytes
      ? `the heap of its thread holds ${inMb(heap.used_heap_size)}, and may hold ${inMb(heapBytes)}`
      : `the buffers of its thread hold ${inMb(heap.external_memory)}, and may hold ${inMb(externalBytes)}`)
  }

  // Node.js raises the limit of a thread that it is about to end, so only the first one counts.
  #boundsFrom ({ heap_size_limit: limitBytes }: HeapInfo): MemoryBounds {
    const youngMb = this.#worker.resourceLimits?.maxYoungGenerationSizeMb ?? 0
    return memoryBounds(limitBytes - youngMb * MB, this.#askedMb, getHeapStatistics().heap_size_limit)
  }
}

function inMb (bytes: number): string {
  return `${Math.round(bytes / MB)} MB`
}
