import { join } from 'node:path'
import { countLines } from '../batch.js'
import type { CursorReading } from './cursor.js'
import type { FileSystem, OpenFile } from './file-system.js'
import type { Position } from './position.js'
import { Segment, segmentNameOf, type FoundSegment } from './segment.js'
import type { Turns } from './turns.js'

/** The files in a spool's folder when it is entered, before any segment has been read. */
export interface FoundFolder {
  /** The numbers of all segments, in order. */
  numbers: readonly number[]
  /** The size of all segments together; `undefined` if there are too many to look up each. */
  bytes: number | undefined
  cursor: CursorReading
}

/** The result of counting what earlier runs have left. */
export interface Recovered {
  /** Undelivered lines, including damaged ones, which are only noticed when they are read. */
  lines: number
  /** Bytes on the disk. */
  bytes: number
  /** Size of the torn last line, which was cut off. */
  cutBytes: number
  /** How many segments could not be read and were renamed to `.unreadable`. */
  unreadableSegments: number
  /** Unless it is `found`, all lines on the disk are delivered again. */
  cursor: CursorReading['kind']
}

const CHUNK_BYTES = 256 * 1024
const NEWLINE = 10
/** With more segments than this, each call to the disk per segment matters. */
export const MANY_SEGMENTS = 1000
/** With many segments, the content of those up to this size stays in memory until it is read, which saves opening them again. */
const SMALL_BYTES = 16 * 1024
/** Limit of all content that stays in memory. */
const HELD_BYTES = 1024 * 1024
const DELIVERED: FoundSegment = { bytes: 0, deliveredBytes: 0, lines: 0, isSynced: true }

/** Counts the lines that earlier runs left in a folder. Never rejects: a file that cannot be read does not affect the others. */
export class Recovery {
  readonly #fs: FileSystem
  readonly #folder: string
  readonly #found: FoundFolder
  readonly #recovered: Recovered
  /** Everything before this position has been delivered. */
  #start: Position | undefined
  #last: Segment | undefined
  readonly #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  readonly #onFault: (error: unknown) => void
  readonly #isReadOnly: boolean
  /** Segments whose content was kept in memory, oldest first. Some may have been released since. */
  readonly #held: Array<{ segment: Segment, bytes: number }> = []
  #heldBytes = 0

  /**
   * @param onFault - Called with the error when a segment cannot be read
   * @param isReadOnly - True if nothing may be changed: a torn line is not cut off, no segment is synced or put aside
   */
  constructor (fs: FileSystem, folder: string, found: FoundFolder, onFault: (error: unknown) => void, isReadOnly = false) {
    this.#fs = fs
    this.#folder = folder
    this.#found = found
    this.#onFault = onFault
    this.#isReadOnly = isReadOnly
    this.#recovered = { lines: 0, bytes: 0, cutBytes: 0, unreadableSegments: 0, cursor: found.cursor.kind }
  }

  /** Everything before this position has been delivered; `undefined` if there is no cursor or a wrong one. */
  get start (): Position | undefined {
    return this.#start
  }

  /** Repairs and syncs the segment that was written last. This has to be done before a new segment is created. */
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
   * Counts the lines of all segments, oldest first. It takes a turn for each segment, so that lines can be read and written
   * meanwhile.
   *
   * @param onCounted - Called for each segment, or with `undefined` if it cannot be read, with the number of the next
   *   segment and how many are left.
   * @param isAborted - Called before and after each segment: whether to stop counting.
   * @returns `undefined` if it was aborted
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

  /** Counts a segment. Returns `undefined` if it cannot be read and was set aside. */
  async #examine (number: number): Promise<Segment | undefined> {
    const isLast = number === this.#found.numbers.at(-1)
    // A segment before the cursor is delivered. It had not been removed yet, or a power cut undid its removal.
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

  /** A properly sealed segment ends with a newline. Bytes after the last newline count as one line, damaged or not. */
  async #examineWhole (file: OpenFile, deliveredBytes: number): Promise<FoundSegment> {
    const { lines, endOfLines, end, reads } = await this.#scan(file, deliveredBytes)
    const found: FoundSegment = { bytes: end, deliveredBytes, lines: end > endOfLines ? lines + 1 : lines, isSynced: true }
    if (this.#found.numbers.length <= MANY_SEGMENTS || deliveredBytes > 0 || reads !== 1 || end > SMALL_BYTES || !this.#hasMemoryFor(end)) return found
    return { ...found, content: Buffer.from(this.#chunk.subarray(0, end)) }
  }

  /** Bytes after the last newline of the last segment were being written when the earlier run ended: they are cut off. */
  async #examineLast (file: OpenFile, deliveredBytes: number): Promise<FoundSegment> {
    const { lines, endOfLines, end } = await this.#scan(file, deliveredBytes)
    if (this.#isReadOnly) return { bytes: endOfLines, deliveredBytes, lines, isSynced: true }
    if (end > endOfLines) {
      this.#recovered.cutBytes = end - endOfLines
      // If this fails, the next run counts the torn line as damaged. No line is ever appended to this segment.
      await file.truncate(endOfLines).catch(() => {})
    }
    const isSynced = await file.sync().then(() => true, () => false)
    return { bytes: endOfLines, deliveredBytes, lines, isSynced }
  }

  /** Opens the last segment for writing, to cut and sync it; if that is not permitted, for reading only. */
  async #open (number: number, isLast: boolean): Promise<OpenFile> {
    const path = join(this.#folder, segmentNameOf(number))
    if (!isLast || this.#isReadOnly) return await this.#fs.open(path, 'read')
    return await this.#fs.open(path, 'change').catch(() => this.#fs.open(path, 'read'))
  }

  /** Counts the lines from an offset on. Returns also where the last whole line ends, and where the file ends. */
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
 * The position at which delivery starts. If the cursor's segment does not exist, this is the start of the oldest one that
 * does. If the cursor points into the middle of a line, it was written for another file: the result is `undefined`, and
 * all lines are delivered again.
 *
 * @param numbers - The numbers of all segments, in order.
 */
export async function startOf (fs: FileSystem, folder: string, cursor: Position, numbers: readonly number[]): Promise<Position | undefined> {
  if (!numbers.includes(cursor.segment)) return { segment: numbers[0] ?? 0, offset: 0 }
  if (cursor.offset === 0) return cursor
  try {
    const file = await fs.open(join(folder, segmentNameOf(cursor.segment)), 'read')
    try {
      // The lines between the file's end and the cursor were delivered, then lost in a power cut.
      if (cursor.offset > await file.size()) return cursor
      const before = Buffer.alloc(1)
      return await file.read(before, cursor.offset - 1) === 1 && before[0] === NEWLINE ? cursor : undefined
    } finally {
      await file.close()
    }
  } catch {
    // A segment that cannot be read is set aside later, and delivery starts with the next one.
    return cursor
  }
}
