import type { Clock } from './clock.js'

/** The length of a pause. */
const WRITER_PAUSE_MS = 8
/** A pause is worth while if it brings this many times the length of a usual chunk. */
const MORE = 1.5
/** So many useless pauses in a row are the last for now. */
const MAX_USELESS = 3
/** Lines come at a steady rate if others went this long before at most. */
const STEADY_MS = 50
/** After somebody has waited for lines there is no pause for this long. */
const CALM_MS = 10000

/** Dependencies of {@link Pauses}. */
export interface PausesDeps {
  clock: Clock
  /** Called at the end of each pause. A writer that has more lines writes them before this returns. */
  onResume: () => void
}

/** Chunks that were worked through together. */
export interface Worked {
  chunks: number
  length: number
  /** The time since others were worked through before. */
  sinceMs: number
  /** True if there were many lines, but not so many that they did not wait. */
  areMany: boolean
}

/**
 * Asks the writer to pause, at a steady rate of many lines: it costs less to fetch those of some milliseconds at once than to
 * be woken up for each. There are no pauses for a while after somebody has waited for lines, since pauses would hold them up, or
 * after pauses that were useless.
 */
export class Pauses {
  readonly #deps: PausesDeps
  #timer: NodeJS.Timeout | undefined
  /** True if many lines were worked through last. */
  #wereMany = false
  #isSteady = false
  /** When somebody last waited for lines. */
  #hurriedAt = -Infinity
  /** The length of all chunks so far. */
  #taken = 0
  /** The mean length of the last chunks that came without a pause. */
  #usualLength = 0
  #hasPaused = false
  /** The number of useless pauses in a row. */
  #useless = 0

  constructor (deps: PausesDeps) {
    this.#deps = deps
  }

  /** True during a pause. Lines may come all the same. */
  get isPausing (): boolean {
    return this.#timer !== undefined
  }

  /** A chunk of this length has come. */
  noteChunk (length: number): void {
    this.#taken += length
  }

  noteWork ({ chunks, length, sinceMs, areMany }: Worked): void {
    const isCalm = this.#deps.clock.now() - this.#hurriedAt >= CALM_MS
    this.#isSteady = areMany && this.#wereMany && sinceMs < STEADY_MS && isCalm
    this.#wereMany = areMany
    if (!this.#hasPaused && chunks > 0) this.#usualLength = length / chunks
    this.#hasPaused = false
  }

  /** Somebody waits for lines. */
  noteHurry (): void {
    this.#hurriedAt = this.#deps.clock.now()
    this.#isSteady = false
  }

  /** Lines have been taken: pauses, at a steady rate. */
  begin (): void {
    if (!this.#isSteady || this.isPausing) return
    this.#hasPaused = true
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      const before = this.#taken
      this.#deps.onResume()
      this.#judge(this.#taken - before)
    }, WRITER_PAUSE_MS)
  }

  /** A pause is useless if it brings no more than a chunk as it came before: the writer is only slowed down, or the app is blocked in a `flushSync`. */
  #judge (brought: number): void {
    this.#useless = brought < this.#usualLength * MORE ? this.#useless + 1 : 0
    if (this.#useless < MAX_USELESS) return
    this.#useless = 0
    this.noteHurry()
  }
}
