import { numberOf, textsOf, type Lines } from '../batch.js'
import type { Clock } from '../clock.js'
import type { Ledger } from './ledger.js'

/** Where dead letters are kept; a `DeadLetterFile` is one. */
export interface DeadLetterStore {
  /**
   * Keeps as many records as it can, from the first. Never rejects.
   *
   * @param letters - The same records as objects
   */
  append (records: readonly Buffer[], maxBytes: number, letters: readonly NumberedLetter[]): Promise<{ written: number }>
}

/** Why lines were refused. */
export interface Refusal {
  /** In the backend's own words. */
  readonly reason: string
  readonly status?: number | undefined
}

/** A line that its sink refused for good, as it stands in the file. */
export interface DeadLetter {
  /** Wall time, in ms since the epoch. */
  readonly time: number
  /** The name of the target. */
  readonly sink: string
  /** Why, in the backend's own words. */
  readonly reason: string
  /** The HTTP status, where there was one. */
  readonly status?: number
  /** How often the line was sent. */
  readonly attempts: number
  /** The line as it was logged. */
  readonly line: string
}

/** A dead letter, and the number of its line in the lane. */
export interface NumberedLetter {
  readonly number: number
  readonly letter: DeadLetter
}

/** What dead letters of a lane are made of. */
export interface DeadLettersOptions {
  sink: string
  clock: Clock
  ledger: Ledger
  /** `undefined`: they are dropped. */
  store: DeadLetterStore | undefined
  maxBytes: number
  /** Something that was on its way has come to its end. */
  onChange: () => void
}

/** The most bytes that may be pending while a disk is slow. Further batches are dropped, as if the file were full; a single batch may be larger. */
const MAX_PENDING_BYTES = 4 * 1024 * 1024

/**
 * Lines that the sink of one lane refused for good. Such a line counts as dead-lettered when the write that holds it has
 * come back from the system; until then it is on its way, and if the write fails it is dropped as `poison`.
 */
export class DeadLetters {
  readonly #options: DeadLettersOptions
  #lines = 0
  #bytes = 0
  #isGivenUp = false
  /** The number of the first line of each batch that is on its way. */
  readonly #firstLines: number[] = []

  constructor (options: DeadLettersOptions) {
    this.#options = options
  }

  /** How many lines are on their way to the file. */
  get lines (): number {
    return this.#lines
  }

  /** The number of the oldest line that is on its way; `Infinity` if there is none. */
  get firstLine (): number {
    return Math.min(Infinity, ...this.#firstLines)
  }

  /** How many bytes of records are on their way. */
  get bytes (): number {
    return this.#bytes
  }

  /** Takes lines out of the lane; each with a refusal of its own, or the last is for all that follow. */
  add (lines: Lines, refusals: readonly [Refusal, ...Refusal[]]): void {
    const { sink, clock, ledger, store, maxBytes, onChange } = this.#options
    const attempts = lines.attempts + 1
    const time = clock.wallTime()
    const letters = textsOf(lines).map((line, i): NumberedLetter => {
      const { reason, status } = refusals[Math.min(i, refusals.length - 1)] as Refusal
      return { number: numberOf(lines, i), letter: { time, sink, reason, ...(status !== undefined && { status }), attempts, line } }
    })
    const records = letters.map(({ letter }) => Buffer.from(`${JSON.stringify(letter)}\n`))
    const bytes = records.reduce((sum, { length }) => sum + length, 0)
    const isTooMuch = this.#lines > 0 && this.#bytes + bytes > MAX_PENDING_BYTES
    if (store === undefined || this.#isGivenUp || isTooMuch) return ledger.drop(lines.count, 'poison', false)

    this.#lines += lines.count
    this.#bytes += bytes
    this.#firstLines.push(lines.firstLine)
    store.append(records, maxBytes, letters).then(({ written }) => {
      if (this.#isGivenUp) return
      this.#firstLines.shift()
      this.#lines -= lines.count
      this.#bytes -= bytes
      ledger.deadLetter(written, refusals[0].reason)
      ledger.drop(lines.count - written, 'poison', false)
      onChange()
    })
  }

  /** There is no time left: what is still on its way may or may not arrive, and counts as dropped. */
  giveUp (): void {
    this.#isGivenUp = true
    this.#options.ledger.drop(this.#lines, 'poison', false)
    this.#lines = this.#bytes = 0
    this.#firstLines.length = 0
  }
}
