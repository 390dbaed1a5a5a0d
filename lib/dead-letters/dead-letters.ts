import { numberOf, textsOf, type Lines } from '../batch.js'
import type { Clock } from '../clock.js'
import type { DeadLetterStore, NumberedLetter } from './dead-letter.js'
import type { DropReason } from '../metrics.js'

/** Reason for which lines were refused. */
export interface Refusal {
  /** In the backend's own words. */
  readonly reason: string
  readonly status?: number | undefined
}

/** Counts what became of dead letters. */
export interface DeadLetterLedger {
  deadLetter (lines: number, reason: string): void
  drop (lines: number, reason: DropReason, isDiagnostic: boolean): void
}

/** Dependencies of {@link DeadLetters}. */
export interface DeadLettersDeps {
  sink: string
  clock: Clock
  ledger: DeadLetterLedger
  /** `undefined`: they are dropped. */
  store: DeadLetterStore | undefined
  maxBytes: number
  /** A pending write has ended. */
  onChange: () => void
}

/** The most bytes that may be pending while a disk is slow. Further batches are dropped, as if the file were full; a single batch may be larger. */
const MAX_PENDING_BYTES = 4 * 1024 * 1024

/**
 * Lines that the sink of one lane refused for good. Such a line counts as dead-lettered once its write has returned; until
 * then it is pending. If the write fails, the line is dropped as `poison`.
 */
export class DeadLetters {
  readonly #options: DeadLettersDeps
  #lines = 0
  #bytes = 0
  #isClosed = false
  /** The number of the first line of each pending batch. */
  readonly #firstLines: number[] = []

  constructor (options: DeadLettersDeps) {
    this.#options = options
  }

  /** Pending lines. */
  get lines (): number {
    return this.#lines
  }

  /** The number of the oldest pending line; `Infinity` if there is none. */
  get firstLine (): number {
    return Math.min(Infinity, ...this.#firstLines)
  }

  /** Bytes of pending records. */
  get bytes (): number {
    return this.#bytes
  }

  /** Takes lines out of the lane, each with its own refusal; the last refusal holds for all lines that follow. */
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
    if (store === undefined || this.#isClosed || isTooMuch) return ledger.drop(lines.count, 'poison', false)

    this.#lines += lines.count
    this.#bytes += bytes
    this.#firstLines.push(lines.firstLine)
    store.append(records, maxBytes, letters).then(({ written }) => {
      if (this.#isClosed) return
      this.#firstLines.shift()
      this.#lines -= lines.count
      this.#bytes -= bytes
      ledger.deadLetter(written, refusals[0].reason)
      ledger.drop(lines.count - written, 'poison', false)
      onChange()
    })
  }

  /** There is no time left: pending lines may or may not arrive, and count as dropped. */
  close (): void {
    this.#isClosed = true
    this.#options.ledger.drop(this.#lines, 'poison', false)
    this.#lines = this.#bytes = 0
    this.#firstLines.length = 0
  }
}
