import { join } from 'node:path'
import { Deliveries, type Range } from './deliveries.js'
import type { FileSystem, OpenFile } from './file-system.js'
import { draftOf, replaceFile, writeAll } from './replace-file.js'

const NEWLINE = 10
const CHUNK_BYTES = 256 * 1024
const PATTERN = /^(\d{10,15})\.ndjson$/

/** The name of a segment's file: ten digits or more, so that `cat *.ndjson` has them in order. */
export function segmentNameOf (number: number): string {
  return `${String(number).padStart(10, '0')}.ndjson`
}

/** The number of a segment's file; `undefined` if it is none. */
export function segmentNumberOf (name: string): number | undefined {
  const number = Number(PATTERN.exec(name)?.[1])
  return number > 0 && segmentNameOf(number) === name ? number : undefined
}

/** What of a segment is known when it is found on the disk. */
export interface FoundSegment {
  /** Bytes of its lines. */
  bytes: number
  deliveredBytes: number
  /** Lines that were not delivered. */
  lines: number
  isSynced: boolean
  /** All of it, if it is to be kept in memory until it is read. */
  content?: Buffer
}

/** Sums over all segments of a spool, which each of them keeps up as it changes. */
export interface SegmentTotals {
  bytes: number
  waitingLines: number
  outstandingLines: number
}

/** How far a write came. */
export interface Written {
  bytes: number
  /** Why it came no further. */
  error?: unknown
}

/**
 * One file of a spool, and the count of its lines: those that wait to be read, and those that were read and are not
 * delivered. Its file is opened when it is needed.
 */
export class Segment {
  readonly number: number
  /** Whether it was there at the start: then its lines may be damaged. */
  readonly isRecovered: boolean
  readonly #deliveries: Deliveries
  /** Bytes that had been delivered when it was found. */
  readonly #passedBytes: number
  /** What was given out before it was written. */
  #kept = new Deliveries()
  readonly #fs: FileSystem
  readonly #path: string
  #totals: SegmentTotals | undefined
  /** What it has in it, if it is small and was just counted: then it need not be opened again. */
  #content: Buffer | undefined
  #file: OpenFile | undefined
  #bytes: number
  #isSynced: boolean
  #isSealed: boolean
  #waitingLines: number
  #outstandingLines = 0

  private constructor (fs: FileSystem, folder: string, number: number, file: OpenFile | undefined, found?: FoundSegment) {
    this.#fs = fs
    this.#path = join(folder, segmentNameOf(number))
    this.number = number
    this.#file = file
    this.isRecovered = found !== undefined
    this.#isSealed = found !== undefined
    this.#isSynced = found?.isSynced ?? true
    this.#bytes = found?.bytes ?? 0
    this.#waitingLines = found?.lines ?? 0
    this.#content = found?.content
    this.#passedBytes = found?.deliveredBytes ?? 0
    this.#deliveries = new Deliveries(this.#passedBytes)
  }

  /** Makes a new one, which would survive a power cut. */
  static async create (fs: FileSystem, folder: string, number: number): Promise<Segment> {
    const segment = new Segment(fs, folder, number, await fs.create(join(folder, segmentNameOf(number))))
    try {
      await fs.syncFolder(folder)
    } catch (error) {
      await segment.remove().catch(() => {})
      throw error
    }
    return segment
  }

  /** One that was there at the start: nothing is written to it any more. */
  static recover (fs: FileSystem, folder: string, number: number, found: FoundSegment): Segment {
    return new Segment(fs, folder, number, undefined, found)
  }

  /** Bytes of whole lines in it. */
  get bytes (): number {
    return this.#bytes
  }

  /** Lines that nobody has been given. */
  get waitingLines (): number {
    return this.#waitingLines
  }

  /** Lines that were given out, and have not been delivered yet. */
  get outstandingLines (): number {
    return this.#outstandingLines
  }

  /** Whether its content is kept in memory. */
  get isHeld (): boolean {
    return this.#content !== undefined
  }

  /** Whether nothing is written to it any more. */
  get isSealed (): boolean {
    return this.#isSealed
  }

  /** Whether all that was written to it would survive a power cut. */
  get isSynced (): boolean {
    return this.#isSynced
  }

  /** Everything before this has been delivered. */
  get deliveredBytes (): number {
    return this.#deliveries.prefix
  }

  get isDelivered (): boolean {
    return this.#deliveries.prefix >= this.#bytes
  }

  /** The first byte, from this one on, that is to be given out: it has not been delivered, and nobody has it already. */
  skipDone (offset: number): number {
    const next = this.#kept.skip(this.#deliveries.skip(offset))
    return next === offset ? offset : this.skipDone(next)
  }

  /** Where the run of bytes ends that begins here and is to be given out. */
  endOfRun (offset: number): number {
    return Math.min(this.#bytes, this.#deliveries.nextFrom(offset), this.#kept.nextFrom(offset))
  }

  /** So many lines are being given out. */
  handOut (lines: number): void {
    this.#count(-lines, lines)
  }

  /** Lines are written that were given out before: they do not wait to be read. */
  keep (from: number, to: number, lines: number): void {
    this.handOut(lines)
    this.#kept.add(from, to)
  }

  /** Lines that were given out are delivered. */
  settle (from: number, to: number, lines: number): void {
    this.#count(0, -lines)
    this.#deliveries.add(from, Math.min(to, this.#bytes))
  }

  /** Lines that were given out need not be delivered, and stay in the file. */
  passOver (lines: number): void {
    this.#count(0, -lines)
  }

  /** Lines will never be given out, since they are none. */
  discard (from: number, to: number, lines: number): void {
    this.#count(-lines, 0)
    this.#deliveries.add(from, Math.min(to, this.#bytes))
  }

  /** What was given out and is not delivered waits again. */
  takeBack (): void {
    this.#count(this.#outstandingLines, -this.#outstandingLines)
    this.#kept = new Deliveries()
  }

  /** It belongs to a spool now, with whose sums it counts. */
  join (totals: SegmentTotals): void {
    this.#totals = totals
    this.#addToTotals(1)
  }

  /** It does not belong to the spool any more. */
  leave (): void {
    this.#addToTotals(-1)
    this.#totals = undefined
  }

  /** Fills a buffer from there; returns what of it was filled, which is less only where the file ends before. */
  async read (offset: number, bytes: Buffer): Promise<Buffer> {
    if (this.#content !== undefined) return bytes.subarray(0, this.#content.copy(bytes, 0, offset))
    this.#file ??= await this.#fs.open(this.#path, 'read')
    let read = 0
    while (read < bytes.length) {
      const more = await this.#file.read(bytes.subarray(read), offset + read)
      if (more === 0) break
      read += more
    }
    return bytes.subarray(0, read)
  }

  /**
   * Adds lines at its end, as far as the disk takes them; then the last whole one is its end. Never rejects.
   *
   * @param endOfLines how many of the first so many bytes are whole lines
   */
  async write (bytes: Buffer, endOfLines: (bytes: number) => number): Promise<Written> {
    let written = 0
    try {
      while (written < bytes.length) {
        const more = await (this.#file as OpenFile).write(bytes.subarray(written), this.#bytes + written)
        if (more === 0) throw new Error('the disk takes nothing')
        written += more
      }
      return { bytes: written }
    } catch (error) {
      const kept = endOfLines(written)
      // A torn line within a segment would be taken for damaged after a restart.
      try {
        await (this.#file as OpenFile).truncate(this.#bytes + kept)
      } catch {
        this.#isSealed = true
      }
      return { bytes: kept, error }
    }
  }

  /** Counts what was written. */
  commit (bytes: number, lines: number): void {
    if (bytes === 0) return
    this.#bytes += bytes
    if (this.#totals !== undefined) this.#totals.bytes += bytes
    this.#count(lines, 0)
    this.#isSynced = false
  }

  /**
   * Syncs it. If that fails it is sealed, and never synced again: the system may have forgotten what it could not write,
   * and would say the next time that all is well.
   */
  async sync (): Promise<void> {
    if (this.#isSynced) return
    try {
      await (this.#file as OpenFile).sync()
      this.#isSynced = true
    } catch (error) {
      this.#isSealed = true
      throw error
    }
  }

  seal (): void {
    this.#isSealed = true
  }

  /** Closes its file, until it is read again. Only once it is sealed. */
  async release (): Promise<void> {
    const file = this.#file
    this.#file = undefined
    this.#content = undefined
    await file?.close().catch(() => {})
  }

  /** Whether its file is gone, as somebody may have removed it. */
  async isGone (): Promise<boolean> {
    return await this.#fs.size(this.#path).then(() => false, error => (error as NodeJS.ErrnoException).code === 'ENOENT')
  }

  /** Removes its file; that it is gone already is as good. */
  async remove (): Promise<void> {
    await this.release()
    try {
      await this.#fs.remove(this.#path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }

  /** Gives the last line the newline that it may lack. Not in place: a power cut could leave anything there. */
  async terminate (): Promise<void> {
    const [last = NEWLINE] = this.#bytes === 0 ? [] : await this.read(this.#bytes - 1, Buffer.alloc(1))
    if (last !== NEWLINE) await this.#rewrite([{ from: 0, to: this.#bytes }], true)
    await this.release()
  }

  /**
   * Rewrites the file without the lines that were delivered since it was found, or removes it if no other is left. What
   * had been delivered before stays, so that the cursor means the same. Nothing may be read from it afterwards.
   *
   * @param isLast - Whether it is the last segment of its spool: then what is torn at its end stays
   */
  async shrink (isLast: boolean): Promise<void> {
    const torn = { from: this.#bytes, to: isLast ? await this.#fs.size(this.#path) : 0 }
    const kept = [...this.#deliveries.gapsIn(this.#bytes), torn].filter(({ from, to }) => from < to)
    if (kept.length === 0) return await this.remove()
    await this.#rewrite([{ from: 0, to: this.#passedBytes }, ...kept], !isLast)
  }

  /** Puts it out of the way, for somebody to look at, since it cannot be read. */
  async setAside (): Promise<void> {
    await this.release()
    await this.#fs.rename(this.#path, this.#path.replace(/ndjson$/, 'unreadable'))
  }

  /** Replaces the file by parts of it. The old one stays if that fails. */
  async #rewrite (parts: readonly Range[], endsWithNewline: boolean): Promise<void> {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    try {
      await replaceFile(this.#fs, this.#path, async file => {
        let end = 0
        let last = NEWLINE
        for (const { from, to } of parts) {
          for (let at = from; at < to;) {
            const bytes = await this.read(at, chunk.subarray(0, to - at))
            if (bytes.length === 0) throw new Error(`segment ${this.number} is shorter than it was`)
            await writeAll(file, bytes, end)
            at += bytes.length
            end += bytes.length
            last = bytes[bytes.length - 1] as number
          }
        }
        if (endsWithNewline && last !== NEWLINE) await writeAll(file, Buffer.from('\n'), end)
        // A system may refuse to replace a file that is open.
        await this.release()
      })
    } catch (error) {
      await this.#fs.remove(draftOf(this.#path)).catch(() => {})
      throw error
    }
  }

  #count (waitingLines: number, outstandingLines: number): void {
    this.#waitingLines += waitingLines
    this.#outstandingLines += outstandingLines
    if (this.#totals === undefined) return
    this.#totals.waitingLines += waitingLines
    this.#totals.outstandingLines += outstandingLines
  }

  #addToTotals (sign: 1 | -1): void {
    if (this.#totals === undefined) return
    this.#totals.bytes += sign * this.#bytes
    this.#totals.waitingLines += sign * this.#waitingLines
    this.#totals.outstandingLines += sign * this.#outstandingLines
  }
}
