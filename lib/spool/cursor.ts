import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { FileSystem } from './file-system.js'
import type { Position } from './position.js'
import { draftOf, replaceFile, writeAll } from './replace-file.js'

const NAME = 'cursor.json'
const MAX_BYTES = 1024

/** Result of reading a cursor file. `found`: everything before `position` has been delivered. */
export type CursorReading = { kind: 'found', position: Position } | { kind: 'missing' | 'damaged' }

/** The text of a cursor file. It has a checksum, since one wrong digit would skip lines that were never delivered. */
export function encodeCursor ({ segment, offset }: Position): string {
  const check = createHash('sha256').update(`${segment}:${offset}`).digest('hex').slice(0, 16)
  return `${JSON.stringify({ segment, offset, check })}\n`
}

/** The position in a cursor file; `undefined` if any byte of the file is wrong. */
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

/** Whether this is the name of a cursor file or of its draft. */
export function isCursorName (name: string): boolean {
  return name === NAME || name === draftOf(NAME)
}

/** The file that stores up to which position a spool has been delivered. */
export class CursorFile {
  readonly #fs: FileSystem
  readonly #folder: string

  constructor (fs: FileSystem, folder: string) {
    this.#fs = fs
    this.#folder = folder
  }

  /** Never rejects: a file that cannot be read counts as damaged. */
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

  /** Replaces the file atomically: after a power cut at any moment, either the old or the new one is there. */
  async write (position: Position): Promise<void> {
    const bytes = Buffer.from(encodeCursor(position))
    await replaceFile(this.#fs, join(this.#folder, NAME), async file => await writeAll(file, bytes, 0))
    await this.#fs.syncFolder(this.#folder)
  }
}
