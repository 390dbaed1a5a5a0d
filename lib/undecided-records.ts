import type { Clock } from './clock.js'
import type { Lane, LineMark } from './lane.js'

/** A lane that was given a record, and the record's line there. */
export interface RecordPlace {
  readonly lane: Pick<Lane, 'fateOf'>
  readonly mark: LineMark
}

interface UndecidedRecord {
  readonly line: string
  readonly places: readonly RecordPlace[]
  readonly since: number
}

const LOOK_MS = 250
/** How long a record waits for a lane that has failed since. */
const FAILING_MS = 3000
/** How long a record waits for any lane. */
const LONGEST_MS = 30000
const MAX_RECORDS = 100

/**
 * Diagnostic records that some lanes were given and none has delivered yet. A record is written to the last resort, once, when
 * no lane is likely to deliver it any more. A timer checks that. It runs only while there is such a record, and costs nothing
 * per line.
 */
export class UndecidedRecords {
  readonly #clock: Clock
  readonly #writeToLastResort: (line: string) => void
  #records: UndecidedRecord[] = []
  #timer: NodeJS.Timeout | undefined

  constructor (clock: Clock, writeToLastResort: (line: string) => void) {
    this.#clock = clock
    this.#writeToLastResort = writeToLastResort
  }

  add (line: string, places: readonly RecordPlace[]): void {
    const [oldest] = this.#records
    if (this.#records.length >= MAX_RECORDS && oldest !== undefined) {
      this.#records.shift()
      if (!hasFate(oldest, 'arrived', 'held')) this.#writeToLastResort(oldest.line)
    }
    this.#records.push({ line, places, since: this.#clock.now() })
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref()
  }

  /** Decides on all records: the lanes have ended and deliver nothing more. */
  settle (): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    for (const record of this.#records.splice(0)) if (!hasFate(record, 'arrived')) this.#writeToLastResort(record.line)
  }

  #look (): void {
    const now = this.#clock.now()
    this.#records = this.#records.filter(record => {
      if (hasFate(record, 'arrived')) return false
      const age = now - record.since
      const isAwaited = age < LONGEST_MS && (hasFate(record, 'held') || (age < FAILING_MS && hasFate(record, 'failing')))
      if (!isAwaited) this.#writeToLastResort(record.line)
      return isAwaited
    })
    if (this.#records.length > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

function hasFate ({ places }: UndecidedRecord, ...fates: Array<ReturnType<Lane['fateOf']>>): boolean {
  return places.some(({ lane, mark }) => fates.includes(lane.fateOf(mark)))
}
