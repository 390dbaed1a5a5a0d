import { basename, dirname } from 'node:path'
import type { FileSystem, OpenFile } from '#lib/spool/file-system'

/** A call to the disk. */
export type DiskCall = 'open' | 'create' | 'read' | 'write' | 'truncate' | 'sync' | 'close' | 'syncFolder' | 'rename' | 'remove' | 'list' | 'makeFolder' | 'identityOf' | 'removeFolder'

/** How a call fails: with an error, or, if it is a write, by taking only some bytes. */
export type DiskFault = { code: string } | { shortBytes: number }

/** The content of unsynced bytes after a power cut. Some survive; the rest are missing, zeros, or not valid in JSON. */
export type Wreckage = 'nothing' | 'zeros' | 'garbage'

/** A file: the content that programs see, and the content that would survive a power cut. */
interface Inode {
  seen: Buffer
  kept: Buffer
  /** The ranges in which the two may differ, in the order of writing. */
  dirty: Array<{ from: number, to: number }>
}

/**
 * A disk in memory, for faults that a real disk cannot be made to have: it loses unsynced data in a power cut, is full,
 * fails, and hangs. A failed sync drops the dirty data, as on Linux.
 */
export class MemoryDisk implements FileSystem {
  capacityBytes = Infinity
  /** How long ago files were changed, in ms; 0 for all others. */
  readonly ages = new Map<string, number>()
  /** The files that were touched, in order. */
  readonly touched: string[] = []
  /** The number of times that each call was made. */
  readonly calls = new Map<DiskCall, number>()
  /** How many calls may continue. Others wait for {@link allow}. */
  #allowed = Infinity
  #waiting: Array<() => void> = []
  readonly #faults = new Map<DiskCall, DiskFault[]>()
  #seen = new Map<string, Inode>()
  #kept = new Map<string, Inode>()
  readonly #folders = new Set<string>()
  /** How often a folder of this path was removed. */
  readonly #generations = new Map<string, number>()
  /** Paths that were created, renamed or removed since their folder was synced, with the files that they have named since. */
  #history = new Map<string, Array<Inode | undefined>>()
  /** Counts power cuts and ends of processes. Files that were opened before one do not work after it. */
  #life = 0

  /** Makes the next calls of this kind fail, one after another. */
  fail (call: DiskCall, ...faults: DiskFault[]): void {
    this.#faults.set(call, [...this.#faults.get(call) ?? [], ...faults])
  }

  /** From now on no call fails. */
  heal (): void {
    this.#faults.clear()
    this.capacityBytes = Infinity
  }

  /** Lets this many more calls continue, both waiting and later ones. */
  allow (calls: number): void {
    this.#allowed = calls
    while (this.#allowed > 0 && this.#waiting.length > 0) {
      this.#allowed--
      this.#waiting.shift()?.()
    }
  }

  /** Whether no call may continue. */
  get isStill (): boolean {
    return this.#allowed === 0
  }

  /** Kills the process that uses the disk. Everything that it has written is there. */
  kill (): void {
    this.#life++
    this.#waiting = []
    this.#allowed = Infinity
  }

  /**
   * Cuts the power.
   *
   * @param choose - Returns a number from 0 to `max`. It is called for each random decision, such as how much survives.
   */
  cutPower (wreckage: Wreckage, choose: (max: number) => number): void {
    this.kill()
    const names = new Map(this.#kept)
    for (const [path, states] of this.#history) {
      const state = choose(states.length)
      const inode = state === 0 ? this.#kept.get(path) : states[state - 1]
      if (inode === undefined) names.delete(path)
      else names.set(path, inode)
    }
    for (const inode of new Set(names.values())) {
      for (const { from, to } of inode.dirty) {
        const arrived = from + choose(to - from)
        inode.kept = patch(inode.kept, from, inode.seen.subarray(from, arrived))
        if (wreckage !== 'nothing') inode.kept = patch(inode.kept, arrived, Buffer.alloc(to - arrived, wreckage === 'zeros' ? 0 : '\u0001\n'))
      }
      inode.dirty = []
      inode.seen = Buffer.from(inode.kept)
    }
    this.#seen = names
    this.#kept = new Map(names)
    this.#history = new Map()
  }

  /** The names of all files. */
  get paths (): string[] {
    return [...this.#seen.keys()].sort()
  }

  /** The content of a file. */
  contentOf (path: string): Buffer {
    return (this.#seen.get(path) as Inode).seen
  }

  /** Creates a synced file. */
  put (path: string, content: string | Buffer): void {
    const bytes = Buffer.from(content)
    const inode: Inode = { seen: bytes, kept: Buffer.from(bytes), dirty: [] }
    this.#addFolder(dirname(path))
    this.#seen.set(path, inode)
    this.#kept.set(path, inode)
  }

  /** Removes a file, synced. */
  delete (path: string): void {
    this.#seen.delete(path)
    this.#kept.delete(path)
  }

  /** Removes a folder with all its files, as another process would. Files that are open keep working, unseen by others. */
  removeAll (folder: string): void {
    for (const path of this.paths) if (dirname(path) === folder) this.delete(path)
    this.#folders.delete(folder)
    this.#generations.set(folder, (this.#generations.get(folder) ?? 0) + 1)
  }

  async makeFolder (path: string): Promise<void> {
    await this.#enter('makeFolder')
    this.#addFolder(path)
  }

  async list (path: string): Promise<string[]> {
    await this.#enter('list')
    if (!this.#folders.has(path)) throw failure('ENOENT')
    return [...this.#seen.keys(), ...this.#folders].filter(name => dirname(name) === path && name !== path).map(name => basename(name))
  }

  async create (path: string): Promise<OpenFile> {
    await this.#enter('create')
    if (!this.#folders.has(dirname(path))) throw failure('ENOENT')
    if (this.#seen.has(path)) throw failure('EEXIST')
    const inode: Inode = { seen: Buffer.alloc(0), kept: Buffer.alloc(0), dirty: [] }
    this.#name(path, inode)
    return this.#file(inode)
  }

  async open (path: string): Promise<OpenFile> {
    await this.#enter('open')
    const inode = this.#seen.get(path)
    if (inode === undefined) throw failure('ENOENT')
    return this.#file(inode)
  }

  async size (path: string): Promise<number> {
    const inode = this.#seen.get(path)
    if (inode === undefined) throw failure('ENOENT')
    return inode.seen.length
  }

  async ageMs (path: string): Promise<number> {
    if (!this.#seen.has(path)) throw failure('ENOENT')
    return this.ages.get(path) ?? 0
  }

  async touch (path: string): Promise<void> {
    if (!this.#seen.has(path)) throw failure('ENOENT')
    this.touched.push(path)
    this.ages.delete(path)
  }

  async identityOf (path: string): Promise<string> {
    await this.#enter('identityOf')
    if (!this.#folders.has(path)) throw failure('ENOENT')
    return `${path} ${this.#generations.get(path) ?? 0}`
  }

  async rename (from: string, to: string): Promise<void> {
    await this.#enter('rename')
    const inode = this.#seen.get(from)
    if (inode === undefined) throw failure('ENOENT')
    this.#name(to, inode)
    this.#name(from, undefined)
  }

  async remove (path: string): Promise<void> {
    await this.#enter('remove')
    if (!this.#seen.has(path)) throw failure('ENOENT')
    this.#name(path, undefined)
  }

  async removeFolder (path: string): Promise<void> {
    await this.#enter('removeFolder')
    if (!this.#folders.has(path)) throw failure('ENOENT')
    if ([...this.#seen.keys(), ...this.#folders].some(name => name !== path && dirname(name) === path)) throw failure('ENOTEMPTY')
    this.#folders.delete(path)
  }

  async syncFolder (path: string): Promise<void> {
    await this.#enter('syncFolder')
    for (const [name, states] of this.#history) {
      if (dirname(name) !== path) continue
      const inode = states.at(-1)
      if (inode === undefined) this.#kept.delete(name)
      else this.#kept.set(name, inode)
      this.#history.delete(name)
    }
  }

  #addFolder (path: string): void {
    for (let folder = path; !this.#folders.has(folder); folder = dirname(folder)) this.#folders.add(folder)
  }

  #name (path: string, inode: Inode | undefined): void {
    if (inode === undefined) this.#seen.delete(path)
    else this.#seen.set(path, inode)
    this.#history.set(path, [...this.#history.get(path) ?? [], inode])
  }

  #file (inode: Inode): OpenFile {
    const life = this.#life
    const enter = async (call: DiskCall): Promise<DiskFault | undefined> => {
      const fault = await this.#enter(call)
      if (life !== this.#life) return await new Promise(() => {})
      return fault
    }
    return {
      size: async () => inode.seen.length,
      read: async (into, position) => {
        await enter('read')
        return inode.seen.subarray(position).copy(into)
      },
      write: async (bytes, position) => {
        const fault = await enter('write')
        const most = fault !== undefined && 'shortBytes' in fault ? fault.shortBytes : bytes.length
        const room = Math.max(0, this.capacityBytes - this.#usedBytes + Math.max(0, inode.seen.length - position))
        const written = Math.min(bytes.length, most, room)
        if (written === 0 && room === 0) throw failure('ENOSPC')
        inode.seen = patch(inode.seen, position, bytes.subarray(0, written))
        inode.dirty.push({ from: position, to: position + written })
        return written
      },
      truncate: async length => {
        await enter('truncate')
        inode.seen = Buffer.from(inode.seen.subarray(0, length))
        inode.dirty = inode.dirty.map(({ from, to }) => ({ from: Math.min(from, length), to: Math.min(to, length) }))
      },
      sync: async () => {
        const life = this.#life
        try {
          await enter('sync')
        } catch (error) {
          if (life === this.#life) inode.dirty = []
          throw error
        }
        for (const { from, to } of inode.dirty) inode.kept = patch(inode.kept, from, inode.seen.subarray(from, to))
        inode.kept = Buffer.from(inode.kept.subarray(0, inode.seen.length))
        inode.dirty = []
      },
      close: async () => { await enter('close') }
    }
  }

  get #usedBytes (): number {
    return [...new Set(this.#seen.values())].reduce((sum, { seen }) => sum + seen.length, 0)
  }

  async #enter (call: DiskCall): Promise<DiskFault | undefined> {
    const life = this.#life
    this.calls.set(call, (this.calls.get(call) ?? 0) + 1)
    if (this.#allowed > 0) this.#allowed--
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
    // The process that made the call is gone: the call never settles.
    if (life !== this.#life) return await new Promise(() => {})
    const fault = this.#faults.get(call)?.shift()
    if (fault !== undefined && 'code' in fault) throw failure(fault.code)
    return fault
  }
}

function patch (bytes: Buffer, position: number, added: Buffer): Buffer {
  const end = position + added.length
  const patched = Buffer.alloc(Math.max(bytes.length, end))
  bytes.copy(patched)
  added.copy(patched, position)
  return patched
}

function failure (code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code })
}
