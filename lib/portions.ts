import type { Content } from './encode.js'

/** What a {@link Portions} works with. */
export interface PortionsDeps {
  /** Takes a part of a chunk. */
  take: (portion: Content) => void
  /** Calls back once the next portion may come. */
  whenRelieved: (then: () => void) => void
}

/**
 * pino's ThreadStream hands over up to 4 MiB at once when it has fallen behind. Joined with the rest of a line, cut and
 * encoded as a whole, that is four times as much garbage of the kind that V8 is slow to collect.
 */
const PORTION_LENGTH = 128 * 1024

/**
 * Works through chunks of any size in portions, and gives the event loop a turn after each: the sinks of this thread, and
 * the answers of those in others, come to their turn however much there is to take.
 */
export class Portions {
  readonly #deps: PortionsDeps
  #sinceTurn = 0

  constructor (deps: PortionsDeps) {
    this.#deps = deps
  }

  /** Works through a chunk, then calls back. The one before must be done. */
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
