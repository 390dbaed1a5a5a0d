import { join } from 'node:path'
import { CursorFile } from './cursor.js'
import type { FileSystem } from './file-system.js'
import { identify } from './identity.js'
import { Lock } from './lock.js'
import type { OwnerTable } from './owner.js'
import type { Found } from './recovery.js'
import { segmentNameOf, segmentNumberOf } from './segment.js'
import type { Hindrance } from './spool-events.js'

/** How an attempt to come in went: in, with what stands there; or not yet. */
export type Entry =
  | { kind: 'in', found: Found, identity: string }
  | { kind: 'hindered', hindrance: Hindrance }

/** The way into the folder of a spool: makes it, takes its lock, and looks round. */
export class Entrance {
  readonly #fs: FileSystem
  readonly #folder: string
  readonly #lock: Lock
  readonly #random: () => number

  constructor (fs: FileSystem, folder: string, owners: OwnerTable, random: () => number) {
    this.#fs = fs
    this.#folder = folder
    this.#lock = new Lock(fs, folder, owners)
    this.#random = random
  }

  /** Never rejects. */
  async enter (): Promise<Entry> {
    try {
      await this.#fs.makeFolder(this.#folder)
      const other = await this.#lock.take()
      if (other !== undefined) return { kind: 'hindered', hindrance: { kind: 'locked', pid: other.pid } }
      const cursor = await new CursorFile(this.#fs, this.#folder).read()
      const numbers = (await this.#fs.list(this.#folder)).map(segmentNumberOf).filter(number => number !== undefined).sort((a, b) => a - b)
      let bytes = 0
      // What cannot be asked for its size will not be read either, and is put aside then.
      for (const number of numbers) bytes += await this.#fs.size(join(this.#folder, segmentNameOf(number))).catch(() => 0)
      return { kind: 'in', found: { numbers, bytes, cursor }, identity: await identify(this.#fs, this.#folder, this.#random) }
    } catch (error) {
      return { kind: 'hindered', hindrance: { kind: 'failed', error } }
    }
  }

  /** Gives the folder free. Never rejects: a lock that stays is known for that of a dead one, once this thread is gone. */
  async leave (): Promise<void> {
    await this.#lock.release().catch(() => {})
  }
}
