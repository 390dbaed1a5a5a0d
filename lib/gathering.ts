import type { Clock } from './clock.js'
import { encode, type Content } from './encode.js'
import type { LevelNames } from './levels.js'

/** Dependencies of {@link Gathering}. */
export interface GatheringDeps {
  clock: Clock
  /** The key of a line's level. */
  levelKey: string
  /** Whether all sinks gather lines by themselves, some do, or none. */
  sinksGather: 'all' | 'some' | 'none'
  /** Works through a chunk, then calls back. */
  work: (chunk: Content, done: () => void) => void
  /** Has the lanes send what they gather, because a line among it must not wait. */
  hurry: () => void
}

/** The longest time that a few lines wait for others, and all lines where every sink gathers them anyway. */
const FEW_WAIT_MS = 40
/** Chunks of this length together are no longer few lines. */
const FEW_LENGTH = 768
/** The longest time that many lines wait, and lines at level `error` or above. */
const CHUNK_WAIT_MS = 8
/** Chunks of this length together do not wait. */
const GATHER_LENGTH = 16 * 1024

/**
 * Joins small chunks that follow one another closely. At everyday rates the cost of a line is that of the threads and disks
 * it wakes up, so lines of a few milliseconds go together. A chunk that comes alone, after a pause, goes at once.
 */
export class Gathering {
  readonly #deps: GatheringDeps
  /** Texts that mark a chunk with a line at level `fatal` or above, after which the app may end at once, and at `error` or above. */
  #marks: { fatal: readonly string[], error: readonly string[] } = { fatal: [], error: [] }
  #chunks: Content[] = []
  #length = 0
  #hasError = false
  #hasFatal = false
  #isWorking = false
  /** When the last chunk had been worked through. */
  #workedAt = -Infinity
  #timer: NodeJS.Timeout | undefined
  /** When the timer is due. */
  #dueAt = Infinity
  /** Called once the gathered chunks have been worked through. */
  #whenDone: Array<() => void> = []

  constructor (deps: GatheringDeps) {
    this.#deps = deps
  }

  /** Sets the levels of lines that come from now on. */
  useLevels (names: LevelNames): void {
    const [error, fatal] = [names.valueOf('error') as number, names.valueOf('fatal') as number]
    const { levelKey } = this.#deps
    const marks = { fatal: new Set<string>(), error: new Set<string>() }
    for (const label of names.labels) {
      const value = names.valueOf(label) as number
      if (value < error || value === Infinity) continue
      // Where an app has no `fatal` of its own, pino's may be lower than its other levels.
      marks[value >= fatal && value > error ? 'fatal' : 'error'].add(`"${levelKey}":${value},`).add(`"${levelKey}":"${label}"`)
    }
    this.#marks = { fatal: [...marks.fatal], error: [...marks.error] }
  }

  /** Takes a chunk; calls back once the next may come, which may be before this one has been worked through. */
  write (chunk: Content, done: () => void): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    // In much text the search takes time, and without a sink that gathers lines nothing waits there.
    if (this.#length < GATHER_LENGTH || this.#deps.sinksGather !== 'none') this.#hasFatal ||= includesAny(chunk, this.#marks.fatal)
    // While others are being worked through, or there is much, the app has to wait.
    if (this.#isWorking || this.#length >= GATHER_LENGTH || this.#hasFatal) return this.flush(done)
    this.#hasError ||= includesAny(chunk, this.#marks.error)
    const dueAt = this.#workedAt + this.#waitMs
    const waitMs = dueAt - this.#deps.clock.now()
    if (waitMs <= 0) return this.flush(done)
    if (dueAt < this.#dueAt) {
      clearTimeout(this.#timer)
      this.#dueAt = dueAt
      this.#timer = setTimeout(() => this.flush(), waitMs)
    }
    done()
  }

  /** Works through everything that was gathered, then calls back. */
  flush (done?: () => void): void {
    if (done !== undefined) this.#whenDone.push(done)
    if (!this.#isWorking) this.#work()
  }

  get #waitMs (): number {
    if (this.#deps.sinksGather === 'all') return FEW_WAIT_MS
    return this.#hasError || this.#length >= FEW_LENGTH ? CHUNK_WAIT_MS : FEW_WAIT_MS
  }

  #work (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#dueAt = Infinity
    const [chunks, whenDone, hasFatal] = [this.#chunks, this.#whenDone, this.#hasFatal]
    this.#chunks = []
    this.#whenDone = []
    this.#length = 0
    this.#hasError = this.#hasFatal = false
    this.#isWorking = true
    const finish = (): void => {
      if (hasFatal) this.#deps.hurry()
      this.#isWorking = false
      this.#workedAt = this.#deps.clock.now()
      for (const done of whenDone) done()
      // Something that came meanwhile is waited for.
      if (!this.#isWorking && this.#whenDone.length > 0) this.#work()
    }
    if (chunks.length === 0) finish()
    else this.#deps.work(join(chunks), finish)
  }
}

function includesAny (chunk: Content, texts: readonly string[]): boolean {
  return texts.some(text => chunk.includes(text))
}

function join (chunks: readonly Content[]): Content {
  if (chunks.length === 1) return chunks[0] as Content
  return chunks.every(chunk => typeof chunk === 'string') ? chunks.join('') : encode(chunks)
}
