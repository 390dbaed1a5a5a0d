import type { Clock } from './clock.js'
import { encode, type Content } from './encode.js'
import { LevelNames } from './levels.js'
import { Pauses, type PausesDeps } from './pauses.js'
import { sourceOf } from './regexp.js'
import { Throttle } from './throttle.js'

/** Dependencies of {@link Gathering}. */
export interface GatheringDeps extends Pick<PausesDeps, 'needOfWriter' | 'onResume'> {
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
const FEW_WAIT_MS = 50
/** The same at a steady rate: then nobody waits for the next line. */
const STEADY_WAIT_MS = 80
/** Chunks of this length together are no longer few lines. */
const FEW_LENGTH = 768
/** The longest time that many lines wait, and lines at level `error` or above. */
const CHUNK_WAIT_MS = 8
/** Chunks of this length together do not wait. */
const GATHER_LENGTH = 16 * 1024

/** How little lines may wait: at level `error` or above less than others, and at `fatal` or above not at all, since the app may end at once. */
const Urgency = { none: 0, error: 1, fatal: 2 }
/** Lines of an app have the same few levels. */
const MAX_LEVELS = 64

/**
 * Joins small chunks that follow one another closely. At everyday rates the cost of a line is that of the threads and disks
 * it wakes up, so lines of a few milliseconds go together. A chunk that comes alone, after a pause, goes at once.
 */
export class Gathering {
  readonly #deps: GatheringDeps
  readonly #levelKey: string
  readonly #throttle: Throttle
  readonly #pauses: Pauses
  #names = new LevelNames()
  /** Finds levels in JSON, but not those that the app has named and that are not urgent: most lines have these. */
  #notable: RegExp
  /** The urgency of levels, by their JSON. */
  readonly #urgencies = new Map<string, number>()
  #chunks: Content[] = []
  #length = 0
  #urgency = Urgency.none
  #isWorking = false
  /** Called once the gathered chunks have been worked through. */
  #whenDone: Array<() => void> = []

  constructor (deps: GatheringDeps) {
    this.#deps = deps
    this.#levelKey = JSON.stringify(deps.levelKey)
    this.#throttle = new Throttle(deps.clock, () => this.#handOn())
    const { clock, sinksGather, needOfWriter, onResume } = deps
    this.#pauses = new Pauses({ clock, minWaitMs: sinksGather === 'all' ? STEADY_WAIT_MS : CHUNK_WAIT_MS, maxWaitMs: STEADY_WAIT_MS, needOfWriter, onResume })
    this.#notable = this.#findNotable()
  }

  /** Sets the levels of lines that come from now on. */
  useLevels (names: LevelNames): void {
    this.#names = names
    this.#urgencies.clear()
    this.#notable = this.#findNotable()
  }

  /** Takes a chunk; calls back once the next may come, which may be before this one has been worked through. */
  write (chunk: Content, done: () => void): void {
    this.#pauses.noteChunk(chunk)
    this.#chunks.push(chunk)
    this.#length += chunk.length
    // In much text the search takes time, and without a sink that gathers lines few wait there. An app ends after its last line.
    const searched = this.#length < GATHER_LENGTH || this.#deps.sinksGather !== 'none' ? chunk : lastLineOf(chunk)
    this.#urgency = Math.max(this.#urgency, this.#urgencyOf(searched))
    // While others are being worked through, or there is much, the app has to wait.
    if (this.#isWorking || this.#length >= GATHER_LENGTH || this.#urgency === Urgency.fatal) return this.#handOn(done)
    const waitMs = this.#waitMs
    if (this.#throttle.isDue(waitMs)) return this.#handOn(done)
    // A pause ends a little before these lines are due. So they go together with those that it brings.
    this.#pauses.begin(waitMs - this.#throttle.elapsedMs - 1)
    done()
  }

  /** Somebody waits: works through everything that was gathered, then calls back. */
  flush (done?: () => void): void {
    this.#pauses.noteHurry()
    this.#handOn(done)
  }

  /** True while the writer had better leave further lines where they are: see {@link Pauses}. Lines that come all the same are gathered. */
  get isPausing (): boolean {
    return this.#pauses.isPausing
  }

  #handOn (done?: () => void): void {
    if (done !== undefined) this.#whenDone.push(done)
    if (!this.#isWorking) this.#work()
  }

  get #waitMs (): number {
    const allGather = this.#deps.sinksGather === 'all'
    if (this.#urgency === Urgency.error && !allGather) return CHUNK_WAIT_MS
    return this.#pauses.waitMs ?? (this.#length >= FEW_LENGTH && !allGather ? CHUNK_WAIT_MS : FEW_WAIT_MS)
  }

  #work (): void {
    this.#throttle.stop()
    const [chunks, length, whenDone, urgency] = [this.#chunks, this.#length, this.#whenDone, this.#urgency]
    this.#chunks = []
    this.#whenDone = []
    this.#length = 0
    this.#urgency = Urgency.none
    this.#isWorking = true
    const finish = (): void => {
      if (urgency === Urgency.fatal) {
        this.#deps.hurry()
        this.#pauses.noteHurry()
      }
      this.#isWorking = false
      this.#pauses.noteWork(length, this.#throttle.elapsedMs)
      this.#throttle.restart()
      this.#pauses.begin()
      for (const done of whenDone) done()
      // Something that came meanwhile is waited for.
      if (!this.#isWorking && this.#whenDone.length > 0) this.#work()
    }
    if (chunks.length === 0) finish()
    else this.#deps.work(join(chunks), finish)
  }

  /** The highest urgency of the lines in a chunk. A key in an object within a line counts too: then lines go earlier than they have to. */
  #urgencyOf (chunk: Content): number {
    const text = typeof chunk === 'string' ? chunk : chunk.toString()
    let urgency = Urgency.none
    this.#notable.lastIndex = 0
    while (urgency < Urgency.fatal) {
      const level = this.#notable.exec(text)?.[1]
      if (level === undefined) break
      urgency = Math.max(urgency, this.#urgencyOfLevel(level))
    }
    return urgency
  }

  #findNotable (): RegExp {
    const usual = this.#names.labels
      .flatMap(label => [String(this.#names.valueOf(label)), JSON.stringify(label)])
      .filter(level => urgencyOf(this.#names, level) === Urgency.none)
      .map(sourceOf)
    return new RegExp(`${sourceOf(this.#levelKey)}:(?!(?:${usual.join('|')})[,}])(\\d+|"[^"\\\\]*")`, 'g')
  }

  /** @param level - A number or a label, in JSON */
  #urgencyOfLevel (level: string): number {
    let urgency = this.#urgencies.get(level)
    if (urgency === undefined) {
      urgency = urgencyOf(this.#names, level)
      if (this.#urgencies.size < MAX_LEVELS) this.#urgencies.set(level, urgency)
    }
    return urgency
  }
}

function lastLineOf (chunk: Content): Content {
  const start = chunk.lastIndexOf('\n', chunk.length - 2) + 1
  return typeof chunk === 'string' ? chunk.slice(start) : chunk.subarray(start)
}

function urgencyOf (names: LevelNames, level: string): number {
  const value = names.valueOf(level.startsWith('"') ? level.slice(1, -1) : Number(level))
  const [error, fatal] = [names.valueOf('error') as number, names.valueOf('fatal') as number]
  if (value === undefined || value < error) return Urgency.none
  // Where an app has no `fatal` of its own, pino's may be lower than its other levels.
  return value >= fatal && value > error ? Urgency.fatal : Urgency.error
}

function join (chunks: readonly Content[]): Content {
  if (chunks.length === 1) return chunks[0] as Content
  return chunks.every(chunk => typeof chunk === 'string') ? chunks.join('') : encode(chunks)
}
