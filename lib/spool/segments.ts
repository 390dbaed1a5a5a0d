import type { FileSystem } from './file-system.js'
import type { Position } from './position.js'
import { Segment, type SegmentTotals } from './segment.js'

/** The segments of one spool, oldest first. */
export class Segments {
  readonly #fs: FileSystem
  readonly #folder: string
  /** By their numbers, in order. */
  readonly #all: Segment[] = []
  readonly #totals: SegmentTotals = { bytes: 0, waitingLines: 0, outstandingLines: 0 }
  #lastNumber = 0
  /** Bytes of those that were there at the start and have not been counted yet. */
  #uncountedBytes = 0
  /** The oldest that has not been counted yet: nothing behind it is to be read before it. */
  #uncounted: number | undefined

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
    return this.#totals.bytes + this.#uncountedBytes
  }

  get waitingLines (): number {
    return this.#totals.waitingLines
  }

  get outstandingLines (): number {
    return this.#totals.outstandingLines
  }

  /** Whether all of them would survive a power cut. */
  get isSynced (): boolean {
    return this.#all.every(({ isSynced }) => isSynced)
  }

  /** Everything before it has been delivered. */
  get cursor (): Position {
    const first = this.#all.find(segment => !segment.isSealed || !segment.isDelivered) ?? this.#all.at(-1)
    if (this.#uncounted !== undefined && (first === undefined || first.number > this.#uncounted)) return { segment: this.#uncounted, offset: 0 }
    return first === undefined ? { segment: this.#lastNumber, offset: 0 } : { segment: first.number, offset: first.deliveredBytes }
  }

  /** The highest number that was ever given to one. */
  get lastNumber (): number {
    return this.#lastNumber
  }

  /** No new one gets a number up to this; those that were there at the start take so many bytes. */
  begin (lastNumber: number, foundBytes: number): void {
    this.#lastNumber = lastNumber
    this.#uncountedBytes = foundBytes
  }

  /**
   * Takes over one that was there at the start, which is before all that was made since.
   *
   * @param segment - `undefined`: it is gone
   * @param uncounted - The number of the next that has not been counted; `undefined` if there is none
   */
  recover (segment: Segment | undefined, uncounted: number | undefined): void {
    if (segment !== undefined) this.#add(segment)
    this.#uncounted = uncounted
    this.#uncountedBytes = uncounted === undefined ? 0 : Math.max(0, this.#uncountedBytes - (segment?.bytes ?? 0))
  }

  /** The segment of this number, if it is still there. */
  find (number: number): Segment | undefined {
    const segment = this.#all[this.#indexOf(number)]
    return segment?.number === number ? segment : undefined
  }

  /** The oldest segment that has this number or a higher one, if it may be read: all before it have been counted. */
  from (number: number): Segment | undefined {
    const segment = this.#all[this.#indexOf(number)]
    return this.#uncounted !== undefined && segment !== undefined && segment.number > this.#uncounted ? undefined : segment
  }

  /** Makes a new one at the end; the one before takes nothing any more. */
  async create (): Promise<Segment> {
    this.open?.seal()
    const segment = await Segment.create(this.#fs, this.#folder, ++this.#lastNumber)
    this.#add(segment)
    return segment
  }

  /**
   * Removes some from the disk, oldest first, and from here those for which that succeeds.
   *
   * @param onRemoved called for each in the moment in which its lines do not count any more
   */
  async remove (segments: readonly Segment[], onRemoved?: (segment: Segment) => void): Promise<void> {
    let removed = 0
    try {
      for (const segment of segments) {
        await segment.remove()
        this.#forget(segment)
        removed++
        onRemoved?.(segment)
      }
    } finally {
      // Once for all of them: a sync takes longer than many removals.
      if (removed > 0) await this.#syncFolder()
    }
  }

  /** Puts one out of the way that cannot be read. Its lines do not count any more at once, whether that succeeds or not. */
  async setAside (segment: Segment): Promise<void> {
    this.#forget(segment)
    await segment.setAside().catch(() => {})
    await this.#syncFolder()
  }

  /** All of them are gone from the disk. */
  async abandon (): Promise<void> {
    this.#uncounted = undefined
    this.#uncountedBytes = 0
    for (const segment of this.#all.splice(0)) {
      segment.leave()
      await segment.release()
    }
  }

  /** Removes those that have been delivered and take nothing any more. */
  async removeDelivered (): Promise<void> {
    await this.remove(this.#all.filter(({ isSealed, isDelivered }) => isSealed && isDelivered))
  }

  /** What was given out and is not delivered waits again. */
  takeBack (): void {
    for (const segment of this.#all) segment.takeBack()
  }

  /** Closes all files, once all are sealed. */
  async release (): Promise<void> {
    for (const segment of this.#all) await segment.release()
  }

  #add (segment: Segment): void {
    this.#all.splice(this.#indexOf(segment.number), 0, segment)
    segment.join(this.#totals)
  }

  #forget (segment: Segment): void {
    const index = this.#indexOf(segment.number)
    if (this.#all[index] !== segment) return
    this.#all.splice(index, 1)
    segment.leave()
  }

  /** The place of the oldest one that has this number or a higher one. */
  #indexOf (number: number): number {
    let [low, high] = [0, this.#all.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#all[middle] as Segment).number < number) low = middle + 1
      else high = middle
    }
    return low
  }

  /** One that comes back by a power cut costs duplicates at most. */
  async #syncFolder (): Promise<void> {
    await this.#fs.syncFolder(this.#folder).catch(() => {})
  }
}
