import { basename, dirname } from 'node:path'
import type { FileSystem, OpenFile } from '#lib/spool/file-system'

/** Which call is to fail. */
export type DiskCall = 'open' | 'create' | 'read' | 'write' | 'truncate' | 'sync' | 'close' | 'syncFolder' | 'rename' | 'remove' | 'list' | 'makeFolder' | 'identityOf' | 'removeFolder'

/** How a call goes wrong: with an error, or, a write, by taking only so many bytes. */
export type DiskFault = { code: string } | { shortBytes: number }

/** What becomes of bytes that were written and not synced when the power is cut: some are there, and then comes what no JSON has in it. */
export type Wreckage = 'nothing' | 'zeros' | 'garbage'

/** A file: what programs see, and what would survive a power cut. */
interface Inode {
  seen: Buffer
  kept: Buffer
  /** Where the two differ; in order of writing. */
  dirty: Array<{ from: number, to: number }>
}

/**
 * A disk in memory that stands for a real one where that cannot be made to fail: it forgets what was not synced when the
 * power is cut, is full, fails, and takes its time. A failed sync forgets what is dirty, as Linux does.
 */
export class MemoryDisk implements FileSystem {
  capacityBytes = Infinity
  /** How often each call was made. */
  readonly calls = new Map<DiskCall, number>()
  /** How many calls may go on; the others wait for {@link allow}. */
  #allowed = Infinity
  #waiting: Array<() => void> = []
  readonly #faults = new Map<DiskCall, DiskFault[]>()
  #seen = new Map<string, Inode>()
  #kept = new Map<string, Inode>()
  readonly #folders = new Set<string>()
  /** How often a folder of this name was made. */
  readonly #generations = new Map<string, number>()
  /** Names that were made, renamed or removed since their folder was synced, with what they stood for since. */
  #history = new Map<string, Array<Inode | undefined>>()
  /** What was opened before a power cut, or the end of a process, is of no use after it. */
  #life = 0

  /** The next such calls fail so, one after another. */
  fail (call: DiskCall, ...faults: DiskFault[]): void {
    this.#faults.set(call, [...this.#faults.get(call) ?? [], ...faults])
  }

  /** From now on nothing fails. */
  heal (): void {
    this.#faults.clear()
    this.capacityBytes = Infinity
  }

  /** Lets so many more calls go on, of those that wait and of those to come. */
  allow (calls: number): void {
    this.#allowed = calls
    while (this.#allowed > 0 && this.#waiting.length > 0) {
      this.#allowed--
      this.#waiting.shift()?.()
    }
  }

  /** Whether it lets no call go on. */
  get isStill (): boolean {
    return this.#allowed === 0
  }

  /** The process that used it is gone; what it has written is there. */
  kill (): void {
    this.#life++
    this.#waiting = []
    this.#allowed = Infinity
  }

  /**
   * The power is cut.
   *
   * @param choose a number from 0 to `max`: how much survives, each time that chance has a say
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

  /** What a file has in it. */
  contentOf (path: string): Buffer {
    return (this.#seen.get(path) as Inode).seen
  }

  /** Puts a file there, synced. */
  put (path: string, content: string | Buffer): void {
    const bytes = Buffer.from(content)
    const inode: Inode = { seen: bytes, kept: Buffer.from(bytes), dirty: [] }
    this.#addFolder(dirname(path))
    this.#seen.set(path, inode)
    this.#kept.set(path, inode)
  }

  /** Takes a file away. */
  delete (path: string): void {
    this.#seen.delete(path)
    this.#kept.delete(path)
  }

  /** Somebody removes a folder, with all that is in it. What was opened there is of no use to anybody else. */
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
    // Nobody is there any more whom an answer could reach.
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
