import { dirname, join } from 'node:path'
import { CursorFile, isCursorName } from './cursor.js'
import type { FileSystem } from './file-system.js'
import { identify, loseIdentity } from './identity.js'
import { Lock } from './lock.js'
import type { Owner, OwnerTable } from './owner.js'
import { MANY_SEGMENTS, type Found } from './recovery.js'
import { isDisposable } from './slots.js'
import { segmentNameOf, segmentNumberOf } from './segment.js'
import type { Hindrance } from './spool-events.js'

/**
 * How an attempt to come in went: in, with what stands there; or not yet. `tied`: another one came at the same moment, and
 * perhaps neither is in.
 */
export type Entry =
  | { kind: 'in', found: Found, identity: string }
  | { kind: 'hindered', hindrance: Hindrance }
  | { kind: 'tied' }

/** How often a folder is made again that its former owner removes at this moment. */
const TRIES = 3

/** The way into the folder of a spool: makes it, takes its lock, and looks round. */
export class Entrance {
  readonly #fs: FileSystem
  readonly #folder: string
  readonly #lock: Lock
  readonly #random: () => number
  #folderIdentity: string | undefined

  constructor (fs: FileSystem, folder: string, owners: OwnerTable, random: () => number) {
    this.#fs = fs
    this.#folder = folder
    this.#lock = new Lock(fs, folder, owners)
    this.#random = random
  }

  /** Never rejects. */
  async enter (): Promise<Entry> {
    try {
      const other = await this.#takeLock()
      if (other !== undefined) return this.#lock.isTie ? { kind: 'tied' } : { kind: 'hindered', hindrance: { kind: 'locked', pid: other.pid } }
      this.#folderIdentity = await this.#fs.identityOf(this.#folder)
      const cursor = await new CursorFile(this.#fs, this.#folder).read()
      const numbers = (await this.#fs.list(this.#folder)).map(segmentNumberOf).filter(number => number !== undefined).sort((a, b) => a - b)
      const bytes = numbers.length > MANY_SEGMENTS ? undefined : await this.#sizeOf(numbers)
      return { kind: 'in', found: { numbers, bytes, cursor }, identity: await identify(this.#fs, this.#folder, this.#random) }
    } catch (error) {
      return { kind: 'hindered', hindrance: { kind: 'failed', error } }
    }
  }

  /**
   * Whether the folder is the one that was entered, and is its own. A lock that somebody has removed is made again. Never
   * rejects.
   */
  async holds (): Promise<boolean> {
    try {
      if (await this.#fs.identityOf(this.#folder) !== this.#folderIdentity) return false
      if (await this.#lock.isThere()) return true
      this.#lock.forget()
      return await this.#lock.take() === undefined
    } catch (error) {
      // A disk that fails has lost nothing yet.
      return (error as NodeJS.ErrnoException).code !== 'ENOENT'
    }
  }

  /** The folder is gone. It can be entered again. */
  forget (): void {
    this.#lock.forget()
  }

  /** Gives the folder free. Never rejects: a lock that stays is known for that of a dead one, once this thread is gone. */
  async leave (): Promise<void> {
    await this.#lock.release().catch(() => {})
  }

  /** As {@link leave}, and removes the folder if there is nothing in it for anybody to send or to look at. */
  async leaveNothing (): Promise<void> {
    const isEmpty = await this.#clear().catch(() => false)
    await this.leave()
    if (!isEmpty) return
    try {
      // It fails if somebody has come in since, who has the folder now.
      await this.#fs.removeFolder(this.#folder)
      await this.#fs.syncFolder(dirname(this.#folder))
    } catch {}
  }

  async #sizeOf (numbers: readonly number[]): Promise<number> {
    let bytes = 0
    // What cannot be asked for its size will not be read either, and is put aside then.
    for (const number of numbers) bytes += await this.#fs.size(join(this.#folder, segmentNameOf(number))).catch(() => 0)
    return bytes
  }

  async #takeLock (): Promise<Owner | undefined> {
    for (let tries = 1; ; tries++) {
      await this.#fs.makeFolder(this.#folder)
      try {
        return await this.#lock.take()
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === TRIES) throw error
      }
    }
  }

  /** @returns whether nothing is left but the lock */
  async #clear (): Promise<boolean> {
    const names = await this.#fs.list(this.#folder)
    if (!names.every(isDisposable)) return false
    // Before the cursor: without it places are used again, and with the same identity they would have the same ids.
    await loseIdentity(this.#fs, this.#folder)
    for (const name of names.filter(isCursorName)) await this.#fs.remove(join(this.#folder, name))
    return true
  }
}
