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
  /** What the segments take of the disk; `undefined` if there are so many that it would take long to ask. */
  bytes: number | undefined
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
/** Where there are more, each call of the disk matters. */
export const MANY_SEGMENTS = 1000
/** Of many, those that are no larger are kept in memory until they are read, up to so much together. */
const SMALL_BYTES = 16 * 1024
const HELD_BYTES = 1024 * 1024
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
  readonly #isReadOnly: boolean
  /** Segments that are kept in memory, oldest first, and those that were. */
  readonly #held: Array<{ segment: Segment, bytes: number }> = []
  #heldBytes = 0

  /**
   * @param onFault told why a segment cannot be read
   * @param isReadOnly - Whether nothing may be changed: a torn line is not cut off, no segment is synced or put aside
   */
  constructor (fs: FileSystem, folder: string, found: Found, onFault: (error: unknown) => void, isReadOnly = false) {
    this.#fs = fs
    this.#folder = folder
    this.#found = found
    this.#onFault = onFault
    this.#isReadOnly = isReadOnly
    this.#recovered = { lines: 0, bytes: 0, cutBytes: 0, unreadableSegments: 0, cursor: found.cursor.kind }
  }

  /** Everything before it has been delivered; `undefined` if there is no cursor, or one that is wrong. */
  get start (): Position | undefined {
    return this.#start
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
   * Counts all that there is, oldest first. It takes a turn for each segment, so that lines can be read and written
   * meanwhile.
   *
   * @param onCounted told of each segment in turn, or that it is gone, with the number of the next and how many are left
   * @param isAborted asked before each segment: whether to leave off, since nobody waits any more
   * @returns `undefined` if it left off
   */
  async run (turns: Turns, onCounted: (segment: Segment | undefined, next: number | undefined, left: number) => void, isAborted: () => boolean): Promise<Recovered | undefined> {
    const { numbers } = this.#found
    for (const [index, number] of numbers.entries()) {
      const isLast = index === numbers.length - 1
      const isOver = await turns.take(async () => {
        if (isAborted()) return true
        const segment = isLast ? this.#last : await this.#examine(number)
        if (isAborted()) return true
        this.#recovered.lines += segment?.waitingLines ?? 0
        this.#recovered.bytes += segment?.bytes ?? 0
        onCounted(segment, numbers[index + 1], numbers.length - 1 - index)
        return false
      })
      if (isOver) return undefined
    }
    return this.#recovered
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
        return this.#hold(Segment.recover(this.#fs, this.#folder, number, found), found.content)
      } finally {
        await file.close().catch(() => {})
      }
    } catch (error) {
      this.#onFault(error)
      this.#recovered.unreadableSegments++
      if (this.#isReadOnly) return undefined
      const path = join(this.#folder, segmentNameOf(number))
      await this.#fs.rename(path, path.replace(/ndjson$/, 'unreadable')).catch(() => {})
      return undefined
    }
  }

  #hold (segment: Segment, content: Buffer | undefined): Segment {
    if (content === undefined) return segment
    this.#held.push({ segment, bytes: content.length })
    this.#heldBytes += content.length
    return segment
  }

  #hasMemoryFor (bytes: number): boolean {
    for (let first = this.#held[0]; first?.segment.isHeld === false; first = this.#held[0]) {
      this.#heldBytes -= first.bytes
      this.#held.shift()
    }
    return this.#heldBytes + bytes <= HELD_BYTES
  }

  /** A segment that was ended in good order ends with a newline; what stands behind the last one is a line, damaged or not. */
  async #examineWhole (file: OpenFile, deliveredBytes: number): Promise<FoundSegment> {
    const { lines, endOfLines, end, reads } = await this.#scan(file, deliveredBytes)
    const found: FoundSegment = { bytes: end, deliveredBytes, lines: end > endOfLines ? lines + 1 : lines, isSynced: true }
    if (this.#found.numbers.length <= MANY_SEGMENTS || deliveredBytes > 0 || reads !== 1 || end > SMALL_BYTES || !this.#hasMemoryFor(end)) return found
    return { ...found, content: Buffer.from(this.#chunk.subarray(0, end)) }
  }

  /** What stands behind the last newline of the last segment was being written when the earlier life ended. */
  async #examineLast (file: OpenFile, deliveredBytes: number): Promise<FoundSegment> {
    const { lines, endOfLines, end } = await this.#scan(file, deliveredBytes)
    if (this.#isReadOnly) return { bytes: endOfLines, deliveredBytes, lines, isSynced: true }
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
    if (!isLast || this.#isReadOnly) return await this.#fs.open(path, 'read')
    return await this.#fs.open(path, 'change').catch(() => this.#fs.open(path, 'read'))
  }

  /** How many lines there are from here on, where the last whole one ends, and where the file does. */
  async #scan (file: OpenFile, from: number): Promise<{ lines: number, endOfLines: number, end: number, reads: number }> {
    const chunk = this.#chunk
    let [lines, end, endOfLines, reads] = [0, from, from, 0]
    for (let read = await file.read(chunk, end); read > 0; read = await file.read(chunk, end)) {
      const bytes = chunk.subarray(0, read)
      const last = bytes.lastIndexOf(NEWLINE)
      if (last !== -1) {
        lines += countLines(bytes)
        endOfLines = end + last + 1
      }
      end += read
      reads++
    }
    return { lines, endOfLines, end, reads }
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
