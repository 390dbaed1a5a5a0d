import type { Clock } from './clock.js'
import { encode, type Content } from './encode.js'

/** Dependencies of {@link Gathering}. */
export interface GatheringDeps {
  clock: Clock
  /** Works through a chunk, then calls back. */
  work: (chunk: Content, done: () => void) => void
  /** Texts that mark a chunk with a line that must not wait. */
  urgent: readonly string[]
}

/** The longest time that a chunk waits for others. */
const CHUNK_WAIT_MS = 8
/** Chunks of this length together do not wait. */
const GATHER_LENGTH = 16 * 1024

/**
 * Joins small chunks that follow one another closely. At everyday rates the cost of a line is that of the threads and disks
 * it wakes up, so lines of a few milliseconds go together. A chunk that comes alone, after a pause, goes at once.
 */
export class Gathering {
  readonly #deps: GatheringDeps
  #chunks: Content[] = []
  #length = 0
  #isWorking = false
  /** When the last chunk had been worked through. */
  #workedAt = -Infinity
  #timer: NodeJS.Timeout | undefined
  /** Called once the gathered chunks have been worked through. */
  #whenDone: Array<() => void> = []

  constructor (deps: GatheringDeps) {
    this.#deps = deps
  }

  /** Takes a chunk; calls back once the next may come, which may be before this one has been worked through. */
  write (chunk: Content, done: () => void): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    // While others are being worked through, or there is much, the app has to wait.
    if (this.#isWorking || this.#length >= GATHER_LENGTH || this.#isUrgent(chunk)) return this.flush(done)
    const waitMs = this.#workedAt + CHUNK_WAIT_MS - this.#deps.clock.now()
    if (waitMs <= 0) return this.flush(done)
    this.#timer ??= setTimeout(() => this.flush(), waitMs)
    done()
  }

  /** Works through everything that was gathered, then calls back. */
  flush (done?: () => void): void {
    if (done !== undefined) this.#whenDone.push(done)
    if (!this.#isWorking) this.#work()
  }

  #work (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const [chunks, whenDone] = [this.#chunks, this.#whenDone]
    this.#chunks = []
    this.#whenDone = []
    this.#length = 0
    this.#isWorking = true
    const finish = (): void => {
      this.#isWorking = false
      this.#workedAt = this.#deps.clock.now()
      for (const done of whenDone) done()
      // Something that came meanwhile is waited for.
      if (!this.#isWorking && this.#whenDone.length > 0) this.#work()
    }
    if (chunks.length === 0) finish()
    else this.#deps.work(join(chunks), finish)
  }

  #isUrgent (chunk: Content): boolean {
    return this.#deps.urgent.some(text => chunk.includes(text))
  }
}

function join (chunks: readonly Content[]): Content {
  if (chunks.length === 1) return chunks[0] as Content
  return chunks.every(chunk => typeof chunk === 'string') ? chunks.join('') : encode(chunks)
}
