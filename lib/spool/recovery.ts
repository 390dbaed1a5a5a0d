import { join } from 'node:path'
import { countLines } from '../batch.js'
import type { CursorReading } from './cursor.js'
import type { FileSystem, OpenFile } from './file-system.js'
import type { Position } from './position.js'
import { Segment, segmentNameOf, segmentNumberOf, type FoundSegment } from './segment.js'
import type { Segments } from './segments.js'

/** What was found of an earlier life. */
export interface Recovered {
  /** Lines that were not delivered. Those among them that are damaged show when they are read. */
  lines: number
  /** Bytes on the disk. */
  bytes: number
  /** Bytes of a torn last line, which were cut off. */
  cutBytes: number
  /** Segments that could not be read; they were put aside as `.unreadable`. */
  unreadableSegments: number
  /** Without a cursor all is delivered again that is there. */
  cursor: CursorReading['kind']
}

const CHUNK_BYTES = 256 * 1024
const NEWLINE = 10
const DELIVERED: FoundSegment = { bytes: 0, deliveredBytes: 0, lines: 0, isSynced: true }

/**
 * Finds what an earlier life has left in a folder. Rejects only if the folder cannot be listed: whatever is wrong with a
 * file, the others are recovered.
 */
export class Recovery {
  readonly #fs: FileSystem
  readonly #folder: string
  readonly #isAborted: () => boolean

  /** @param isAborted asked now and then: whether to leave off, since nobody waits any more */
  constructor (fs: FileSystem, folder: string, isAborted: () => boolean) {
    this.#fs = fs
    this.#folder = folder
    this.#isAborted = isAborted
  }

  /** Hands over to `segments` what there is; `undefined` if it left off. */
  async run (reading: CursorReading, segments: Segments): Promise<Recovered | undefined> {
    const numbers = (await this.#fs.list(this.#folder)).map(segmentNumberOf).filter(number => number !== undefined).sort((a, b) => a - b)
    const cursor = reading.kind === 'found' ? reading.position : undefined
    const start = cursor === undefined ? undefined : await startOf(this.#fs, this.#folder, cursor, numbers)
    const recovered: Recovered = {
      lines: 0,
      bytes: 0,
      cutBytes: 0,
      unreadableSegments: 0,
      cursor: cursor !== undefined && start === undefined ? 'damaged' : reading.kind
    }

    const all: Segment[] = []
    for (const number of numbers) {
      if (this.#isAborted()) return undefined
      // One before the cursor is delivered, and was not removed, or came back by a power cut.
      const found = start !== undefined && number < start.segment
        ? DELIVERED
        : await this.#examine(number, number === start?.segment ? start.offset : 0, number === numbers.at(-1), recovered)
      if (found !== undefined) all.push(Segment.recover(this.#fs, this.#folder, number, found))
    }
    recovered.lines = all.reduce((sum, { waitingLines }) => sum + waitingLines, 0)
    recovered.bytes = all.reduce((sum, { bytes }) => sum + bytes, 0)
    segments.recover(all, Math.max(0, numbers.at(-1) ?? 0, cursor?.segment ?? 0))
    return recovered
  }

  /** What is in a segment; `undefined` if it cannot be read, and is out of the way now. */
  async #examine (number: number, deliveredBytes: number, isLast: boolean, recovered: Recovered): Promise<FoundSegment | undefined> {
    try {
      const file = await this.#open(number, isLast)
      try {
        return isLast ? await this.#examineLast(file, deliveredBytes, recovered) : await this.#examineWhole(file, deliveredBytes)
      } finally {
        await file.close().catch(() => {})
      }
    } catch {
      recovered.unreadableSegments++
      const path = join(this.#folder, segmentNameOf(number))
      await this.#fs.rename(path, path.replace(/ndjson$/, 'unreadable')).catch(() => {})
      return undefined
    }
  }

  /** A segment that was ended in good order ends with a newline; what stands behind the last one is a line, damaged or not. */
  async #examineWhole (file: OpenFile, deliveredBytes: number): Promise<FoundSegment> {
    const { lines, endOfLines, end } = await this.#scan(file, deliveredBytes)
    return { bytes: end, deliveredBytes, lines: end > endOfLines ? lines + 1 : lines, isSynced: true }
  }

  /** What stands behind the last newline of the last segment was being written when the earlier life ended. */
  async #examineLast (file: OpenFile, deliveredBytes: number, recovered: Recovered): Promise<FoundSegment> {
    const { lines, endOfLines, end } = await this.#scan(file, deliveredBytes)
    if (end > endOfLines) {
      recovered.cutBytes = end - endOfLines
      // If it stays, it is taken for damaged the next time: nothing is added to it in any case.
      await file.truncate(endOfLines).catch(() => {})
    }
    const isSynced = await file.sync().then(() => true, () => false)
    return { bytes: endOfLines, deliveredBytes, lines, isSynced }
  }

  /** The last one may have to be cut and synced; but to read it is enough if there is no more leave. */
  async #open (number: number, isLast: boolean): Promise<OpenFile> {
    const path = join(this.#folder, segmentNameOf(number))
    if (!isLast) return await this.#fs.open(path, 'read')
    return await this.#fs.open(path, 'change').catch(() => this.#fs.open(path, 'read'))
  }

  /** How many lines there are from here on, where the last whole one ends, and where the file does. */
  async #scan (file: OpenFile, from: number): Promise<{ lines: number, endOfLines: number, end: number }> {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    let [lines, end, endOfLines] = [0, from, from]
    for (let read = await file.read(chunk, end); read > 0; read = await file.read(chunk, end)) {
      const bytes = chunk.subarray(0, read)
      const last = bytes.lastIndexOf(NEWLINE)
      if (last !== -1) {
        lines += countLines(bytes)
        endOfLines = end + last + 1
      }
      end += read
    }
    return { lines, endOfLines, end }
  }
}

/**
 * Where to begin. A cursor to a segment that is gone means the oldest one left. One that stands within a line belongs to
 * another file than it was written for: `undefined`, and all is delivered again.
 *
 * @param numbers those of all segments, in order
 */
export async function startOf (fs: FileSystem, folder: string, cursor: Position, numbers: readonly number[]): Promise<Position | undefined> {
  if (!numbers.includes(cursor.segment)) return { segment: numbers[0] ?? 0, offset: 0 }
  if (cursor.offset === 0) return cursor
  try {
    const file = await fs.open(join(folder, segmentNameOf(cursor.segment)), 'read')
    try {
      // What was behind the end was delivered, and lost in a power cut after that.
      if (cursor.offset > await file.size()) return cursor
      const before = Buffer.alloc(1)
      return await file.read(before, cursor.offset - 1) === 1 && before[0] === NEWLINE ? cursor : undefined
    } finally {
      await file.close()
    }
  } catch {
    // It cannot be read, and will be put aside: the next one is the first.
    return cursor
  }
}
