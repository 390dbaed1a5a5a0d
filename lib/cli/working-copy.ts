import { constants } from 'node:fs'
import { link, lstat, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { secondNameOf, workingFolderOf } from '../dead-letter-file.js'
import { Lock } from '../spool/lock.js'
import { nodeFileSystem } from '../spool/node-file-system.js'
import { systemOwners } from '../spool/owner.js'
import { segmentNameOf, segmentNumberOf } from '../spool/segment.js'
import { openTrustedFile } from '../trusted-files.js'
import { Part, type PartRecord } from './part.js'
import { UsageError } from './usage-error.js'

const LEFT = basename(secondNameOf(''))

/** What makes up a dead-letter file, oldest records first: what a run that was killed has left, and the file itself. */
export async function partsOf (path: string): Promise<Part[]> {
  const folder = workingFolderOf(path)
  const parts = await isPutBack(folder) ? [] : await Promise.all((await segmentNamesIn(folder)).map(name => Part.open(join(folder, name))))
  return await exists(path) ? [...parts, Part.whole(path)] : parts
}

/**
 * A dead-letter file that is being replayed. It is moved into a folder beside its place, since the app may append to it
 * at any time: the app, which opens it for each append, makes a new one. What was not delivered is put back at the end,
 * before what has been appended meanwhile. The folder has a lock, and is found by the next run if this one is killed.
 */
export class WorkingCopy {
  readonly #path: string
  readonly #folder: string
  readonly #lock: Lock
  #parts: Part[] = []

  private constructor (path: string) {
    this.#path = path
    this.#folder = workingFolderOf(path)
    this.#lock = new Lock(nodeFileSystem, this.#folder, systemOwners)
  }

  /**
   * Takes the file away from its place.
   *
   * @throws UsageError if another process is replaying it
   */
  static async open (path: string): Promise<WorkingCopy> {
    const copy = new WorkingCopy(path)
    await nodeFileSystem.makeFolder(copy.#folder)
    const owner = await copy.#lock.take()
    if (owner !== undefined) throw new UsageError(`${path}: is being replayed by process ${owner.pid}`)
    await copy.#clearUp()
    await copy.#collect()
    return copy
  }

  /** What has not been delivered, oldest first. */
  async * records (): AsyncGenerator<PartRecord> {
    for (const part of [...this.#parts]) yield * part.records()
  }

  /** Notes what has been delivered, for the case that this process is killed. */
  async save (): Promise<void> {
    for (const part of this.#parts) await part.save()
  }

  /**
   * Puts back what was not delivered, in order, and gives the folder up.
   *
   * @returns how many records there are now, those that have been appended meanwhile not among them
   */
  async putBack (): Promise<number> {
    await this.save()
    const own = this.#parts.length
    let left = 0
    for (let isBack = false; !isBack;) {
      const ends: number[] = []
      left = await this.#writeLeft(own, ends)
      isBack = await this.#isEmpty() || await this.#link()
      if (isBack) await this.#removeParts(ends)
      else await this.#collect()
    }
    await this.#lock.release()
    await rmdir(this.#folder).catch(() => {})
    await nodeFileSystem.syncFolder(dirname(this.#path))
    return left
  }

  /** A run that was killed as it put records back has either done so, and left its parts, or has not. */
  async #clearUp (): Promise<void> {
    const isBack = await isPutBack(this.#folder)
    for (const name of await segmentNamesIn(this.#folder)) {
      const part = await Part.open(join(this.#folder, name))
      if (isBack) await part.remove()
      else this.#parts.push(part)
    }
    await unlink(join(this.#folder, LEFT)).catch(() => {})
  }

  /** Takes what is at the place of the file now. */
  async #collect (): Promise<void> {
    const last = Math.max(0, ...(await segmentNamesIn(this.#folder)).map(name => segmentNumberOf(name) as number))
    const path = join(this.#folder, segmentNameOf(last + 1))
    try {
      await rename(this.#path, path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw error
    }
    await nodeFileSystem.syncFolder(this.#folder)
    this.#parts.push(await Part.open(path))
  }

  /** @returns how many records of the first `own` parts these are */
  async #writeLeft (own: number, ends: number[]): Promise<number> {
    const file = await openTrustedFile(join(this.#folder, LEFT), constants.O_RDWR | constants.O_CREAT, { mode: 0o600 })
    try {
      await file.truncate()
      let left = 0
      for (const [index, part] of this.#parts.entries()) {
        const { records, end } = await part.copyLeft(file)
        ends.push(end)
        if (index < own) left += records
      }
      await file.sync()
      return left
    } finally {
      await file.close()
    }
  }

  async #isEmpty (): Promise<boolean> {
    return (await stat(join(this.#folder, LEFT))).size === 0
  }

  /** Puts the file to its place, unless the app has made a new one there; whether it is there. */
  async #link (): Promise<boolean> {
    try {
      // Not by rename, which would replace what the app has made.
      await link(join(this.#folder, LEFT), this.#path)
      await nodeFileSystem.syncFolder(dirname(this.#path))
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    }
  }

  async #removeParts (ends: readonly number[]): Promise<void> {
    for (const [index, part] of this.#parts.entries()) {
      await part.copyAdded(ends[index] as number, this.#path)
      await part.remove()
    }
    await unlink(join(this.#folder, LEFT))
  }
}

/** Whether a run was killed after it had put back what was left, which then is in two places. */
async function isPutBack (folder: string): Promise<boolean> {
  return await lstat(join(folder, LEFT)).then(({ nlink }) => nlink > 1, () => false)
}

async function segmentNamesIn (folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter(name => segmentNumberOf(name) !== undefined).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function exists (path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false)
}
