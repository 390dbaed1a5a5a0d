import { Batch } from './batch.js'
import type { Clock } from './clock.js'
import type { DiagnosticRecord } from './diagnostics.js'
import { parseRecord } from './line-head.js'
import { meets } from './match/match.js'
import type { DiagnosticsSettings } from './options.js'
import type { Seat } from './seats.js'
import { writeToStderr } from './stderr.js'
import { UndecidedRecords, type RecordPlace } from './undecided-records.js'

/** Delivers diagnostic records to the targets that are to get them, and to stderr where no target delivers them. */
export class RecordDelivery {
  readonly #to: DiagnosticsSettings['to']
  readonly #seats: () => readonly Seat[]
  readonly #undecided: UndecidedRecords

  /** @param seats - Read for each record, since the lanes are created after this */
  constructor (to: DiagnosticsSettings['to'], seats: () => readonly Seat[], clock: Clock) {
    this.#to = to
    this.#seats = seats
    this.#undecided = new UndecidedRecords(clock, writeToStderr)
  }

  deliver (record: DiagnosticRecord): void {
    const { line } = record
    const places: RecordPlace[] = []
    if (this.#to !== 'stderr' && !record.isForStderr) {
      const batch = new Batch(line, 1, { isDiagnostic: true })
      for (const { lane } of this.#seatsFor(record)) {
        places.push({ lane, mark: lane.nextMark })
        lane.offer(batch)
      }
    }
    if (places.length === 0) writeToStderr(line)
    else this.#undecided.add(line, places)
  }

  /** The lanes have ended: writes each record to stderr that none of them has delivered. */
  settle (): void {
    this.#undecided.settle()
  }

  /** Those of the targets to choose from whose `match` takes the record, or all of them if there is none: no record gets lost by a `match`. */
  #seatsFor (record: DiagnosticRecord): Seat[] {
    const seats = this.#seats().filter(seat => seat.lane.takesDiagnostics && this.#isFor(seat, record))
    if (this.#to !== 'others') return seats
    const fields = parseRecord(record.line)
    const matching = seats.filter(({ lane }) => meets(fields, lane.match ?? []))
    return matching.length > 0 ? matching : seats
  }

  #isFor ({ lane, target }: Seat, { level, sink }: DiagnosticRecord): boolean {
    if (this.#to === 'others') return !target.standby && target.name !== sink && level >= lane.minLevel
    return this.#to.includes(target.name)
  }
}
