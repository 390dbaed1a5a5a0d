import { basename, join } from 'node:path'
import { CursorFile } from '../spool/cursor.js'
import type { FileSystem } from '../spool/file-system.js'
import { loseIdentity } from '../spool/identity.js'
import { Lock } from '../spool/lock.js'
import { nodeFileSystem } from '../spool/node-file-system.js'
import { systemOwners, type OwnerTable } from '../spool/owner.js'
import { segmentNumberOf } from '../spool/segment.js'
import { Turns } from '../spool/turns.js'
import { draftNameOf, FilteredSegment } from './filtered-segment.js'
import { contentOf, linesIn, type SegmentLine, type SpoolContent } from './spool-content.js'
import { InUseError } from './usage-error.js'

/** A line of a spool, and the segment that it can be taken out of. */
export interface FilteredLine extends SegmentLine {
  readonly segment: FilteredSegment
}

/** A segment that could not be written anew: lines are in it that were taken out. */
export interface Stuck {
  /** The name of its file. */
  readonly name: string
  readonly lines: number
  readonly error: unknown
}

/**
 * A spool out of which some lines are taken, here and there. Its cursor could not say which, so each segment is written
 * anew without them, once it is known of each of its lines whether it goes. Its lock is held meanwhile. A run that is
 * killed leaves segments as they were and such as they are to be, and nothing between.
 */
export class FilteredSpool {
  readonly #fs: FileSystem
  readonly #folder: string
  readonly #lock: Lock
  readonly #content: SpoolContent
  readonly #segments: readonly FilteredSegment[]
  readonly #turns = new Turns()
  readonly #errors = new Map<FilteredSegment, unknown>()
  #isPrepared = false

  private constructor (fs: FileSystem, folder: string, lock: Lock, content: SpoolContent) {
    this.#fs = fs
    this.#folder = folder
    this.#lock = lock
    this.#content = content
    this.#segments = content.segments.map(place => new FilteredSegment(fs, place))
  }

  /**
   * Takes its lock.
   *
   * @throws InUseError if another process has it
   */
  static async open (folder: string, fs: FileSystem = nodeFileSystem, owners: OwnerTable = systemOwners): Promise<FilteredSpool> {
    const lock = new Lock(fs, folder, owners)
    const owner = await lock.take()
    if (owner !== undefined) throw new InUseError(folder, owner.pid)
    try {
      return new FilteredSpool(fs, folder, lock, await contentOf(fs, folder))
    } catch (error) {
      await lock.release().catch(() => {})
      throw error
    }
  }

  /** What waits in it, oldest first. */
  async * lines (): AsyncGenerator<FilteredLine> {
    for (const segment of this.#segments) {
      for await (const line of linesIn(this.#fs, segment.place)) yield { ...line, segment }
      segment.isRead = true
    }
  }

  /** Writes those segments anew of which all is known. Never rejects; what fails is tried again at the end. */
  async save (): Promise<void> {
    await this.#turns.take(() => this.#rewrite(segment => segment.isDecided && !this.#errors.has(segment)))
  }

  /**
   * Writes all others anew, and gives the folder free. Never rejects.
   *
   * @returns what could not be done
   */
  async close (): Promise<Stuck[]> {
    return await this.#turns.take(async () => {
      await this.#rewrite(() => true)
      // A lock that stays is known for that of a dead one, once this process is gone.
      await this.#lock.release().catch(() => {})
      return [...this.#errors].map(([{ place, takenLines }, error]) => ({ name: basename(place.path), lines: takenLines, error }))
    })
  }

  async #rewrite (isDue: (segment: FilteredSegment) => boolean): Promise<void> {
    for (const segment of this.#segments) {
      if (segment.takenLines === 0 || !isDue(segment)) continue
      try {
        await this.#prepare()
        await segment.rewrite()
        this.#errors.delete(segment)
      } catch (error) {
        this.#errors.set(segment, error)
      }
    }
  }

  /**
   * Sees to it that what is there means the same once segments are shorter, or gone. All of this is done on the disk
   * before the first of them is, and does no harm by itself.
   */
  async #prepare (): Promise<void> {
    if (this.#isPrepared) return
    const { segments: [first], delivered, isCursorDamaged } = this.#content
    // Within a segment that is shorter it could seem to be sound, and what is before it would not be sent.
    if (isCursorDamaged && first !== undefined) await new CursorFile(this.#fs, this.#folder).write({ segment: first.number, offset: 0 })
    // If that of the cursor goes, the oldest one that is left is sent from its beginning.
    for (const path of delivered) await removeIfThere(this.#fs, path)
    for (const name of await this.#fs.list(this.#folder)) {
      if (isDraft(name)) await removeIfThere(this.#fs, join(this.#folder, name))
    }
    // If the last one goes, the end of the one before would be taken for torn.
    for (const segment of this.#segments) await segment.terminate()
    // A backend that goes by the ids of batches would take other lines at a place for those that it has had.
    await loseIdentity(this.#fs, this.#folder)
    this.#isPrepared = true
  }
}

/** Whether this is what a run has left that was killed as it wrote a segment anew. */
function isDraft (name: string): boolean {
  const segmentName = name.slice(0, -draftNameOf('').length)
  return draftNameOf(segmentName) === name && segmentNumberOf(segmentName) !== undefined
}

async function removeIfThere (fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.remove(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
