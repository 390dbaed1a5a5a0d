import { getHeapStatistics, type HeapInfo } from 'node:v8'
import { Worker, type WorkerOptions } from 'node:worker_threads'

const MB = 1024 * 1024
/** Added to the heap limit that was asked for, in MB. */
const RESERVE_MB = 256
/** The fastest growth of a heap that is expected. */
const GROWTH_BYTES_PER_MS = 500_000
const SHORTEST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2000

type WatchableWorker = Worker & { getHeapStatistics: () => Promise<HeapInfo> }

/** True if this Node.js can look into another thread (22.16, 24 and later). */
const canLook = 'getHeapStatistics' in Worker.prototype

/** The memory that a thread may hold before it is terminated, in bytes. */
export interface MemoryBounds {
  heapBytes: number
  /** Buffers and other memory beside the heap. */
  externalBytes: number
}

/**
 * Options for a worker whose heap will be watched. The limit is raised, so that a {@link HeapWatch} sees the heap pass the limit that
 * was asked for while V8 still has room. The options stay as they are if this Node.js cannot look into another thread.
 */
export function withHeapReserve (options: WorkerOptions): WorkerOptions {
  const askedMb = options.resourceLimits?.maxOldGenerationSizeMb
  if (askedMb === undefined || !canLook) return options
  return { ...options, resourceLimits: { ...options.resourceLimits, maxOldGenerationSizeMb: askedMb + RESERVE_MB } }
}

/**
 * The bounds of a thread.
 *
 * The bound of the heap lies half of the reserve below V8's limit, or a quarter of V8's limit below it if there is no reserve. It is
 * high enough for a healthy thread: garbage alone fills a heap at most to halfway between the live objects and the limit. It is low
 * enough to leave time to terminate the thread.
 *
 * @param oldLimitBytes - V8's limit for old objects. `--max-old-space-size` overrides `askedMb`
 * @param askedMb - The `maxOldGenerationSizeMb` that was asked for
 * @param hostLimitBytes - V8's own heap limit on this machine, for a thread without `resourceLimits`
 */
export function memoryBounds (oldLimitBytes: number, askedMb: number | undefined, hostLimitBytes: number): MemoryBounds {
  const hasReserve = askedMb !== undefined && oldLimitBytes >= (askedMb + RESERVE_MB) * MB
  return {
    heapBytes: oldLimitBytes - (hasReserve ? RESERVE_MB * MB / 2 : oldLimitBytes / 4),
    externalBytes: hostLimitBytes
  }
}

/** The pause before the next look at a thread with this much room to its nearest bound. */
export function pauseMs (freeBytes: number): number {
  return Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, freeBytes / GROWTH_BYTES_PER_MS))
}

/**
 * Looks at the memory of a thread from outside, and reports once it holds more than it may.
 *
 * V8 ends the whole process if a heap is full and the thread does not stop in time, as with a growing array or map
 * (https://github.com/nodejs/node/issues/47224). Terminating the thread before that ends only the thread.
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
   * @param onFull - Called at most once, with a message
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

  /** A thread that collects garbage or is in native code answers late, so only one look is pending at a time. */
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
      ? `the heap of its thread holds ${inMb(heap.used_heap_size)}, more than the allowed ${inMb(heapBytes)}`
      : `the buffers of its thread hold ${inMb(heap.external_memory)}, more than the allowed ${inMb(externalBytes)}`)
  }

  // Node.js raises the limit of a thread that it is about to end, so only the first limit counts.
  #boundsFrom ({ heap_size_limit: limitBytes }: HeapInfo): MemoryBounds {
    const youngMb = this.#worker.resourceLimits?.maxYoungGenerationSizeMb ?? 0
    return memoryBounds(limitBytes - youngMb * MB, this.#askedMb, getHeapStatistics().heap_size_limit)
  }
}

function inMb (bytes: number): string {
  return `${Math.round(bytes / MB)} MB`
}
