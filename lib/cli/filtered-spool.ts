import { join } from 'node:path'
import { CursorFile } from '../spool/cursor.js'
import type { FileSystem } from '../spool/file-system.js'
import { loseIdentity } from '../spool/identity.js'
import { Lock } from '../spool/lock.js'
import { nodeFileSystem } from '../spool/node-file-system.js'
import { systemOwners, type OwnerTable } from '../spool/owner.js'
import type { SpooledLines } from '../spool/position.js'
import { Reader } from '../spool/reader.js'
import { Recovery } from '../spool/recovery.js'
import { draftOf } from '../spool/replace-file.js'
import { segmentNameOf, segmentNumberOf, type Segment } from '../spool/segment.js'
import { Segments } from '../spool/segments.js'
import { Turns } from '../spool/turns.js'
import type { KeptLine, LineSource } from './send-lines.js'
import { InUseError } from './spool-folders.js'

/** The number of delivered lines that a segment's file still has, and the error if it could not be rewritten. */
export interface Change { name: string, lines: number, error: unknown }

const NEWLINE = 10
const CHUNK_BYTES = 256 * 1024

/**
 * A spool from which single lines are removed, wherever they stand. A cursor marks only one place, so each segment is
 * rewritten without its delivered lines, once the outcome of all its lines is known. If a run is killed, each segment is
 * either as it was or completely rewritten.
 */
export class FilteredSpool implements LineSource {
  readonly #fs: FileSystem
  readonly #folder: string
  readonly #lock: Lock
  readonly #segments: Segments
  readonly #reader: Reader
  readonly #turns = new Turns()
  /** All segments that were found, oldest first. */
  readonly #changes = new Map<Segment, Change>()
  #startSegment = 0
  #isCursorDamaged = false
  #isPrepared = false
  #fault: unknown

  private constructor (folder: string, fs: FileSystem, owners: OwnerTable) {
    this.#fs = fs
    this.#folder = folder
    this.#lock = new Lock(fs, folder, owners, async job => await this.#turns.take(job))
    this.#segments = new Segments(fs, folder)
    // Without a quarantine, damaged lines stay where they are.
    this.#reader = new Reader(this.#segments, undefined, { onDamaged: () => {}, onFault: error => this.#onFault(error) })
  }

  /**
   * Opens a spool and takes its lock. With `isReadOnly` it takes no lock and changes nothing, so the spool may be in use.
   *
   * @throws InUseError if another process has the lock
   */
  static async open (folder: string, { isReadOnly = false, fs = nodeFileSystem, owners = systemOwners } = {}): Promise<FilteredSpool> {
    const spool = new FilteredSpool(folder, fs, owners)
    const owner = isReadOnly ? undefined : await spool.#lock.take()
    if (owner !== undefined) throw new InUseError(`${folder}: is in use by process ${owner.pid}`)
    try {
      await spool.#find()
      return spool
    } catch (error) {
      await spool.close()
      throw error
    }
  }

  async * lines (): AsyncGenerator<KeptLine> {
    for (;;) {
      const read: SpooledLines[] = []
      await this.#turns.take(async () => await this.#reader.next(CHUNK_BYTES, lines => { read.push(lines) }))
      if (this.#fault !== undefined) throw this.#fault
      const [lines] = read
      if (lines === undefined) return
      const segment = this.#segments.find(lines.segment) as Segment
      for (let from = 0, to = 0; from < lines.bytes.length; from = to) {
        to = lines.bytes.indexOf(NEWLINE, from) + 1
        const place = [lines.offset + from, lines.offset + to] as const
        const stay = (): void => segment.passOver(1)
        yield { sink: '', text: lines.bytes.toString('utf8', from, to - 1), deliver: () => this.#deliver(segment, ...place), refuse: stay, leave: stay }
      }
    }
  }

  /** Begins again with the first line. Call it only before the outcome of any line is noted. */
  rewind (): void {
    this.#segments.takeBack()
    this.#reader.rewind()
  }

  /** Rewrites the segments in which the outcome of all lines is known. {@link close} tries failed ones again. */
  async save (): Promise<void> {
    await this.#turns.take(async () => await this.#rewriteAll(({ waitingLines, outstandingLines }, { error }) => waitingLines + outstandingLines === 0 && error === undefined))
  }

  /** Rewrites all other segments that have delivered lines, and releases the lock. Never rejects. @returns segments that failed */
  async close (): Promise<Change[]> {
    return await this.#turns.take(async () => {
      await this.#rewriteAll(() => true)
      await this.#segments.release()
      // If the lock stays, the next process sees that its owner is dead.
      await this.#lock.release().catch(() => {})
      return [...this.#changes.values()].filter(({ error }) => error !== undefined)
    })
  }

  async #find (): Promise<void> {
    const numbers = (await this.#fs.list(this.#folder)).map(segmentNumberOf).filter(number => number !== undefined).sort((a, b) => a - b)
    const cursor = await new CursorFile(this.#fs, this.#folder).read()
    const recovery = new Recovery(this.#fs, this.#folder, { numbers, bytes: undefined, cursor }, error => this.#onFault(error), true)
    await recovery.begin()
    const recovered = await recovery.run(this.#turns, (segment, next) => {
      this.#segments.recover(segment, next)
      if (segment !== undefined) this.#changes.set(segment, { name: segmentNameOf(segment.number), lines: 0, error: undefined })
    }, () => false)
    if (this.#fault !== undefined) throw this.#fault
    this.#startSegment = recovery.start?.segment ?? 0
    this.#isCursorDamaged = recovered?.cursor === 'damaged'
  }

  #onFault (error: unknown): void {
    // The app may have delivered a segment, and removed it, while its spool is only read here.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#fault ??= error
  }

  #deliver (segment: Segment, from: number, to: number): void {
    segment.settle(from, to, 1)
    ;(this.#changes.get(segment) as Change).lines++
  }

  async #rewriteAll (isDue: (segment: Segment, change: Change) => boolean): Promise<void> {
    const [last] = [...this.#changes.keys()].slice(-1)
    for (const [segment, change] of this.#changes) {
      if (change.lines === 0 || !isDue(segment, change)) continue
      try {
        await this.#prepare([...this.#changes.keys()])
        await segment.shrink(segment === last)
        // If a power cut brings the old file back, its lines are at worst sent twice.
        await this.#fs.syncFolder(this.#folder).catch(() => {})
        Object.assign(change, { lines: 0, error: undefined })
      } catch (error) {
        change.error = error
      }
    }
  }

  /**
   * Prepares the folder, so that shorter or missing segments do not change the meaning of its other files. This is on the
   * disk before the first segment is rewritten, and does no harm if no rewrite follows.
   */
  async #prepare (segments: readonly Segment[]): Promise<void> {
    if (this.#isPrepared) return
    const [first] = segments
    // In a shorter segment, a damaged cursor could look valid, and the lines before it would not be sent.
    if (this.#isCursorDamaged && first !== undefined) await new CursorFile(this.#fs, this.#folder).write({ segment: first.number, offset: 0 })
    // If the cursor's segment is removed, sending begins with the oldest one left, so older ones must go first.
    await this.#segments.remove(segments.filter(({ number }) => number < this.#startSegment))
    for (const name of await this.#fs.list(this.#folder)) {
      const isDraft = name.endsWith(draftOf('')) && segmentNumberOf(name.slice(0, -draftOf('').length)) !== undefined
      if (isDraft) await this.#fs.remove(join(this.#folder, name))
    }
    // If the last segment is removed, the one before is the last. There, a line without a newline would count as torn.
    for (const segment of segments.slice(0, -1)) await segment.terminate()
    // The id of a batch names a place in the spool. A backend that knows the id would take other lines there for duplicates.
    await loseIdentity(this.#fs, this.#folder)
    this.#isPrepared = true
  }
}
