import { basename, dirname, join } from 'node:path'
import type { FileSystem } from './file-system.js'
import { identityOf } from './identity.js'
import { isHeld, ownerOf } from './lock.js'
import type { OwnerTable } from './owner.js'
import { segmentNumberOf } from './segment.js'
import { isCursorName } from './cursor.js'

/** The slot that uses the target's own folder. That folder is not removed when it is empty. */
export const FIRST_SLOT = 1
/** How many transports with the same options can have a slot at the same time. */
export const MAX_SLOTS = 100

const NUMBER = /^[1-9]\d*$/

/** The folder of a slot: the target's own folder for the first slot, and `<name>.2`, `<name>.3`, … next to it. */
export function slotFolderOf (folder: string, slot: number): string {
  return slot === FIRST_SLOT ? folder : `${folder}.${slot}`
}

/** The folder of the first slot, from the folder of any slot. */
export function firstSlotOf (folder: string): string {
  return folder.replace(/\.[1-9]\d*$/, '')
}

/** Whether a file of this name is useless in a spool without lines. */
export function isDisposable (name: string): boolean {
  return isCursorName(name) || identityOf(name) !== undefined || ownerOf(name) !== undefined
}

/**
 * The spool folders of one target. Each transport with the same options has a folder of its own, its *slot*. Lines that
 * it leaves there at its end are sent by the next transport that takes the slot, or by another one that adopts it.
 */
export class Slots {
  readonly #fs: FileSystem
  readonly #folder: string
  readonly #owners: OwnerTable

  /** @param folder - The folder of the first slot. */
  constructor (fs: FileSystem, folder: string, owners: OwnerTable) {
    this.#fs = fs
    this.#folder = folder
    this.#owners = owners
  }

  folderOf (slot: number): string {
    return slotFolderOf(this.#folder, slot)
  }

  /** The numbers of the slots that have a folder, in ascending order; empty if the disk fails. */
  async list (): Promise<number[]> {
    const first = basename(this.#folder)
    const names = await this.#fs.list(dirname(this.#folder)).catch((): string[] => [])
    return names.flatMap(name => {
      // HFS+ stores an accented letter as two characters.
      const known = name.normalize('NFC')
      if (known === first) return FIRST_SLOT
      const number = known.startsWith(`${first}.`) ? known.slice(first.length + 1) : ''
      return NUMBER.test(number) && Number(number) > FIRST_SLOT && Number(number) <= MAX_SLOTS ? Number(number) : []
    }).sort((a, b) => a - b)
  }

  /** Whether no transport has this slot, and it has lines to send or is an empty folder to remove. */
  async isOrphan (slot: number): Promise<boolean> {
    const names = await this.#fs.list(this.folderOf(slot)).catch(() => undefined)
    if (names === undefined) return false
    if (!names.some(name => segmentNumberOf(name) !== undefined) && (slot === FIRST_SLOT || !names.every(isDisposable))) return false
    for (const name of names) {
      const owner = ownerOf(name)
      if (owner !== undefined && await isHeld(this.#fs, this.#owners, join(this.folderOf(slot), name), owner)) return false
    }
    return true
  }
}
