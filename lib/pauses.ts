import type { Need } from './app-thread.js'
import type { Clock } from './clock.js'
import type { Content } from './encode.js'

/** Lines wait for about as long as this many take to come, unless that is longer than a pause. */
const FETCHED_LINES = 8
/** The longest pause. An app that waits for its lines may have to wait for the rest of one. */
const MAX_PAUSE_MS = 40
/** With fewer lines in the longest wait it costs as much to be woken up for each. */
const MIN_LINES = 4
/** The rate is known once lines have come for this long without a pause. */
const MEASURE_MS = 100
/** There is no rate if no line came for this many of the longest waits. */
const MAX_GAP = 2
/** With lines of this length together, an app in a burst is not to be held up. */
const BURST_LENGTH = 64 * 1024
/** A pause is useless if it brings less than this share of what came in such a time before. */
const USEFUL_SHARE = 1 / 2
/** After this many useless pauses in a row there is none until the rate is known anew. */
const MAX_USELESS = 3
/** After somebody has waited for lines, or pauses have slowed the writer down, there is no pause for this long. */
const CALM_MS = 10000
/** The share of the last pause in the rate. */
const NEWS = 1 / 8
/** More lines in a chunk are not counted: then the shortest wait brings enough. */
const MAX_COUNTED = 32

/** Dependencies of {@link Pauses}. */
export interface PausesDeps {
  clock: Clock
  /** The shortest time that lines wait at a steady rate, in ms. */
  minWaitMs: number
  /** The longest time that lines wait, in ms. */
  maxWaitMs: number
  /** Tells what the app's thread waits for. */
  needOfWriter: () => Need
  /** Called at the end of each pause. A writer that has more lines writes them before this returns. */
  onResume: () => void
}

/** A steady rate of lines. */
interface Rate {
  /** The length that comes in a millisecond. */
  speed: number
  /** The mean length of a line. */
  lineLength: number
}

/** Lines that came within some time, without a pause. */
interface Span {
  ms: number
  length: number
  lines: number
}

/**
 * Asks the writer to pause, at a steady rate of lines: it costs less to fetch several at once than to be woken up for each. There
 * are no pauses for a while after somebody has waited for lines, since pauses would hold them up, or after pauses that only
 * slowed the writer down.
 */
export class Pauses {
  readonly #deps: PausesDeps
  #timer: NodeJS.Timeout | undefined
  #rate: Rate | undefined
  #span: Span = { ms: 0, length: 0, lines: 0 }
  #waitMs: number | undefined
  /** When somebody last waited for lines. */
  #hurriedAt = -Infinity
  /** The length of all chunks so far. */
  #taken = 0
  /** The number of lines since the last handover. */
  #lines = 0
  /** True if there was a pause since the last handover. */
  #hasPaused = false
  /** The number of useless pauses in a row. */
  #useless = 0
  /** True if a pause was useful since the rate was measured. */
  #wasUseful = false

  constructor (deps: PausesDeps) {
    this.#deps = deps
  }

  /** True during a pause. Lines may come all the same. */
  get isPausing (): boolean {
    return this.#timer !== undefined
  }

  /** The time that lines wait for others at the steady rate of this moment, in ms; undefined if there is none. */
  get waitMs (): number | undefined {
    return this.#waitMs
  }

  /** A chunk has come. */
  noteChunk (chunk: Content): void {
    this.#taken += chunk.length
    if (this.#waitMs === undefined) this.#lines += countLines(chunk)
  }

  /**
   * Gathered chunks have been worked through.
   *
   * @param length - The length of the chunks together
   * @param sinceMs - The time since others were worked through before
   */
  noteWork (length: number, sinceMs: number): void {
    if (length >= BURST_LENGTH || sinceMs >= MAX_GAP * this.#deps.maxWaitMs) this.#measureAnew()
    else if (!this.#hasPaused) this.#measure(length, sinceMs)
    this.#lines = 0
    this.#hasPaused = false
    const isCalm = this.#deps.clock.now() - this.#hurriedAt < CALM_MS
    this.#waitMs = this.#rate === undefined || isCalm ? undefined : this.#waitAt(this.#rate)
  }

  /** Somebody waits for lines: a pause ends at once. */
  noteHurry (): void {
    this.#hurriedAt = this.#deps.clock.now()
    this.#waitMs = undefined
    if (!this.isPausing) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#deps.onResume()
  }

  /** Lines have been taken: pauses, at a steady rate, for this long at most. */
  begin (maxMs = Infinity): void {
    if (this.#waitMs === undefined || this.isPausing) return
    this.#hasPaused = true
    const { clock, needOfWriter, onResume } = this.#deps
    const [begunAt, takenBefore] = [clock.now(), this.#taken]
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      const ms = clock.now() - begunAt
      const need = needOfWriter()
      if (need === 'lines') this.noteHurry()
      // Without another pause all is read now, and there is room.
      if (need === 'room') this.#measureAnew()
      onResume()
      this.#judge(this.#taken - takenBefore, ms)
    }, Math.min(this.#waitMs, MAX_PAUSE_MS, maxMs))
  }

  #waitAt ({ speed, lineLength }: Rate): number | undefined {
    const { minWaitMs, maxWaitMs } = this.#deps
    const msOfLine = lineLength / speed
    if (MIN_LINES * msOfLine > maxWaitMs) return undefined
    const ms = FETCHED_LINES * msOfLine
    return ms > MAX_PAUSE_MS ? maxWaitMs : Math.max(ms, minWaitMs)
  }

  #measure (length: number, ms: number): void {
    const span = this.#span
    span.length += length
    span.lines += this.#lines
    span.ms += ms
    if (span.ms < MEASURE_MS) return
    this.#rate = { speed: span.length / span.ms, lineLength: span.length / Math.max(1, span.lines) }
    this.#span = { ms: 0, length: 0, lines: 0 }
  }

  #measureAnew (): void {
    this.#rate = undefined
    this.#span = { ms: 0, length: 0, lines: 0 }
    this.#waitMs = undefined
    this.#useless = 0
    this.#wasUseful = false
  }

  /** A pause that brings much less than came before: the writer is slowed down, or lines come at another rate. */
  #judge (brought: number, ms: number): void {
    const rate = this.#rate
    if (rate === undefined) return
    if (brought >= rate.speed * ms * USEFUL_SHARE) {
      rate.speed += (brought / ms - rate.speed) * NEWS
      this.#useless = 0
      this.#wasUseful = true
      return
    }
    if (++this.#useless < MAX_USELESS) return
    const isSlowedDown = !this.#wasUseful
    this.#measureAnew()
    if (isSlowedDown) this.noteHurry()
  }
}

function countLines (chunk: Content): number {
  let lines = 0
  for (let end = chunk.indexOf('\n'); end !== -1 && lines < MAX_COUNTED; end = chunk.indexOf('\n', end + 1)) lines++
  return lines
}
