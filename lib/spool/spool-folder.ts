import { dirname, join } from 'node:path'
import { CursorFile, isCursorName } from './cursor.js'
import type { FileSystem } from './file-system.js'
import { identify, loseIdentity } from './identity.js'
import { Lock } from './lock.js'
import type { Owner } from './owner.js'
import { MANY_SEGMENTS, type FoundFolder } from './recovery.js'
import { isDisposable } from './slots.js'
import { segmentNameOf, segmentNumberOf } from './segment.js'
import type { SpoolDeps } from './spool-deps.js'
import type { Hindrance } from './spool-events.js'
import type { Turns } from './turns.js'

/**
 * Result of an attempt to enter a folder. `tied`: another process tried at the same moment, and perhaps neither has
 * succeeded.
 */
export type EntryResult =
  | { kind: 'entered', found: FoundFolder, identity: string }
  | { kind: 'hindered', hindrance: Hindrance }
  | { kind: 'tied' }

/** How often a folder is created again that its former owners remove at the same moment. */
const TRIES = 5

/** Dependencies of a {@link SpoolFolder}. */
export interface SpoolFolderDeps extends Pick<SpoolDeps, 'fs' | 'owners' | 'random'> {
  /** The path of the folder. */
  folder: string
  turns: Turns
}

/** The folder of a spool. To enter it is to create it where it is missing, to take its lock and to list its files. */
export class SpoolFolder {
  readonly #fs: FileSystem
  readonly #folder: string
  readonly #lock: Lock
  readonly #random: () => number
  #folderIdentity: string | undefined

  constructor ({ fs, folder, owners, random, turns }: SpoolFolderDeps) {
    this.#fs = fs
    this.#folder = folder
    this.#lock = new Lock(fs, folder, owners, async job => await turns.take(job))
    this.#random = random
  }

  /** Never rejects. */
  async enter (): Promise<EntryResult> {
    try {
      const other = await this.#takeLock()
      if (other !== undefined) return this.#lock.isTie ? { kind: 'tied' } : { kind: 'hindered', hindrance: { kind: 'locked', pid: other.pid } }
      this.#folderIdentity = await this.#fs.identityOf(this.#folder)
      const cursor = await new CursorFile(this.#fs, this.#folder).read()
      const numbers = (await this.#fs.list(this.#folder)).map(segmentNumberOf).filter(number => number !== undefined).sort((a, b) => a - b)
      const bytes = numbers.length > MANY_SEGMENTS ? undefined : await this.#sizeOf(numbers)
      // The last segments may have been removed without a word in the cursor. Their numbers are used again, and must not give the same ids.
      if (numbers.length === 0) await loseIdentity(this.#fs, this.#folder)
      return { kind: 'entered', found: { numbers, bytes, cursor }, identity: await identify(this.#fs, this.#folder, this.#random) }
    } catch (error) {
      return { kind: 'hindered', hindrance: { kind: 'failed', error } }
    }
  }

  /**
   * Whether this is still the folder that was entered, and no other process has locked it. Creates the lock again if
   * somebody has removed it. Never rejects.
   */
  async holds (): Promise<boolean> {
    try {
      if (await this.#fs.identityOf(this.#folder) !== this.#folderIdentity) return false
      if (await this.#lock.isThere()) return true
      this.#lock.forget()
      if (await this.#lock.take() !== undefined) return false
      // A lock that is left in a folder that has taken the place of this one would keep ourselves out of it.
      const isSame = await this.#fs.identityOf(this.#folder) === this.#folderIdentity
      if (!isSame) await this.#lock.release()
      return isSame
    } catch (error) {
      // Any other error of the disk does not mean that lines are lost.
      return (error as NodeJS.ErrnoException).code !== 'ENOENT'
    }
  }

  /** Call it once the folder is lost. It can be entered again. */
  forget (): void {
    this.#lock.forget()
  }

  /** Releases the folder. Never rejects: a lock that cannot be removed counts as dead once this thread has ended. */
  async leave (): Promise<void> {
    await this.#lock.release().catch(() => {})
  }

  /** Like {@link leave}, and removes the folder if it has no lines to send and nothing for a person to look at. */
  async leaveNothing (): Promise<void> {
    const isEmpty = await this.#clear().catch(() => false)
    await this.leave()
    if (!isEmpty) return
    try {
      // Fails if another process has entered meanwhile and now owns the folder.
      await this.#fs.removeFolder(this.#folder)
      await this.#fs.syncFolder(dirname(this.#folder))
    } catch {}
  }

  async #sizeOf (numbers: readonly number[]): Promise<number> {
    let bytes = 0
    // A file whose size cannot be read is set aside later, when it cannot be read either.
    for (const number of numbers) bytes += await this.#fs.size(join(this.#folder, segmentNameOf(number))).catch(() => 0)
    return bytes
  }

  async #takeLock (): Promise<Owner | undefined> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#fs.makeFolder(this.#folder)
        return await this.#lock.take()
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === TRIES) throw error
      }
    }
  }

  /** @returns whether only the lock is left */
  async #clear (): Promise<boolean> {
    const names = await this.#fs.list(this.#folder)
    if (!names.every(isDisposable)) return false
    // Before the cursor: without a cursor, positions are used again, and with the same identity they would give the same ids.
    await loseIdentity(this.#fs, this.#folder)
    for (const name of names.filter(isCursorName)) await this.#fs.remove(join(this.#folder, name))
    return true
  }
}
