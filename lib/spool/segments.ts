import type { FileSystem } from './file-system.js'
import type { Position, SpooledLines } from './position.js'
import { Segment, type SegmentTotals } from './segment.js'

/** The segments of one spool, oldest first. */
export class Segments {
  readonly #fs: FileSystem
  readonly #folder: string
  /** In ascending order of their numbers. */
  readonly #all: Segment[] = []
  readonly #totals: SegmentTotals = { bytes: 0, waitingLines: 0, outstandingLines: 0 }
  #lastNumber = 0
  /** Size of the segments of earlier runs that are not counted yet. */
  #uncountedBytes = 0
  /** The number of the oldest segment that is not counted yet. No later segment may be read before it. */
  #uncounted: number | undefined
  #orphanedLines = 0

  constructor (fs: FileSystem, folder: string) {
    this.#fs = fs
    this.#folder = folder
  }

  get oldest (): Segment | undefined {
    return this.#all[0]
  }

  /** The segment that lines are appended to, unless it is sealed. */
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

  /** Lines that were handed out, whose segments were lost, and that are not settled yet. */
  get orphanedLines (): number {
    return this.#orphanedLines
  }

  /** Whether all segments would survive a power cut. */
  get isSynced (): boolean {
    return this.#all.every(({ isSynced }) => isSynced)
  }

  /** Everything before this position has been delivered. */
  get cursor (): Position {
    const first = this.#all.find(segment => !segment.isSealed || !segment.isDelivered) ?? this.#all.at(-1)
    if (this.#uncounted !== undefined && (first === undefined || first.number > this.#uncounted)) return { segment: this.#uncounted, offset: 0 }
    return first === undefined ? { segment: this.#lastNumber, offset: 0 } : { segment: first.number, offset: first.deliveredBytes }
  }

  /** The highest number that a segment has ever had. */
  get lastNumber (): number {
    return this.#lastNumber
  }

  /**
   * Prepares for the segments of earlier runs, which are counted later.
   *
   * @param lastNumber - New segments get higher numbers.
   * @param foundBytes - Size of all segments found.
   */
  begin (lastNumber: number, foundBytes: number): void {
    this.#lastNumber = lastNumber
    this.#uncountedBytes = foundBytes
  }

  /**
   * Adds a segment of an earlier run, once it is counted. It comes before all new segments.
   *
   * @param segment - `undefined` if it could not be read.
   * @param uncounted - The number of the next segment that is not counted yet; `undefined` if there is none.
   */
  recover (segment: Segment | undefined, uncounted: number | undefined): void {
    if (segment !== undefined) this.#add(segment)
    this.#uncounted = uncounted
    this.#uncountedBytes = uncounted === undefined ? 0 : Math.max(0, this.#uncountedBytes - (segment?.bytes ?? 0))
  }

  /** The segment with this number, unless it was removed. */
  find (number: number): Segment | undefined {
    const segment = this.#all[this.#indexOf(number)]
    return segment?.number === number ? segment : undefined
  }

  /** The oldest segment with this number or a higher one; `undefined` while an earlier segment is not counted yet. */
  from (number: number): Segment | undefined {
    const segment = this.#all[this.#indexOf(number)]
    return this.#uncounted !== undefined && segment !== undefined && segment.number > this.#uncounted ? undefined : segment
  }

  /** Settles lines that were handed out. Returns `false` if they no longer count as outstanding. */
  settle ({ segment: number, offset, bytes, count }: SpooledLines): boolean {
    const segment = this.find(number)
    if (segment === undefined) this.#orphanedLines = Math.max(0, this.#orphanedLines - count)
    if (segment === undefined || count > segment.outstandingLines) return false
    segment.settle(offset, offset + bytes.length, count)
    return true
  }

  /** Creates the next segment, and seals the one before. */
  async create (): Promise<Segment> {
    this.open?.seal()
    const segment = await Segment.create(this.#fs, this.#folder, ++this.#lastNumber)
    this.#add(segment)
    return segment
  }

  /**
   * Removes segments from the disk, oldest first. Stops at the first that fails, which stays.
   *
   * @param onRemoved - Called for each segment at the moment when its lines stop counting.
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
      // One sync for all segments: it takes longer than many removals.
      if (removed > 0) await this.#syncFolder()
    }
  }

  /** Sets a segment aside that cannot be read. Its lines stop counting at once, even if the disk fails. */
  async setAside (segment: Segment): Promise<void> {
    this.#forget(segment)
    await segment.setAside().catch(() => {})
    await this.#syncFolder()
  }

  /** Forgets all segments, whose files are lost. */
  async abandon (): Promise<void> {
    this.#orphanedLines += this.outstandingLines
    this.#uncounted = undefined
    this.#uncountedBytes = 0
    for (const segment of this.#all.splice(0)) {
      segment.leave()
      await segment.release()
    }
  }

  /** Removes segments that are sealed and delivered. */
  async removeDelivered (): Promise<void> {
    await this.remove(this.#all.filter(({ isSealed, isDelivered }) => isSealed && isDelivered))
  }

  /** Outstanding lines wait again. */
  takeBack (): void {
    for (const segment of this.#all) segment.takeBack()
  }

  /** Closes all files. Call it once all segments are sealed. */
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

  /** The index of the oldest segment with this number or a higher one. */
  #indexOf (number: number): number {
    let [low, high] = [0, this.#all.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#all[middle] as Segment).number < number) low = middle + 1
      else high = middle
    }
    return low
  }

  /** May fail: a segment whose removal a power cut undoes costs duplicates at most. */
  async #syncFolder (): Promise<void> {
    await this.#fs.syncFolder(this.#folder).catch(() => {})
  }
}
