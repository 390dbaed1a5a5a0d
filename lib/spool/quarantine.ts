import { join } from 'node:path'
import type { FileSystem, OpenFile } from './file-system.js'

const NAME = 'quarantine'
const NEWLINE = Buffer.from('\n')

/** The file that keeps damaged lines, unchanged, for a person to look at. The spool never reads it. */
export class Quarantine {
  readonly #fs: FileSystem
  readonly #path: string
  readonly #maxBytes: number
  readonly #onFault: (error: unknown) => void

  /**
   * @param maxBytes - Limit of the file's size; lines beyond it are not kept.
   * @param onFault - Called when the file cannot be written.
   */
  constructor (fs: FileSystem, folder: string, maxBytes: number, onFault: (error: unknown) => void) {
    this.#fs = fs
    this.#path = join(folder, NAME)
    this.#maxBytes = maxBytes
    this.#onFault = onFault
  }

  /** Appends damaged lines. Never rejects: they are lost if they cannot be written. */
  async add (bytes: Buffer): Promise<void> {
    try {
      const file = await this.#open()
      try {
        let size = await file.size()
        if (size + bytes.length >= this.#maxBytes) return
        for (let rest = bytes.at(-1) === NEWLINE[0] ? bytes : Buffer.concat([bytes, NEWLINE]); rest.length > 0;) {
          const written = await file.write(rest, size)
          if (written === 0) throw new Error('the disk accepted no bytes')
          size += written
          rest = rest.subarray(written)
        }
      } finally {
        await file.close()
      }
    } catch (error) {
      this.#onFault(error)
    }
  }

  async #open (): Promise<OpenFile> {
    try {
      return await this.#fs.open(this.#path, 'change')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      return await this.#fs.create(this.#path)
    }
  }
}
