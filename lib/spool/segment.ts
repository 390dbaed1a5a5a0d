import { join } from 'node:path'
import { Deliveries, type Range } from './deliveries.js'
import type { FileSystem, OpenFile } from './file-system.js'
import { draftOf, replaceFile, writeAll } from './replace-file.js'

const NEWLINE = 10
const CHUNK_BYTES = 256 * 1024
const PATTERN = /^(\d{10,15})\.ndjson$/

/** The file name of a segment. It has at least ten digits, so that `cat *.ndjson` lists segments in order. */
export function segmentNameOf (number: number): string {
  return `${String(number).padStart(10, '0')}.ndjson`
}

/** The segment number in a file name; `undefined` for any other file. */
export function segmentNumberOf (name: string): number | undefined {
  const number = Number(PATTERN.exec(name)?.[1])
  return number > 0 && segmentNameOf(number) === name ? number : undefined
}

/** Facts about a segment that an earlier run left on the disk. */
export interface FoundSegment {
  /** Size of its lines. */
  bytes: number
  deliveredBytes: number
  /** How many of its lines are undelivered. */
  lines: number
  isSynced: boolean
  /** Its whole content, if that is to stay in memory until it is read. */
  content?: Buffer
}

/** Sums over all segments of a spool. Each segment updates them as it changes. */
export interface SegmentTotals {
  bytes: number
  waitingLines: number
  outstandingLines: number
}

/** Result of a write. */
export interface Written {
  /** How many bytes of whole lines were written. */
  bytes: number
  /** Why not all bytes were written. */
  error?: unknown
}

/**
 * One file of a spool. It counts its *waiting* lines, which are to be read, and its *outstanding* lines, which were read
 * and are not settled yet. The file is opened when it is needed.
 */
export class Segment {
  readonly number: number
  /** Whether an earlier run wrote it: then its lines may be damaged. */
  readonly isRecovered: boolean
  readonly #deliveries: Deliveries
  /** Bytes that had been delivered when it was found. */
  readonly #passedBytes: number
  /** Lines that were handed out before they were written. */
  #kept = new Deliveries()
  readonly #fs: FileSystem
  readonly #path: string
  #totals: SegmentTotals | undefined
  /** The content of a small segment that was just counted, so that it need not be opened again. */
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

  /** Creates a segment. Settles once its file would survive a power cut. */
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

  /** A segment of an earlier run. It is sealed: nothing more is written to it. */
  static recover (fs: FileSystem, folder: string, number: number, found: FoundSegment): Segment {
    return new Segment(fs, folder, number, undefined, found)
  }

  /** Size of its whole lines. */
  get bytes (): number {
    return this.#bytes
  }

  /** Lines that are to be read. */
  get waitingLines (): number {
    return this.#waitingLines
  }

  /** Lines that were handed out and are not settled yet. */
  get outstandingLines (): number {
    return this.#outstandingLines
  }

  /** Whether its content is kept in memory. */
  get isHeld (): boolean {
    return this.#content !== undefined
  }

  /** Whether it takes no more lines. */
  get isSealed (): boolean {
    return this.#isSealed
  }

  /** Whether everything in it would survive a power cut. */
  get isSynced (): boolean {
    return this.#isSynced
  }

  /** Everything before this offset has been delivered. */
  get deliveredBytes (): number {
    return this.#deliveries.prefix
  }

  get isDelivered (): boolean {
    return this.#deliveries.prefix >= this.#bytes
  }

  /** The first byte at or after `offset` that is to be handed out. Skips delivered lines, and lines passed to {@link keep}. */
  skipDone (offset: number): number {
    const next = this.#kept.skip(this.#deliveries.skip(offset))
    return next === offset ? offset : this.skipDone(next)
  }

  /** The end of the run of bytes to be handed out that starts at `offset`. */
  endOfRun (offset: number): number {
    return Math.min(this.#bytes, this.#deliveries.nextFrom(offset), this.#kept.nextFrom(offset))
  }

  /** Waiting lines are handed out. */
  handOut (lines: number): void {
    this.#count(-lines, lines)
  }

  /** Marks written lines as handed out: somebody held them before they were written. */
  keep (from: number, to: number, lines: number): void {
    this.handOut(lines)
    this.#kept.add(from, to)
  }

  /** Lines that were handed out are settled. */
  settle (from: number, to: number, lines: number): void {
    this.#count(0, -lines)
    this.#deliveries.add(from, Math.min(to, this.#bytes))
  }

  /** Lines that were handed out need not be delivered, and stay in the file. */
  passOver (lines: number): void {
    this.#count(0, -lines)
  }

  /** Damaged lines are skipped: they will never be handed out. */
  discard (from: number, to: number, lines: number): void {
    this.#count(-lines, 0)
    this.#deliveries.add(from, Math.min(to, this.#bytes))
  }

  /** Outstanding lines wait again. */
  takeBack (): void {
    this.#count(this.#outstandingLines, -this.#outstandingLines)
    this.#kept = new Deliveries()
  }

  /** Adds it to a spool's sums. */
  join (totals: SegmentTotals): void {
    this.#totals = totals
    this.#addToTotals(1)
  }

  /** Removes it from the spool's sums. */
  leave (): void {
    this.#addToTotals(-1)
    this.#totals = undefined
  }

  /** Fills a buffer from `offset` on. Returns the filled part, which is shorter only if the file ends. */
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
   * Writes lines at its end. If the disk takes only a part, it cuts the file after the last whole line. Never rejects. Call
   * {@link commit} afterwards to count the lines.
   *
   * @param endOfLines - Returns how many of the first `bytes` bytes are whole lines.
   */
  async write (bytes: Buffer, endOfLines: (bytes: number) => number): Promise<Written> {
    let written = 0
    try {
      while (written < bytes.length) {
        const more = await (this.#file as OpenFile).write(bytes.subarray(written), this.#bytes + written)
        if (more === 0) throw new Error('the disk accepted no bytes')
        written += more
      }
      return { bytes: written }
    } catch (error) {
      const kept = endOfLines(written)
      // A torn line in the middle of a segment would count as damaged after a restart.
      try {
        await (this.#file as OpenFile).truncate(this.#bytes + kept)
      } catch {
        this.#isSealed = true
      }
      return { bytes: kept, error }
    }
  }

  /** Counts lines that were written. */
  commit (bytes: number, lines: number): void {
    if (bytes === 0) return
    this.#bytes += bytes
    if (this.#totals !== undefined) this.#totals.bytes += bytes
    this.#count(lines, 0)
    this.#isSynced = false
  }

  /**
   * Syncs the file. If that fails, the segment is sealed and never synced again: the system may have dropped the data that
   * it could not write, and the next sync would report success.
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

  /** Closes the file. The next read opens it again. Call it only on a sealed segment. */
  async release (): Promise<void> {
    const file = this.#file
    this.#file = undefined
    this.#content = undefined
    await file?.close().catch(() => {})
  }

  /** Whether somebody else has removed the file. */
  async isGone (): Promise<boolean> {
    return await this.#fs.size(this.#path).then(() => false, error => (error as NodeJS.ErrnoException).code === 'ENOENT')
  }

  /** Removes the file. Succeeds also if it no longer exists. */
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
   * @param isLast - True for the last segment of its spool: a torn line at its end stays
   */
  async shrink (isLast: boolean): Promise<void> {
    const torn = { from: this.#bytes, to: isLast ? await this.#fs.size(this.#path) : 0 }
    const kept = [...this.#deliveries.gapsIn(this.#bytes), torn].filter(({ from, to }) => from < to)
    if (kept.length === 0) return await this.remove()
    await this.#rewrite([{ from: 0, to: this.#passedBytes }, ...kept], !isLast)
  }

  /** Renames a file that cannot be read to `.unreadable`, for a person to look at. */
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
