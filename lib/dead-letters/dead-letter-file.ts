import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FanoutError, serializeError, type SerializedError } from '../errors.js'
import { hasTornLine } from '../torn-line.js'
import { makeFolders, openTrustedFile } from '../trusted-files.js'

/** Result of appending records. */
export interface Appended {
  /** How many of the records, counted from the first, are in the file now. */
  readonly written: number
}

/** The end of a file: where it is, and whether the last line is torn. */
interface FileEnd {
  readonly size: number
  readonly isTorn: boolean
}

const NEWLINE = Buffer.from('\n')
const { O_RDWR, O_APPEND, O_CREAT } = constants

/** The folder that holds a dead-letter file while it is replayed. */
export function workingFolderOf (path: string): string {
  return `${path}.replaying`
}

/** The second name that a dead-letter file has while a replay puts records back. */
export function secondNameOf (path: string): string {
  return join(workingFolderOf(path), 'left.ndjson')
}

/**
 * An NDJSON file to which whole records are appended, each within one write, by one append after another. Several
 * processes may append to the same file: each may exceed the limit of its size by one append at most. The file is opened for each
 * append, and nothing about it is remembered, so it can be moved or emptied at any time. A file that other users may have created is
 * refused, and no symbolic link is followed.
 */
export class DeadLetterFile {
  readonly path: string
  readonly #onFault: (err: SerializedError) => void
  #last: Promise<unknown> = Promise.resolve()
  #isFailing = false

  /** @param onFault - Called when the file cannot be written, and not again until it could be written. */
  constructor (path: string, onFault: (err: SerializedError) => void) {
    this.path = path
    this.#onFault = onFault
  }

  /**
   * Appends as many records as the file may hold. Never rejects.
   *
   * @param records - Each with its newline.
   * @param maxBytes - Limit of the file's size.
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
      const end = await endOf(file)
      const admitted = countAdmitted(records, maxBytes - end.size - Number(end.isTorn))
      if (admitted > 0) written = await write(file, records.slice(0, admitted), end)
      if (written < admitted) throw Object.assign(new Error(`the disk of the dead-letter file is full: ${this.path}`), { code: 'ENOSPC' })
      if (admitted < records.length) throw new FanoutError('ERR_FANOUT_DEAD_LETTERS_FULL', `the dead-letter file has reached its maxBytes, ${maxBytes}: ${this.path}`)
      this.#isFailing = false
    } catch (error) {
      this.#report(error)
    }
    // The records are written even if the file cannot be closed.
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

  #report (error: unknown): void {
    if (this.#isFailing) return
    this.#isFailing = true
    this.#onFault(serializeError(error))
  }
}

async function endOf (file: FileHandle): Promise<FileEnd> {
  const { size } = await file.stat()
  return { size, isTorn: await hasTornLine(file, size) }
}

/**
 * Appends all records in one write, which the system puts behind those of other processes as a whole. A full disk may cut it off.
 * The torn record stays, since cutting it off could cost a record that another process appends meanwhile.
 *
 * @param end - The end of the file as it was just before
 * @returns how many whole records were written
 */
async function write (file: FileHandle, records: readonly Buffer[], end: FileEnd): Promise<number> {
  // The newline ends a torn line at the end of the file, which would otherwise spoil the first record.
  const { bytesWritten } = await file.write(Buffer.concat(end.isTorn ? [NEWLINE, ...records] : records))
  const written = countAdmitted(records, bytesWritten - Number(end.isTorn))
  const [first] = records
  if (first !== undefined && written > 0 && await isSpoiled(file, first, end, bytesWritten)) await write(file, [first], await endOf(file))
  return written
}

/**
 * True if another process was killed, or met a full disk, within its own write just before this one, so that the first record stands
 * behind a part of a line.
 */
async function isSpoiled (file: FileHandle, first: Buffer, { size, isTorn }: FileEnd, bytesWritten: number): Promise<boolean> {
  if (isTorn) return false
  const others = (await file.stat()).size - size - bytesWritten
  // Nobody else has written since, or somebody has emptied the file.
  if (others <= 0) return false
  const { buffer, bytesRead } = await file.read(Buffer.alloc(others + first.length), 0, others + first.length, size)
  const read = buffer.subarray(0, bytesRead)
  let at = read.indexOf(first)
  const isFound = at !== -1
  // The record of another process may be the same.
  while (at > 0 && read[at - 1] !== NEWLINE[0]) at = read.indexOf(first, at + 1)
  return isFound && at === -1
}

/** How many of the records, counted from the first, fit into `room` bytes. */
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
