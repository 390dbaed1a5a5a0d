import { constants } from 'node:fs'
import { link, lstat, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { secondNameOf, workingFolderOf } from '../dead-letters/dead-letter-file.js'
import { Lock } from '../spool/lock.js'
import { nodeFileSystem } from '../spool/node-file-system.js'
import { systemOwners } from '../spool/owner.js'
import { segmentNameOf, segmentNumberOf } from '../spool/segment.js'
import { UsageError } from './command.js'
import { Part, withFile } from './dead-letter-part.js'
import type { KeptLine, LineSource } from './send-lines.js'

/** The lines of a dead-letter file, oldest first: those that a killed run has left, then those of the file itself. */
export async function * linesOf (path: string): AsyncGenerator<KeptLine> {
  const parts = await isPutBack(path) ? [] : await partsOf(path)
  if (await stat(path).then(() => true, () => false)) parts.push(new Part(path))
  for (const part of parts) yield * part.lines()
}

/**
 * A dead-letter file that is being replayed. The app may append to it at any time, so it is moved into a folder beside
 * it, and the app creates a new file. At the end the lines that were not delivered are put back, before those that the
 * app has appended. The folder has a lock. If this run is killed, the next one finds the folder.
 */
export class WorkingCopy implements LineSource {
  readonly #path: string
  readonly #folder: string
  readonly #lock: Lock
  #parts: Part[] = []

  private constructor (path: string) {
    this.#path = path
    this.#folder = workingFolderOf(path)
    this.#lock = new Lock(nodeFileSystem, this.#folder, systemOwners)
  }

  /** Moves the file away from its place. @throws UsageError if another process is replaying it */
  static async open (path: string): Promise<WorkingCopy> {
    const copy = new WorkingCopy(path)
    await nodeFileSystem.makeFolder(copy.#folder)
    const owner = await copy.#lock.take()
    if (owner !== undefined) throw new UsageError(`${path}: is being replayed by process ${owner.pid}`)
    const parts = await partsOf(path)
    // A run that was killed after it had put its lines back has left only files to remove.
    if (await isPutBack(path)) for (const part of parts.splice(0)) await part.remove()
    await nodeFileSystem.remove(secondNameOf(path)).catch(() => {})
    copy.#parts = parts
    await copy.#collect()
    return copy
  }

  async * lines (): AsyncGenerator<KeptLine> {
    for (const part of [...this.#parts]) yield * part.lines()
  }

  async save (): Promise<void> {
    for (const part of this.#parts) await part.save()
  }

  /** Puts undelivered lines back, and removes the folder. @returns their number, without lines appended meanwhile */
  async putBack (): Promise<number> {
    await this.save()
    const own = this.#parts.length
    let counts = await this.#writeLeft()
    // A rename would replace the file that the app may have created meanwhile.
    while (counts.some(count => count > 0) && await link(secondNameOf(this.#path), this.#path).catch(only('EEXIST')) === 'EEXIST') {
      await this.#collect()
      counts = await this.#writeLeft()
    }
    await nodeFileSystem.syncFolder(dirname(this.#path))
    for (const part of this.#parts) {
      await part.copyAdded(this.#path)
      await part.remove()
    }
    await nodeFileSystem.remove(secondNameOf(this.#path))
    await this.#lock.release()
    await nodeFileSystem.removeFolder(this.#folder).catch(() => {})
    await nodeFileSystem.syncFolder(dirname(this.#path))
    return counts.slice(0, own).reduce((sum, count) => sum + count, 0)
  }

  /** Moves the dead-letter file into the folder, if there is one now. */
  async #collect (): Promise<void> {
    const last = (await segmentNamesIn(this.#folder)).at(-1) ?? ''
    const path = join(this.#folder, segmentNameOf((segmentNumberOf(last) ?? 0) + 1))
    if (await nodeFileSystem.rename(this.#path, path).catch(only('ENOENT')) === 'ENOENT') return
    await nodeFileSystem.syncFolder(this.#folder)
    this.#parts.push(await Part.open(path))
  }

  /** @returns how many lines each part has left */
  async #writeLeft (): Promise<number[]> {
    return await withFile(secondNameOf(this.#path), constants.O_RDWR | constants.O_CREAT, async file => {
      await file.truncate()
      const counts: number[] = []
      for (const part of this.#parts) counts.push(await part.copyLeft(file))
      await file.sync()
      return counts
    })
  }
}

/** True if a run was killed after it had put its lines back, so that they are in two places. */
async function isPutBack (path: string): Promise<boolean> {
  return await lstat(secondNameOf(path)).then(({ nlink }) => nlink > 1, () => false)
}

/** Files of runs for this dead-letter file, oldest first. */
async function partsOf (path: string): Promise<Part[]> {
  const folder = workingFolderOf(path)
  return await Promise.all((await segmentNamesIn(folder)).map(async name => await Part.open(join(folder, name))))
}

async function segmentNamesIn (folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(only('ENOENT'))
  return names === 'ENOENT' ? [] : names.filter(name => segmentNumberOf(name) !== undefined).sort()
}

/** Catches an error of the system that has this code, and no other. */
function only<Code extends string> (code: Code): (error: NodeJS.ErrnoException) => Code {
  return error => {
    if (error.code === code) return code
    throw error
  }
}
