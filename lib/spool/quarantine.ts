import { join } from 'node:path'
import type { FileSystem, OpenFile } from './file-system.js'

const NAME = 'quarantine'
const NEWLINE = Buffer.from('\n')

/** The file in which damaged lines are kept, as they are, for somebody to look at. It is never read here. */
export class Quarantine {
  readonly #fs: FileSystem
  readonly #path: string
  readonly #maxBytes: number

  /** @param maxBytes beyond this nothing more is kept */
  constructor (fs: FileSystem, folder: string, maxBytes: number) {
    this.#fs = fs
    this.#path = join(folder, NAME)
    this.#maxBytes = maxBytes
  }

  /** Never rejects: what cannot be kept is gone, but it was no line any more. */
  async add (bytes: Buffer): Promise<void> {
    try {
      const file = await this.#open()
      try {
        let size = await file.size()
        if (size + bytes.length >= this.#maxBytes) return
        for (let rest = bytes.at(-1) === NEWLINE[0] ? bytes : Buffer.concat([bytes, NEWLINE]); rest.length > 0;) {
          const written = await file.write(rest, size)
          if (written === 0) return
          size += written
          rest = rest.subarray(written)
        }
      } finally {
        await file.close()
      }
    } catch {}
  }

  async #open (): Promise<OpenFile> {
    return await this.#fs.open(this.#path, 'change').catch(() => this.#fs.create(this.#path))
  }
}
