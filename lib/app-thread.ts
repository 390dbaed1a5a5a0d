import { isMainThread, workerData } from 'node:worker_threads'
import type { Clock } from './clock.js'

/** The thread of the app that logs. */
export interface AppThread {
  /**
   * True while it turns its event loop, as far as is known. Otherwise the app may be ending its logger: thread-stream blocks the
   * app until this thread has taken everything, and throws in the app after 10 s. So nothing may hold back a blocked app.
   */
  readonly isTurning: boolean
}

/**
 * An app without an answer for this long counts as blocked. With less time, an app that computes for a moment would lose lines
 * of a slow sink. With more time, less than half of thread-stream's 10 s would be left for the end of the transport.
 */
const PATIENCE_MS = 3000

/** Asks the app's thread for a sign of life whenever `isTurning` is read. */
export class AskedAppThread implements AppThread {
  readonly #clock: Clock
  readonly #ask: (onAnswer: () => void) => void
  #askedAt: number | undefined

  /** @param ask - Calls back once the app's thread has turned its loop */
  constructor (clock: Clock, ask: (onAnswer: () => void) => void) {
    this.#clock = clock
    this.#ask = ask
  }

  get isTurning (): boolean {
    const now = this.#clock.waited()
    if (this.#askedAt !== undefined) return now - this.#askedAt < PATIENCE_MS
    this.#askedAt = now
    this.#ask(() => { this.#askedAt = undefined })
    return true
  }
}

/** The thread that started this one. In the main thread, that is this thread itself, which turns whenever it asks. */
export function createAppThread (clock: Clock): AppThread {
  if (isMainThread) return { isTurning: true }
  // The app's thread forwards a worker's stdout and stderr, and confirms each write from its event loop. If its own stdout or
  // stderr was closed, it forwards nothing there: output of sinks then fills the worker's stream, and no write is confirmed.
  // So both are asked.
  return new AskedAppThread(clock, askThrough([process.stdout, process.stderr]))
}

/** The memory that thread-stream shares with the thread of a transport. */
interface StreamMemory {
  /** Lines. */
  dataBuf?: unknown
  /** How far they have been written and read. Whoever waits until they have been read waits for a change of one of these numbers. */
  stateBuf?: unknown
}

/** The share of the memory from which on there is little room. */
const NEARLY_FULL = 31 / 32

/** What the app's thread waits for, and may be blocked by: that its lines have been read, or room for more. With little room left it counts as `room` too. */
export type Need = 'nothing' | 'lines' | 'room'

/**
 * Returns a function that tells, as far as it can, what the app's thread waits for. It wakes up a thread that waits for its lines,
 * as in a `flushSync()`, which then looks for itself: thread-stream allows for that ten times in a row.
 */
export function createNeedProbe (memory: StreamMemory | null = isMainThread ? null : workerData as StreamMemory | null): () => Need {
  const { dataBuf, stateBuf } = memory ?? {}
  if (!(dataBuf instanceof SharedArrayBuffer && stateBuf instanceof SharedArrayBuffer)) return () => 'nothing'
  const state = new Int32Array(stateBuf)
  const nearlyFull = dataBuf.byteLength * NEARLY_FULL
  return () => {
    // Once its memory is full, thread-stream waits until all has been read and begins anew, with `sync: true` in the app's thread.
    if (state.some(position => position >= nearlyFull)) return 'room'
    return state.some((_, index) => Atomics.notify(state, index) > 0) ? 'lines' : 'nothing'
  }
}

/** Asks by an empty write to each of these streams. The first confirmed write is the answer. A stream with an unconfirmed write is skipped. */
export function askThrough (streams: readonly Pick<NodeJS.WriteStream, 'write'>[]): (onAnswer: () => void) => void {
  const asked = new Set<unknown>()
  return onAnswer => {
    for (const stream of streams) {
      if (asked.has(stream)) continue
      asked.add(stream)
      stream.write('', () => {
        asked.delete(stream)
        onAnswer()
      })
    }
  }
}
