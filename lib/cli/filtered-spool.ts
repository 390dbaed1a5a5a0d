import { join } from 'node:path'
import { CursorFile } from '../spool/cursor.js'
import type { FileSystem } from '../spool/file-system.js'
import { loseIdentity } from '../spool/identity.js'
import { Lock } from '../spool/lock.js'
import { nodeFileSystem } from '../spool/node-file-system.js'
import { systemOwners, type OwnerTable } from '../spool/owner.js'
import type { Position, SpooledLines } from '../spool/position.js'
import { Reader } from '../spool/reader.js'
import { Recovery } from '../spool/recovery.js'
import { draftOf } from '../spool/replace-file.js'
import { segmentNameOf, segmentNumberOf, type Segment } from '../spool/segment.js'
import { Segments } from '../spool/segments.js'
import { Turns } from '../spool/turns.js'
import { InUseError } from './usage-error.js'

/** A line of a spool, and its place. */
export interface SpoolLine {
  readonly text: string
  readonly segment: Segment
  readonly from: number
  readonly to: number
}

/** A segment that could not be rewritten: it still has lines that were delivered. */
export interface StuckSegment {
  /** The name of its file. */
  readonly name: string
  /** How many of its lines were delivered. */
  readonly lines: number
  readonly error: unknown
}

const NEWLINE = 10
const CHUNK_BYTES = 256 * 1024

/**
 * A spool out of which lines are taken wherever they are. Its cursor could not tell which, so each segment is rewritten
 * without them, once every line of it is decided. A run that is killed leaves old segments and rewritten ones, and
 * nothing between.
 */
export class FilteredSpool {
  readonly #fs: FileSystem
  readonly #folder: string
  readonly #lock: Lock | undefined
  readonly #segments: Segments
  readonly #reader: Reader
  readonly #turns = new Turns()
  /** All segments that were found, oldest first. */
  readonly #found: Segment[] = []
  /** How many lines were taken out of a segment and are in its file still. */
  readonly #taken = new Map<Segment, number>()
  readonly #errors = new Map<Segment, unknown>()
  #start: Position | undefined
  #isCursorDamaged = false
  #isPrepared = false
  #fault: unknown

  private constructor (fs: FileSystem, folder: string, lock?: Lock) {
    this.#fs = fs
    this.#folder = folder
    this.#lock = lock
    this.#segments = new Segments(fs, folder)
    // A damaged line stays where it is, so none goes to the quarantine.
    this.#reader = new Reader(this.#segments, undefined, { onDamaged: () => {}, onFault: error => this.#onFault(error) })
  }

  /** Opens a spool that may be in use, to read what waits in it. Nothing is changed. */
  static async look (folder: string, fs: FileSystem = nodeFileSystem): Promise<FilteredSpool> {
    const spool = new FilteredSpool(fs, folder)
    await spool.#find()
    return spool
  }

  /**
   * Opens a spool and takes its lock, so that lines can be taken out.
   *
   * @throws InUseError if another process has the lock
   */
  static async open (folder: string, fs: FileSystem = nodeFileSystem, owners: OwnerTable = systemOwners): Promise<FilteredSpool> {
    const lock = new Lock(fs, folder, owners)
    const owner = await lock.take()
    if (owner !== undefined) throw new InUseError(folder, owner.pid)
    const spool = new FilteredSpool(fs, folder, lock)
    try {
      await spool.#find()
      return spool
    } catch (error) {
      await lock.release().catch(() => {})
      throw error
    }
  }

  /** Lines that have not been read yet. */
  get waitingLines (): number {
    return this.#segments.waitingLines
  }

  /** Reads what waits, oldest first. Each line must be given to {@link take} or {@link leave}, or its segment stays undecided. */
  async * lines (): AsyncGenerator<SpoolLine> {
    for (;;) {
      const read: SpooledLines[] = []
      await this.#turns.take(async () => await this.#reader.next(CHUNK_BYTES, lines => { read.push(lines) }))
      this.#throwFault()
      const [lines] = read
      if (lines === undefined) return
      const { bytes, offset } = lines
      const segment = this.#segments.find(lines.segment) as Segment
      for (let at = 0; at < bytes.length;) {
        const end = bytes.indexOf(NEWLINE, at) + 1
        yield { text: bytes.toString('utf8', at, end - 1), segment, from: offset + at, to: offset + end }
        at = end
      }
    }
  }

  /** Begins again with the first line. Only before any was taken or left. */
  rewind (): void {
    this.#segments.takeBack()
    this.#reader.rewind()
  }

  /** The line was delivered: it is taken out. */
  take ({ segment, from, to }: SpoolLine): void {
    segment.settle(from, to, 1)
    this.#taken.set(segment, (this.#taken.get(segment) ?? 0) + 1)
  }

  /** The line stays. */
  leave ({ segment }: SpoolLine): void {
    segment.passOver(1)
  }

  /** Rewrites the segments whose lines are all decided. Never rejects; what fails is tried again at the end. */
  async save (): Promise<void> {
    await this.#turns.take(async () => await this.#rewriteAll(segment => segment.waitingLines + segment.outstandingLines === 0 && !this.#errors.has(segment)))
  }

  /**
   * Rewrites all other segments out of which lines were taken, and releases the lock. Never rejects.
   *
   * @returns the segments that could not be rewritten
   */
  async close (): Promise<StuckSegment[]> {
    return await this.#turns.take(async () => {
      await this.#rewriteAll(() => true)
      await this.#segments.release()
      // Once this process is gone, others see that a lock that stays is that of a dead process.
      await this.#lock?.release().catch(() => {})
      return [...this.#errors].map(([segment, error]) => ({ name: segmentNameOf(segment.number), lines: this.#taken.get(segment) ?? 0, error }))
    })
  }

  async #find (): Promise<void> {
    const numbers = (await this.#fs.list(this.#folder)).map(segmentNumberOf).filter(number => number !== undefined).sort((a, b) => a - b)
    const cursor = await new CursorFile(this.#fs, this.#folder).read()
    const recovery = new Recovery(this.#fs, this.#folder, { numbers, bytes: undefined, cursor }, error => this.#onFault(error), true)
    await recovery.begin()
    const recovered = await recovery.run(this.#turns, (segment, next) => {
      this.#segments.recover(segment, next)
      if (segment !== undefined) this.#found.push(segment)
    }, () => false)
    this.#throwFault()
    this.#start = recovery.start
    this.#isCursorDamaged = recovered?.cursor === 'damaged'
  }

  #onFault (error: unknown): void {
    this.#fault ??= error
  }

  #throwFault (): void {
    if (this.#fault !== undefined) throw this.#fault
  }

  async #rewriteAll (isDue: (segment: Segment) => boolean): Promise<void> {
    for (const segment of [...this.#taken.keys()].filter(isDue)) {
      try {
        await this.#prepare()
        await segment.shrink(segment === this.#found.at(-1))
        // Should a power cut bring the old file back, that costs duplicates at most.
        await this.#fs.syncFolder(this.#folder).catch(() => {})
        this.#taken.delete(segment)
        this.#errors.delete(segment)
      } catch (error) {
        this.#errors.set(segment, error)
      }
    }
  }

  /**
   * Makes sure that the folder means the same once segments are shorter, or gone. All of this is on the disk before the
   * first segment is rewritten, and does no harm by itself.
   */
  async #prepare (): Promise<void> {
    if (this.#isPrepared) return
    const [first] = this.#found
    // A damaged cursor could seem to be sound in a shorter segment, and the lines before it would not be sent.
    if (this.#isCursorDamaged && first !== undefined) await new CursorFile(this.#fs, this.#folder).write({ segment: first.number, offset: 0 })
    // If the segment of the cursor goes, sending begins with the oldest one left.
    await this.#segments.remove(this.#found.filter(({ number }) => number < (this.#start?.segment ?? 0)))
    for (const name of await this.#fs.list(this.#folder)) {
      if (isDraft(name)) await this.#fs.remove(join(this.#folder, name))
    }
    // If the last segment goes, the unfinished line of the one before would be taken for torn.
    for (const segment of this.#found.slice(0, -1)) await segment.terminate()
    // A backend that goes by the ids of batches would take other lines at a place for those that it has had from there.
    await loseIdentity(this.#fs, this.#folder)
    this.#isPrepared = true
  }
}

/** Whether a run that was killed has left this file as it rewrote a segment. */
function isDraft (name: string): boolean {
  const segmentName = name.slice(0, -draftOf('').length)
  return draftOf(segmentName) === name && segmentNumberOf(segmentName) !== undefined
}
