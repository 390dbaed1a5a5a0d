import { join } from 'node:path'
import type { FileSystem } from './file-system.js'
import type { Owner, OwnerTable } from './owner.js'

const PATTERN = /^lock\.([\w-]+)\.(\d+)\.(\d+)\.(\d+)$/

/** The name of a lock, which says whose it is. */
export function lockNameOf ({ bootId, pid, thread, startTime }: Owner): string {
  return `lock.${bootId}.${pid}.${thread}.${startTime}`
}

/** Whose a lock is; `undefined` if it is none. */
export function ownerOf (name: string): Owner | undefined {
  const [, bootId, pid, thread, startTime] = PATTERN.exec(name) ?? []
  return bootId === undefined ? undefined : { bootId, pid: Number(pid), thread: Number(thread), startTime: Number(startTime) }
}

/**
 * Keeps a folder to one writer, by an empty file that says in its name whose it is: a full disk has room for it, and it
 * is never half written. Who finds one of somebody alive beside its own withdraws; as everybody looks once the own one
 * is there, no two can both stay. A lock of the dead may be removed by anyone at any time, since nobody ever bears that
 * name again.
 */
export class Lock {
  readonly #fs: FileSystem
  readonly #folder: string
  readonly #owners: OwnerTable
  #name: string | undefined
  #isTie = false

  constructor (fs: FileSystem, folder: string, owners: OwnerTable) {
    this.#fs = fs
    this.#folder = folder
    this.#owners = owners
  }

  /**
   * Whether the last {@link take} failed since another one came at the same moment. That one may have withdrawn too, so
   * it is worth a second try.
   */
  get isTie (): boolean {
    return this.#isTie
  }

  /** @returns who has it, if it is not ours now */
  async take (): Promise<Owner | undefined> {
    this.#isTie = false
    const self = this.#owners.self()
    const name = lockNameOf(self)
    if (this.#name === undefined) {
      const other = await this.#findOther(undefined)
      if (other !== undefined) return other
      if (!await this.#create(name)) return self
      this.#name = name
    }
    const other = await this.#findOther(name)
    this.#isTie = other !== undefined
    if (other !== undefined) await this.release()
    return other
  }

  /** Whether the own lock is still there, which somebody may have removed. */
  async isThere (): Promise<boolean> {
    if (this.#name === undefined) return false
    try {
      await this.#fs.size(join(this.#folder, this.#name))
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
  }

  /** The own lock is gone with its folder. */
  forget (): void {
    this.#name = undefined
  }

  async release (): Promise<void> {
    if (this.#name === undefined) return
    await this.#fs.remove(join(this.#folder, this.#name))
    this.#name = undefined
  }

  /** @returns whether it was not there yet: another transport of this thread would have one of the same name */
  async #create (name: string): Promise<boolean> {
    try {
      await (await this.#fs.create(join(this.#folder, name))).close()
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    }
  }

  /** Somebody alive who has a lock here, beside our own; those of the dead are removed. */
  async #findOther (own: string | undefined): Promise<Owner | undefined> {
    for (const name of await this.#fs.list(this.#folder)) {
      const owner = ownerOf(name)
      if (owner === undefined || name === own) continue
      if (await this.#owners.isAlive(owner)) return owner
      // Somebody else may be as quick, and one that stays does no harm.
      await this.#fs.remove(join(this.#folder, name)).catch(() => {})
    }
    return undefined
  }
}
