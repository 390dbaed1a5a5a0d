import type { Clock } from './clock.js'

/** The length of a pause. */
const WRITER_PAUSE_MS = 8
/** With lines of this length together, an app in a burst is not to be held up. */
const BURST_LENGTH = 64 * 1024
/** A pause is useless if it brings less than this share of what came in such a time before. */
const USEFUL_SHARE = 1 / 2
/** After this many useless pauses in a row there is none for {@link CALM_MS}. */
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
  /** The length of the chunks together. */
  length: number
  /** The time since others were worked through before. */
  sinceMs: number
  /** True if there were many lines. */
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
  /** True if many lines were worked through last, and no burst. */
  #wereRegular = false
  #isSteady = false
  /** When somebody last waited for lines. */
  #hurriedAt = -Infinity
  /** The length of all chunks so far. */
  #taken = 0
  /** The length that comes in a millisecond while there are no pauses. */
  #rate = 0
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

  /** True if many lines come at a steady rate, and nobody waits for them. */
  get isSteady (): boolean {
    return this.#isSteady
  }

  /** A chunk of this length has come. */
  noteChunk (length: number): void {
    this.#taken += length
  }

  /** Gathered chunks have been worked through. */
  noteWork ({ length, sinceMs, areMany }: Worked): void {
    const isCalm = this.#deps.clock.now() - this.#hurriedAt >= CALM_MS
    const areRegular = areMany && length < BURST_LENGTH
    this.#isSteady = areRegular && this.#wereRegular && sinceMs < STEADY_MS && isCalm
    this.#wereRegular = areRegular
    if (!this.#hasPaused) this.#rate = (this.#rate + length / Math.max(1, sinceMs)) / 2
    this.#hasPaused = false
  }

  /** Somebody waits for lines: a pause ends at once. */
  noteHurry (): void {
    this.#hurriedAt = this.#deps.clock.now()
    this.#isSteady = false
    this.#end()
  }

  /** Lines have been taken: pauses, at a steady rate. */
  begin (): void {
    if (!this.#isSteady || this.isPausing) return
    this.#hasPaused = true
    const { clock } = this.#deps
    const [begunAt, takenBefore] = [clock.now(), this.#taken]
    this.#timer = setTimeout(() => {
      const ms = clock.now() - begunAt
      this.#end()
      this.#judge(this.#taken - takenBefore, ms)
    }, WRITER_PAUSE_MS)
  }

  #end (): void {
    if (!this.isPausing) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#deps.onResume()
  }

  /** A pause that brings much less than came before only slows the writer down, or the app is blocked in a `flushSync`. */
  #judge (brought: number, ms: number): void {
    this.#useless = brought < this.#rate * ms * USEFUL_SHARE ? this.#useless + 1 : 0
    if (this.#useless < MAX_USELESS) return
    this.#useless = 0
    this.noteHurry()
  }
}
