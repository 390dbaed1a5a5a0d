import { isMainThread } from 'node:worker_threads'
import type { Clock } from './clock.js'

/** The thread of the app that logs. */
export interface AppThread {
  /**
   * Whether it turns its event loop, as far as is known. While it does not, it may be blocked in the end of its logger:
   * thread-stream waits 10 s there for this thread to take everything, and throws in the app then. Nothing may hold it back.
   */
  readonly isTurning: boolean
}

/**
 * Without an answer for this long it counts as blocked. Shorter, and an app that computes for a moment would lose lines of a
 * slow sink; longer, and less than half of thread-stream's 10 s would be left for the end itself.
 */
const PATIENCE_MS = 3000

/** Asks the app's thread for a sign of life whenever somebody wants to know. */
export class AskedAppThread implements AppThread {
  readonly #clock: Clock
  readonly #ask: (onAnswer: () => void) => void
  #askedAt: number | undefined

  /** @param ask - Calls back once the app's thread has turned its loop. */
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

/** The thread that started this one; in the main thread the app's thread is this one, and turns whenever it asks. */
export function createAppThread (clock: Clock): AppThread {
  if (isMainThread) return { isTurning: true }
  // The app's thread forwards a worker's stdout and stderr, and confirms each write from its event loop. It stops doing so for a
  // stream of its own that has been closed: then output of sinks fills the worker's stream, and no write is confirmed.
  return new AskedAppThread(clock, askThrough([process.stdout, process.stderr]))
}

/** Writes nothing to each of these streams; the first confirmed write is the answer. A stream with an unconfirmed write is skipped. */
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
