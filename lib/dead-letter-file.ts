import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FanoutError, serializeError, type SerializedError } from './errors.js'
import { makeFolders, openTrustedFile } from './trusted-files.js'

/** What became of records that were to be appended. */
export interface Appended {
  /** How many of them, from the first, are in the file now. */
  readonly written: number
}

const NEWLINE = Buffer.from('\n')
const { O_RDWR, O_APPEND, O_CREAT } = constants

/** The folder in which a dead-letter file stands while it is replayed. */
export function workingFolderOf (path: string): string {
  return `${path}.replaying`
}

/** The name that a dead-letter file has beside its own while a replay puts records back. */
export function secondNameOf (path: string): string {
  return join(workingFolderOf(path), 'left.ndjson')
}

/**
 * An NDJSON file that records are appended to: whole ones, each within one write, by one append after another. It is
 * opened for each append, so that it can be moved away or emptied at any time, and nothing is known of it but what the
 * disk says. A file that others may have made is refused, and no symbolic link is followed.
 */
export class DeadLetterFile {
  readonly path: string
  readonly #onTrouble: (err: SerializedError) => void
  #last: Promise<unknown> = Promise.resolve()
  #isInTrouble = false

  /** @param onTrouble - Told once when the file cannot be written any more, until it can again. */
  constructor (path: string, onTrouble: (err: SerializedError) => void) {
    this.path = path
    this.#onTrouble = onTrouble
  }

  /**
   * Appends as many records as the file may hold. Never rejects.
   *
   * @param records each with its newline
   * @param maxBytes how large the file may become
   */
  append (records: readonly Buffer[], maxBytes: number): Promise<Appended> {
    const appended = this.#last.then(() => this.#append(records, maxBytes))
    this.#last = appended
    return appended
  }

  async #append (records: readonly Buffer[], maxBytes: number): Promise<Appended> {
    let written = 0
    let file: FileHandle | undefined
    try {
      file = await this.#open()
      const { size } = await file.stat()
      const isTorn = size > 0 && !await endsWithNewline(file, size)
      const admitted = countAdmitted(records, maxBytes - size - Number(isTorn))
      if (admitted > 0) written = await write(file, size, records.slice(0, admitted), isTorn)
      if (written < admitted) throw Object.assign(new Error(`the disk of the dead-letter file is full: ${this.path}`), { code: 'ENOSPC' })
      if (admitted < records.length) throw new FanoutError('ERR_FANOUT_DEAD_LETTERS_FULL', `the dead-letter file has reached its maxBytes, ${maxBytes}: ${this.path}`)
      this.#isInTrouble = false
    } catch (error) {
      this.#tell(error)
    }
    // What could not be closed was written all the same.
    await file?.close().catch(() => {})
    return { written }
  }

  async #open (): Promise<FileHandle> {
    try {
      return await this.#openOrCreate()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      await makeFolders(dirname(this.path), 0o700)
      return await this.#openOrCreate()
    }
  }

  async #openOrCreate (): Promise<FileHandle> {
    return await openTrustedFile(this.path, O_RDWR | O_APPEND | O_CREAT, { mode: 0o600, secondName: secondNameOf(this.path) })
  }

  #tell (error: unknown): void {
    if (this.#isInTrouble) return
    this.#isInTrouble = true
    this.#onTrouble(serializeError(error))
  }
}

/** One write for all of them; a full disk may cut it off, and what is whole of them counts. */
async function write (file: FileHandle, size: number, records: readonly Buffer[], isTorn: boolean): Promise<number> {
  // What was cut off before is nobody's line: it must not spoil the first of these.
  const { bytesWritten } = await file.write(Buffer.concat(isTorn ? [NEWLINE, ...records] : records))
  const whole = countAdmitted(records, bytesWritten - Number(isTorn))
  if (whole < records.length) await cutOff(file, size, size + bytesWritten, records.slice(0, whole), isTorn).catch(() => {})
  return whole
}

/** Takes a part of a record away again, unless another process has appended to it since. */
async function cutOff (file: FileHandle, before: number, after: number, whole: readonly Buffer[], isTorn: boolean): Promise<void> {
  const { size } = await file.stat()
  if (size === after) await file.truncate(whole.reduce((sum, { length }) => sum + length, before + Number(isTorn)))
}

async function endsWithNewline (file: FileHandle, size: number): Promise<boolean> {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer.equals(NEWLINE)
}

/** How many of these, from the first, fit into so many bytes. */
function countAdmitted (records: readonly Buffer[], room: number): number {
  let left = room
  let n = 0
  for (const record of records) {
    left -= record.length
    if (left < 0) break
    n++
  }
  return n
}
