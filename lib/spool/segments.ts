import type { FileSystem } from './file-system.js'
import type { Position } from './position.js'
import { Segment } from './segment.js'

/** The segments of one spool, oldest first. */
export class Segments {
  readonly #fs: FileSystem
  readonly #folder: string
  #all: Segment[] = []
  #lastNumber = 0
  /** Bytes of those that were there at the start, until they are {@link recover}ed. */
  #foundBytes = 0

  constructor (fs: FileSystem, folder: string) {
    this.#fs = fs
    this.#folder = folder
  }

  get oldest (): Segment | undefined {
    return this.#all[0]
  }

  /** The one that lines are added to, if there is one that takes any. */
  get open (): Segment | undefined {
    const last = this.#all.at(-1)
    return last?.isSealed === false ? last : undefined
  }

  get bytes (): number {
    return this.#all.reduce((sum, { bytes }) => sum + bytes, this.#foundBytes)
  }

  get waitingLines (): number {
    return this.#all.reduce((sum, { waitingLines }) => sum + waitingLines, 0)
  }

  get outstandingLines (): number {
    return this.#all.reduce((sum, { outstandingLines }) => sum + outstandingLines, 0)
  }

  /** Whether all of them would survive a power cut. */
  get isSynced (): boolean {
    return this.#all.every(({ isSynced }) => isSynced)
  }

  /** Everything before it has been delivered. */
  get cursor (): Position {
    const first = this.#all.find(segment => !segment.isSealed || !segment.isDelivered) ?? this.#all.at(-1)
    return first === undefined ? { segment: this.#lastNumber, offset: 0 } : { segment: first.number, offset: first.deliveredBytes }
  }

  /** No new one gets a number up to this; those that were there at the start take so many bytes. */
  begin (lastNumber: number, foundBytes: number): void {
    this.#lastNumber = lastNumber
    this.#foundBytes = foundBytes
  }

  /** Takes over what was there at the start, which is before all that was made since. */
  recover (segments: readonly Segment[]): void {
    this.#all.unshift(...segments)
    this.#foundBytes = 0
  }

  /** The segment of this number, if it is still there. */
  find (number: number): Segment | undefined {
    const segment = this.from(number)
    return segment?.number === number ? segment : undefined
  }

  /** The oldest segment that has this number or a higher one. */
  from (number: number): Segment | undefined {
    return this.#all.find(segment => segment.number >= number)
  }

  /** Makes a new one at the end; the one before takes nothing any more. */
  async create (): Promise<Segment> {
    this.open?.seal()
    const segment = await Segment.create(this.#fs, this.#folder, ++this.#lastNumber)
    this.#all.push(segment)
    return segment
  }

  /**
   * Removes one from the disk, and from here if that succeeds.
   *
   * @param onRemoved called in the moment in which its lines do not count any more
   */
  async remove (segment: Segment, onRemoved?: () => void): Promise<void> {
    await segment.remove()
    this.#forget(segment)
    onRemoved?.()
    await this.#syncFolder()
  }

  /** Puts one out of the way that cannot be read. Its lines do not count any more at once, whether that succeeds or not. */
  async setAside (segment: Segment): Promise<void> {
    this.#forget(segment)
    await segment.setAside().catch(() => {})
    await this.#syncFolder()
  }

  /** Removes those that have been delivered and take nothing any more. */
  async removeDelivered (): Promise<void> {
    for (const segment of this.#all.filter(({ isSealed, isDelivered }) => isSealed && isDelivered)) await this.remove(segment)
  }

  /** What was given out and is not delivered waits again. */
  takeBack (): void {
    for (const segment of this.#all) segment.takeBack()
  }

  /** Closes all files, once all are sealed. */
  async release (): Promise<void> {
    for (const segment of this.#all) await segment.release()
  }

  #forget (segment: Segment): void {
    this.#all = this.#all.filter(other => other !== segment)
  }

  /** One that comes back by a power cut costs duplicates at most. */
  async #syncFolder (): Promise<void> {
    await this.#fs.syncFolder(this.#folder).catch(() => {})
  }
}
