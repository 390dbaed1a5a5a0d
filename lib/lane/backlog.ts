import type { Batch, Lines } from '../batch.js'
import { NOTHING, type Amount, type NewLines, type NextLimits, type NextLines } from '../queue.js'
import type { Intake } from './intake.js'
import { isSpooled, partByOrigin } from './replay.js'
import type { Spooling } from './spooling.js'

/** All that waits to be sent, in the order in which it came: first what is on the disk, if there is one, then the queue. */
export class Backlog {
  readonly #intake: Intake
  readonly #spooling: Spooling | undefined
  readonly #life: string

  /** @param life - Begins the ids of batches that were not read from a disk. */
  constructor (life: string, intake: Intake, spooling: Spooling | undefined) {
    this.#life = life
    this.#intake = intake
    this.#spooling = spooling
  }

  /** Whether nothing waits, in memory or on a disk. */
  get isEmpty (): boolean {
    return this.#intake.isEmpty && this.#spooling?.hasOlder !== true
  }

  /** Whether there is anything to {@link shift} at this moment. */
  get hasQueued (): boolean {
    return this.#spooling?.hasReplay === true || (this.#sendsFromQueue && this.#intake.hasQueued)
  }

  /** Whether it holds the app back. */
  get isPressing (): boolean {
    return this.#intake.isPressing
  }

  /** Whether what comes is kept on a disk, whatever becomes of the sink. */
  get isDiverting (): boolean {
    return this.#spooling?.isDiverting === true
  }

  /** What is being written to a disk, and in memory until it is there. */
  get pending (): Amount {
    return this.#spooling?.pending ?? NOTHING
  }

  /** What waits in memory alone. */
  get inMemory (): Amount {
    const { bytes, lines } = this.pending
    return { bytes: this.#intake.bytes + bytes, lines: this.#intake.lines + lines }
  }

  /** What waits on a disk: its lines, and the bytes that the disk gives to them. */
  get onDisk (): Amount {
    return { bytes: this.#spooling?.bytes ?? 0, lines: this.#spooling?.lines ?? 0 }
  }

  /** Whether nothing waits for its way to a disk, or to the sink, nor has gone to the sink without being on its way to the disk. */
  get hasTakenIn (): boolean {
    return this.#intake.isEmpty && this.#spooling?.hasUnwritten !== true
  }

  /** The number of the oldest line that waits in memory, or of the next to come. */
  get firstLine (): number {
    return Math.min(this.#intake.firstLine, this.#spooling?.firstLine ?? Infinity)
  }

  get nextLine (): number {
    return this.#intake.nextLine
  }

  /** The number of the next line that comes, if all those are let in that wait. */
  get nextComer (): number {
    return this.#intake.nextComer
  }

  /** Whether these lines may go straight through: nothing is before them, and they are within the bounds. */
  letsPass (batch: Batch): boolean {
    return this.#sendsFromQueue && this.#intake.letsPass(batch)
  }

  pass (batch: Batch): Lines {
    return this.#intake.pass(batch)
  }

  /** @param isWanted - Whether these lines are to be at hand in memory, whatever is older on a disk */
  add (batch: Batch, isWanted: boolean): void {
    if (this.#intake.letsDivert(batch) && this.#spooling?.letsPass(batch) === true) this.#spooling.pass(this.#intake.pass(batch), isWanted)
    else this.#intake.add(batch)
  }

  /** Lets in what waits for a place, and moves on what is to go to a disk or comes from it. */
  admit (): void {
    this.#intake.admit()
    this.#spooling?.run()
  }

  /** Whether all that is here may be to blame for failures, so that there is nothing good to probe with. */
  lacksOthers (which: NextLines): boolean {
    return this.#intake.lacksOthers(which)
  }

  /** How doubtful the lines are that are next. */
  doubts (which: NextLines): number {
    return this.#source?.doubts(which) ?? 0
  }

  /** What is older than this line is in doubt from now on. */
  doubt (before: number): void {
    this.#spooling?.doubt(before)
    this.#intake.doubt(before)
  }

  /** Takes the lines that are next. */
  take (which: NextLines, limits: NextLimits): Lines | undefined {
    return this.#source?.take(which, limits)
  }

  /** The number of the newest line that can be sent and is least in doubt. */
  get newestLine (): number | undefined {
    return this.#source?.newestLine
  }

  /** Whether the newest line that can be sent has been refused, so that only one that has yet to come can tell more. */
  get lacksNewer (): boolean {
    return (this.#source?.newestDoubts ?? 0) > 0
  }

  /** Takes back what was handed over and did not arrive, oldest first. */
  unshift (returned: readonly Lines[]): void {
    const parts = returned.map(partByOrigin)
    this.#spooling?.unshift(parts.flatMap(({ spooled = [] }) => spooled))
    this.#intake.unshift(parts.flatMap(({ direct = [] }) => direct))
  }

  /** Marks bytes of returned lines as delivered, beginning with this line. Lines on a disk are not found, and are sent again. */
  arrive (firstLine: number, bytes: number): { count: number, nextLine: number } {
    return this.#intake.arrive(firstLine, bytes)
  }

  /** The id of a batch that begins with this line: the same whenever it is sent in this life. */
  idOf (line: number): string {
    const number = isSpooled(line) ? this.#spooling?.formerNumberOf(line) : line
    return number === undefined ? (this.#spooling as Spooling).idOf(line) : `${this.#life}:${number}`
  }

  /** @param oldestHeld - The oldest line that somebody still has who was handed it; `Infinity` if there is none. */
  settle (oldestHeld: number): void {
    this.#spooling?.settle(isSpooled(oldestHeld) ? oldestHeld : Infinity)
  }

  /** Takes everything out of memory, oldest first. */
  drain (): NewLines[] {
    return this.#intake.drain()
  }

  /** Writes what is on its way to a disk, and syncs it. */
  async sync (): Promise<void> {
    await this.#spooling?.sync()
  }

  /**
   * The end: what a disk can keep it keeps, for the next start.
   *
   * @param returned - What has come back from the sink, oldest first
   * @param giveUp - Takes what nobody keeps, oldest first
   */
  async close (returned: readonly Lines[], deadline: number, giveUp: (lines: NewLines) => void): Promise<void> {
    const parts = returned.map(partByOrigin)
    this.#intake.unshift(parts.flatMap(({ direct = [] }) => direct))
    if (this.#spooling !== undefined) {
      await this.#spooling.close(parts.flatMap(({ spooled = [] }) => spooled), deadline, giveUp)
    }
    this.#intake.drain().forEach(giveUp)
  }

  get #sendsFromQueue (): boolean {
    return this.#spooling?.isDiverting !== true
  }

  get #source (): Pick<Intake, 'doubts' | 'take' | 'newestLine' | 'newestDoubts'> | undefined {
    if (this.#spooling?.hasReplay === true) return this.#spooling
    return this.#sendsFromQueue ? this.#intake : undefined
  }
}
