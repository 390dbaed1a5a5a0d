import type { Content } from './encode.js'

/** Dependencies of {@link Portions}. */
export interface PortionsDeps {
  /** Takes a portion of a chunk. */
  take: (portion: Content) => void
  /** Calls back once the next portion may come. */
  whenRelieved: (then: () => void) => void
}

/**
 * The length of a portion. When pino's ThreadStream has fallen behind it hands over up to 4 MiB at once. To cut and encode all of
 * that as a whole would make four times as much garbage of a kind that V8 is slow to collect.
 */
const PORTION_LENGTH = 128 * 1024

/**
 * Works through chunks of any size in portions, with a turn of the event loop after each. So the sinks of this thread, and the
 * answers of sinks in other threads, get their turn during a large chunk.
 */
export class Portions {
  readonly #deps: PortionsDeps
  #sinceTurn = 0

  constructor (deps: PortionsDeps) {
    this.#deps = deps
  }

  /** Works through a chunk, then calls back. The chunk before must be done. */
  work (chunk: Content, done: () => void): void {
    this.#workFrom(0, chunk, done)
  }

  #workFrom (from: number, chunk: Content, done: () => void): void {
    const to = Math.min(chunk.length, from + PORTION_LENGTH)
    this.#deps.take(to - from === chunk.length ? chunk : slice(chunk, from, to))
    this.#sinceTurn += to - from
    this.#deps.whenRelieved(() => {
      const goOn = (): void => to === chunk.length ? done() : this.#workFrom(to, chunk, done)
      if (this.#sinceTurn < PORTION_LENGTH) return goOn()
      this.#sinceTurn = 0
      setImmediate(goOn)
    })
  }
}

function slice (content: Content, from: number, to: number): Content {
  return typeof content === 'string' ? content.slice(from, to) : content.subarray(from, to)
}
