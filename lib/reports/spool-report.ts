import type { Clock } from '../clock.js'
import type { Recovered } from '../spool/recovery.js'
import type { Hindrance, SpoolFault } from '../spool/spool-events.js'

/** Something that a disk failed to do. Lines that it did not take are still in memory. */
type Fault = SpoolFault | { during: 'write', error: unknown }

/** News of a spool, for a diagnostic record. */
export type SpoolNews =
  | { kind: 'recovered', recovered: Recovered, slot?: number }
  | { kind: 'recovering', lines: number, segmentsLeft: number }
  | { kind: 'hindered', hindrance: Hindrance }
  | { kind: 'failed', fault: Fault }
  | { kind: 'replayed', lines: number }
  | { kind: 'overflowed' }

const REPORT_MS = 10000
/** Counting that ends within this time is not reported before it has ended. */
const COUNTING_MS = 3000

/** Reports news of a spool, and repeated ones at most every ten seconds. */
export class SpoolReport {
  readonly #clock: Clock
  readonly #onNews: (news: SpoolNews) => void
  readonly #toldAt = new Map<string, number>()
  #found = 0
  #foundSince: number | undefined
  /** Lines sent from the disk since it last had none. */
  #replayed = 0

  constructor (clock: Clock, onNews: (news: SpoolNews) => void) {
    this.#clock = clock
    this.#onNews = onNews
  }

  /** Lines of an earlier life were counted; `segmentsLeft` are still to be counted. */
  found (lines: number, segmentsLeft: number): void {
    this.#found += lines
    this.#foundSince ??= this.#clock.now()
    if (segmentsLeft === 0) {
      this.#found = 0
      this.#foundSince = undefined
    } else if (this.#clock.now() - this.#foundSince >= COUNTING_MS && this.#isTimeToTell('recovering')) {
      this.#onNews({ kind: 'recovering', lines: this.#found, segmentsLeft })
    }
  }

  /** @param slot - The number of the slot, if it was adopted. */
  recovered (recovered: Recovered, slot?: number): void {
    if (recovered.lines > 0 || recovered.unreadableSegments > 0 || recovered.cursor === 'damaged') {
      this.#onNews({ kind: 'recovered', recovered, ...(slot !== undefined && { slot }) })
    }
  }

  hindered (hindrance: Hindrance): void {
    this.#onNews({ kind: 'hindered', hindrance })
  }

  /** The disk failed. A full disk fails each second. */
  failed (fault: Fault): void {
    if (this.#isTimeToTell(fault.during)) this.#onNews({ kind: 'failed', fault })
  }

  overflowed (): void {
    if (this.#isTimeToTell('overflow')) this.#onNews({ kind: 'overflowed' })
  }

  /** Lines from the disk have arrived. */
  sent (lines: number): void {
    this.#replayed += lines
  }

  /** The disk has no lines left. */
  emptied (): void {
    if (this.#replayed > 0) this.#onNews({ kind: 'replayed', lines: this.#replayed })
    this.#replayed = 0
  }

  #isTimeToTell (what: string): boolean {
    const now = this.#clock.now()
    if (now - (this.#toldAt.get(what) ?? -Infinity) < REPORT_MS) return false
    this.#toldAt.set(what, now)
    return true
  }
}
