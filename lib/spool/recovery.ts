import { join } from 'node:path'
import { countLines } from '../batch.js'
import type { CursorReading } from './cursor.js'
import type { FileSystem, OpenFile } from './file-system.js'
import type { Position } from './position.js'
import { Segment, segmentNameOf, type FoundSegment } from './segment.js'
import type { Turns } from './turns.js'

/** What is there as a spool is entered, before any of it has been read. */
export interface Found {
  /** The numbers of all segments, in order. */
  numbers: readonly number[]
  /** What the segments take of the disk. */
  bytes: number
  cursor: CursorReading
}

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

/** Reads what an earlier life has left in a folder. Never rejects: whatever is wrong with a file, the others are recovered. */
export class Recovery {
  readonly #fs: FileSystem
  readonly #folder: string
  readonly #found: Found
  readonly #recovered: Recovered
  /** Everything before it has been delivered. */
  #start: Position | undefined
  #last: Segment | undefined
  readonly #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  readonly #onFault: (error: unknown) => void

  /** @param onFault told why a segment cannot be read */
  constructor (fs: FileSystem, folder: string, found: Found, onFault: (error: unknown) => void) {
    this.#fs = fs
    this.#folder = folder
    this.#found = found
    this.#onFault = onFault
    this.#recovered = { lines: 0, bytes: 0, cutBytes: 0, unreadableSegments: 0, cursor: found.cursor.kind }
  }

  /** The segment that was written last: it has to be whole and safe before another one is begun. */
  async begin (): Promise<void> {
    const { numbers, cursor } = this.#found
    if (cursor.kind === 'found') {
      this.#start = await startOf(this.#fs, this.#folder, cursor.position, numbers)
      if (this.#start === undefined) this.#recovered.cursor = 'damaged'
    }
    const last = numbers.at(-1)
    if (last !== undefined) this.#last = await this.#examine(last)
  }

  /**
   * All that there is, oldest first; `undefined` if it left off. It takes a turn for each segment, so that lines can be
   * written meanwhile.
   *
   * @param isAborted asked before each segment: whether to leave off, since nobody waits any more
   */
  async run (turns: Turns, isAborted: () => boolean): Promise<{ segments: Segment[], recovered: Recovered } | undefined> {
    const segments: Segment[] = []
    for (const number of this.#found.numbers.slice(0, -1)) {
      const segment = await turns.take(async () => isAborted() ? 'aborted' : await this.#examine(number))
      if (segment === 'aborted') return undefined
      if (segment !== undefined) segments.push(segment)
    }
    if (this.#last !== undefined) segments.push(this.#last)
    this.#recovered.lines = segments.reduce((sum, { waitingLines }) => sum + waitingLines, 0)
    this.#recovered.bytes = segments.reduce((sum, { bytes }) => sum + bytes, 0)
    return { segments, recovered: this.#recovered }
  }

  /** What is in a segment; `undefined` if it cannot be read, and is out of the way now. */
  async #examine (number: number): Promise<Segment | undefined> {
    const isLast = number === this.#found.numbers.at(-1)
    // One before the cursor is delivered, and was not removed, or came back by a power cut.
    if (this.#start !== undefined && number < this.#start.segment) return Segment.recover(this.#fs, this.#folder, number, DELIVERED)
    const deliveredBytes = number === this.#start?.segment ? this.#start.offset : 0
    try {
      const file = await this.#open(number, isLast)
      try {
        const found = isLast ? await this.#examineLast(file, deliveredBytes) : await this.#examineWhole(file, deliveredBytes)
        return Segment.recover(this.#fs, this.#folder, number, found)
      } finally {
        await file.close().catch(() => {})
      }
    } catch (error) {
      this.#onFault(error)
      this.#recovered.unreadableSegments++
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
  async #examineLast (file: OpenFile, deliveredBytes: number): Promise<FoundSegment> {
    const { lines, endOfLines, end } = await this.#scan(file, deliveredBytes)
    if (end > endOfLines) {
      this.#recovered.cutBytes = end - endOfLines
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
    const chunk = this.#chunk
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
