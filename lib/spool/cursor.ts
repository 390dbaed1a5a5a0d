import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { FileSystem } from './file-system.js'
import type { Position } from './position.js'

const NAME = 'cursor.json'
const DRAFT_NAME = `${NAME}.new`
const MAX_BYTES = 1024

/** What a cursor file says: everything before a position has been delivered; or nothing that could be trusted. */
export type CursorReading = { kind: 'found', position: Position } | { kind: 'missing' | 'damaged' }

/** The text of a cursor file. It bears a check: one wrong digit would skip lines that nobody has had. */
export function encodeCursor ({ segment, offset }: Position): string {
  const check = createHash('sha256').update(`${segment}:${offset}`).digest('hex').slice(0, 16)
  return `${JSON.stringify({ segment, offset, check })}\n`
}

/** The position that a cursor file tells; `undefined` if a single byte of it is not as it was written. */
export function decodeCursor (text: string): Position | undefined {
  let value: Partial<Position> | null
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const { segment, offset } = value ?? {}
  if (!Number.isSafeInteger(segment) || !Number.isSafeInteger(offset)) return undefined
  const position = { segment: segment as number, offset: offset as number }
  return encodeCursor(position) === text ? position : undefined
}

/** Whether this is the name of a cursor file, or of one that was not finished. */
export function isCursorName (name: string): boolean {
  return name === NAME || name === DRAFT_NAME
}

/** The file in which a spool remembers how far it has been delivered. */
export class CursorFile {
  readonly #fs: FileSystem
  readonly #folder: string

  constructor (fs: FileSystem, folder: string) {
    this.#fs = fs
    this.#folder = folder
  }

  /** Never rejects: what cannot be read is damaged. */
  async read (): Promise<CursorReading> {
    try {
      const file = await this.#fs.open(join(this.#folder, NAME), 'read')
      try {
        const bytes = Buffer.alloc(MAX_BYTES)
        let length = 0
        for (let more = -1; more !== 0 && length < MAX_BYTES; length += more) more = await file.read(bytes.subarray(length), length)
        const position = decodeCursor(bytes.toString('utf8', 0, length))
        return position === undefined ? { kind: 'damaged' } : { kind: 'found', position }
      } finally {
        await file.close()
      }
    } catch (error) {
      return { kind: (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing' : 'damaged' }
    }
  }

  /** Replaces it: at any moment, also that of a power cut, there is the old one or the new one. */
  async write (position: Position): Promise<void> {
    const path = join(this.#folder, NAME)
    const draft = join(this.#folder, DRAFT_NAME)
    const bytes = Buffer.from(encodeCursor(position))
    const file = await this.#createAnew(draft)
    try {
      for (let written = 0; written < bytes.length;) {
        const more = await file.write(bytes.subarray(written), written)
        if (more === 0) throw new Error('the disk takes nothing')
        written += more
      }
      await file.sync()
    } finally {
      await file.close()
    }
    await this.#fs.rename(draft, path)
    await this.#fs.syncFolder(this.#folder)
  }

  async #createAnew (path: string): ReturnType<FileSystem['create']> {
    try {
      return await this.#fs.create(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      // Left by one who did not come to rename it.
      await this.#fs.remove(path)
      return await this.#fs.create(path)
    }
  }
}
