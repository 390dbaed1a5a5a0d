import { join } from 'node:path'
import type { FileSystem } from './file-system.js'
import type { Owner, OwnerTable } from './owner.js'

/** How often an owner touches its lock. */
const TOUCH_MS = 10000
/** A lock that its owner has not touched for this long is stale, if nothing else can be known of that owner. */
const STALE_MS = 60000
const PATTERN = /^lock\.([\w-]+)\.(\d+)\.(\d+)\.(\d+)$/

/** The name of a lock file, which says who owns it. */
export function lockNameOf ({ bootId, pid, thread, startTime }: Owner): string {
  return `lock.${bootId}.${pid}.${thread}.${startTime}`
}

/** The owner in the name of a lock file; `undefined` for any other file. */
export function ownerOf (name: string): Owner | undefined {
  const [, bootId, pid, thread, startTime] = PATTERN.exec(name) ?? []
  return bootId === undefined ? undefined : { bootId, pid: Number(pid), thread: Number(thread), startTime: Number(startTime) }
}

/** True if the owner of a lock is alive, or may be. */
export async function isHeld (fs: FileSystem, owners: OwnerTable, path: string, owner: Owner): Promise<boolean> {
  if (owners.knows(owner)) return await owners.isAlive(owner)
  // A lock that is gone has been released. One that cannot be looked at may be held.
  return await fs.ageMs(path).then(ageMs => ageMs < STALE_MS, error => (error as NodeJS.ErrnoException).code !== 'ENOENT')
}

/**
 * Restricts a folder to one writer. A lock is an empty file whose name says who owns it: a full disk has room for that,
 * and it is never half written. A writer looks for others after it has created its own. If it finds a lock whose
 * owner is alive, it removes its own, so two writers can never both keep theirs. Anyone may remove the lock of a dead
 * owner at any time, since no later owner ever has the same name. Owners on other machines and in other containers cannot be seen, so
 * each owner touches its lock again and again.
 */
export class Lock {
  readonly #fs: FileSystem
  readonly #folder: string
  readonly #owners: OwnerTable
  readonly #run: (job: () => Promise<void>) => Promise<unknown>
  #name: string | undefined
  #isTie = false
  #timer: NodeJS.Timeout | undefined
  /** True while a touch waits for its turn. */
  #isDue = false

  /** @param run - Runs a job that uses the disk, after all that were given before. @default runs it at once */
  constructor (fs: FileSystem, folder: string, owners: OwnerTable, run: (job: () => Promise<void>) => Promise<unknown> = async job => await job()) {
    this.#fs = fs
    this.#folder = folder
    this.#owners = owners
    this.#run = run
  }

  /**
   * Whether the last {@link take} failed because another writer created its lock at the same moment. That writer may have
   * failed for the same reason, so a second try is worthwhile.
   */
  get isTie (): boolean {
    return this.#isTie
  }

  /** @returns the other owner if the folder is locked; `undefined` if the lock is taken now */
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
    else this.#timer ??= setInterval(() => this.#touch(), TOUCH_MS).unref()
    return other
  }

  /** Whether the lock file still exists. Somebody else may have removed it. */
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

  /** Call it once the lock file is gone, together with its folder. */
  forget (): void {
    this.#stopTouching()
    this.#name = undefined
  }

  async release (): Promise<void> {
    this.#stopTouching()
    if (this.#name === undefined) return
    await this.#fs.remove(join(this.#folder, this.#name))
    this.#name = undefined
  }

  #touch (): void {
    // A disk that hangs gets no second request.
    if (this.#isDue) return
    this.#isDue = true
    this.#run(async () => {
      this.#isDue = false
      if (this.#timer !== undefined && this.#name !== undefined) await this.#fs.touch(join(this.#folder, this.#name)).catch(() => {})
    })
  }

  #stopTouching (): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** @returns `false` if the file exists already: another transport of this thread has a lock of the same name */
  async #create (name: string): Promise<boolean> {
    try {
      await (await this.#fs.create(join(this.#folder, name))).close()
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    }
  }

  /** The owner, alive, of a lock other than our own. Removes the locks of dead owners. */
  async #findOther (own: string | undefined): Promise<Owner | undefined> {
    for (const name of await this.#fs.list(this.#folder)) {
      const owner = ownerOf(name)
      if (owner === undefined || name === own) continue
      if (await isHeld(this.#fs, this.#owners, join(this.#folder, name), owner)) return owner
      // Somebody else may remove it at the same time. If it stays, it does no harm.
      await this.#fs.remove(join(this.#folder, name)).catch(() => {})
    }
    return undefined
  }
}
