import { CursorFile } from './cursor.js'
import type { FileSystem } from './file-system.js'
import { identify } from './identity.js'
import { Lock } from './lock.js'
import type { OwnerTable } from './owner.js'
import type { Position } from './position.js'
import { Recovery, type Recovered } from './recovery.js'
import type { Segments } from './segments.js'
import type { Hindrance } from './spool-events.js'

/**
 * How an attempt to come in went: in, with what was found there, and what the cursor on the disk says; not yet; or nobody
 * waits for it any more.
 */
export type Entry =
  | { kind: 'in', recovered: Recovered, cursor: Position | undefined, identity: string }
  | { kind: 'hindered', hindrance: Hindrance }
  | { kind: 'left' }

/** The way into the folder of a spool: makes it, takes its lock, and finds what is there. */
export class Entrance {
  readonly #fs: FileSystem
  readonly #folder: string
  readonly #lock: Lock
  readonly #random: () => number
  #hasLeft = false

  constructor (fs: FileSystem, folder: string, owners: OwnerTable, random: () => number) {
    this.#fs = fs
    this.#folder = folder
    this.#lock = new Lock(fs, folder, owners)
    this.#random = random
  }

  /** Never rejects. */
  async enter (segments: Segments): Promise<Entry> {
    try {
      await this.#fs.makeFolder(this.#folder)
      const other = await this.#lock.take()
      if (other !== undefined) return { kind: 'hindered', hindrance: { kind: 'locked', pid: other.pid } }
      const reading = await new CursorFile(this.#fs, this.#folder).read()
      const recovered = await new Recovery(this.#fs, this.#folder, () => this.#hasLeft).run(reading, segments)
      if (recovered === undefined) return { kind: 'left' }
      const identity = await identify(this.#fs, this.#folder, this.#random)
      return { kind: 'in', recovered, cursor: reading.kind === 'found' ? reading.position : undefined, identity }
    } catch (error) {
      return { kind: 'hindered', hindrance: { kind: 'failed', error } }
    }
  }

  /** Nobody waits for an attempt that is under way: it is over soon. */
  giveUp (): void {
    this.#hasLeft = true
  }

  /** Gives the folder free. Never rejects: a lock that stays is known for that of a dead one, once this thread is gone. */
  async leave (): Promise<void> {
    await this.#lock.release().catch(() => {})
  }
}
