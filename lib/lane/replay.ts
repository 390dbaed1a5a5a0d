import { cutAt, freshLines, numberOf, type Lines } from '../batch.js'
import type { OriginalLines } from '../line-ids.js'
import { LineQueue } from '../queue.js'
import type { Position, SpooledLines } from '../spool/position.js'

const NEWLINE = 10
/** Lines of a spool come before those that the lane numbers itself, which begin at 0. */
const FIRST_NUMBER = Number.MIN_SAFE_INTEGER

/** Lines that follow one another on the disk, and are not all settled. */
interface Piece {
  readonly firstLine: number
  readonly bytes: Buffer
  readonly count: number
  /** Its first byte on the disk, or its state before it is there; `'unwritable'` if it is too large for the spool. */
  readonly place: Position | 'unwritten' | 'writing' | 'unwritable'
  /** The same lines with their former numbers, if the sink was handed them before they went to the disk. */
  readonly former?: Lines
}

/** Settled lines, and their place on the disk. */
export interface Done {
  spooled: SpooledLines
  /** True if they were read from there; otherwise they had been sent before they were written. */
  isRead: boolean
  /** True if they are the last of the lines that were read into the same memory. */
  isLast: boolean
}

/** True if a line of this number is one of a spool. */
export function isSpooled (line: number): boolean {
  return line < 0
}

/** Parts lines of a spool from others: one refusal may have been for both. */
export function partByOrigin (lines: Lines): { spooled?: Lines, direct?: Lines } {
  const count = lines.numbers?.filter(isSpooled).length ?? (isSpooled(lines.firstLine) ? lines.count : 0)
  if (count === lines.count) return { spooled: lines }
  if (count === 0) return { direct: lines }
  const [spooled, direct] = cutAt(lines, offsetOf(lines.bytes, count), count)
  return { spooled, direct }
}

/**
 * Lines of a lane that are both on its disk and in memory: those that wait to be sent, and the place on the disk of each that
 * is not settled. They were read from the disk, or written to it while the sink held them.
 */
export class Replay {
  /** Lines that wait to be sent. */
  readonly queue = new LineQueue({ maxBytes: Infinity, maxLines: Infinity }, FIRST_NUMBER)
  #pieces: Piece[] = []

  /** Adds lines that were read from the spool. */
  add (spooled: SpooledLines): void {
    const { bytes, count, ...place } = spooled
    this.#pieces.push({ firstLine: this.queue.nextLine, bytes, count, place })
    this.queue.adopt(spooled)
  }

  /** Adds lines that the sink holds and that are to be written as well; returns them with their new numbers. */
  keep (former: Lines): Lines {
    const { bytes, count } = former
    const { numbers, ...lines } = former
    const firstLine = this.queue.leaveOut(count)
    this.#pieces.push({ firstLine, bytes, count, place: 'unwritten', former })
    return { ...lines, firstLine }
  }

  /** True if there are lines that are not on the disk, and not being written. */
  get hasUnwritten (): boolean {
    return this.#pieces.some(({ place }) => place === 'unwritten')
  }

  /** True if there are lines that are being written. */
  get isWriting (): boolean {
    return this.#pieces.some(({ place }) => place === 'writing')
  }

  /** Lines that are not on the disk, and not being written, oldest first. */
  get unwritten (): Lines[] {
    return this.#pieces.filter(({ place }) => place === 'unwritten').map(({ firstLine, bytes, count }) => freshLines(bytes, count, firstLine))
  }

  /** Marks all {@link unwritten} lines as being written. */
  beginWriting (): void {
    this.#pieces = this.#pieces.map(piece => piece.place === 'unwritten' ? { ...piece, place: 'writing' } : piece)
  }

  /** The oldest lines that were being written are on the disk, at this place, or are too large for it. */
  written (lines: number, place: Position | undefined): void {
    let left = lines
    let at = place?.offset ?? 0
    while (left > 0) {
      const i = this.#pieces.findIndex(({ place }) => place === 'writing')
      const { head, rest } = cut(this.#pieces[i] as Piece, left)
      this.#pieces.splice(i, 1, { ...head, place: place === undefined ? 'unwritable' : { ...place, offset: at } }, ...rest === undefined ? [] : [rest])
      left -= head.count
      at += head.bytes.length
    }
  }

  /** Lines that were being written are not on the disk. */
  endWriting (): void {
    this.#pieces = this.#pieces.map(piece => piece.place === 'writing' ? { ...piece, place: 'unwritten' } : piece)
  }

  /** True if every line that waits may be to blame for failures. */
  get lacksOthers (): boolean {
    return this.queue.doubts('least') > 0 || !this.queue.hasOther
  }

  /** Cuts lines so that each part has one place on the disk. */
  partByPiece (lines: Lines): Lines[] {
    const parts: Lines[] = []
    for (let rest = lines; ;) {
      const end = this.#pieces.find(({ firstLine }) => firstLine > rest.firstLine)?.firstLine ?? Infinity
      let count = 1
      while (count < rest.count && numberOf(rest, count) < end) count++
      if (count === rest.count) return [...parts, rest]
      const [head, tail] = cutAt(rest, offsetOf(rest.bytes, count), count)
      parts.push(head)
      rest = tail
    }
  }

  /** The place of a line on the disk, if it is there. */
  placeOf (line: number): Position | undefined {
    const { place, bytes, firstLine } = this.#pieceOf(line)
    return typeof place === 'string' ? undefined : { ...place, offset: place.offset + offsetOf(bytes, line - firstLine) }
  }

  /** The lines among which a line of the spool is, and their ids: those of before they were written, if they had been sent by then. */
  originOf (line: number, idOf: (place: Position) => string): OriginalLines {
    const { former, firstLine, count, bytes, place } = this.#pieceOf(line)
    if (former !== undefined) return { firstLine, count, idAt: n => ({ former: numberOf(former, n) }) }
    return { firstLine, count, idAt: n => ({ id: idOf({ ...place as Position, offset: (place as Position).offset + offsetOf(bytes, n) }) }) }
  }

  /** Takes out settled lines, oldest first: those before the oldest one that is held. */
  takeDone (oldestHeld: number): Done[] {
    const done: Done[] = []
    for (let piece = this.#pieces[0]; piece !== undefined && piece.firstLine < oldestHeld && piece.place !== 'writing'; piece = this.#pieces[0]) {
      const { head, rest } = cut(piece, oldestHeld - piece.firstLine)
      const { place, bytes, count } = head
      if (typeof place !== 'string') done.push({ spooled: { ...place, bytes, count }, isRead: head.former === undefined, isLast: rest === undefined })
      this.#pieces.splice(0, 1, ...rest === undefined ? [] : [rest])
    }
    return done
  }

  /** Takes out every settled line, given all lines that are not: also those that were sent before older ones. */
  takeAllDone (held: readonly Lines[]): SpooledLines[] {
    const heldNumbers = new Set(held.flatMap(lines => Array.from({ length: lines.count }, (_, place) => numberOf(lines, place))))
    return this.#pieces.splice(0).flatMap(piece => runsOf(piece, heldNumbers))
  }

  #pieceOf (line: number): Piece {
    return this.#pieces.findLast(({ firstLine }) => firstLine <= line) as Piece
  }
}

/** The lines of a piece except these, as runs of lines that follow one another. */
function runsOf ({ place, bytes, count, firstLine }: Piece, but: ReadonlySet<number>): SpooledLines[] {
  if (typeof place === 'string') return []
  const runs: SpooledLines[] = []
  let start = 0
  let lines = 0
  for (let n = 0, at = 0; n <= count; n++) {
    const isDone = n < count && !but.has(firstLine + n)
    if (!isDone && lines > 0) runs.push({ ...place, offset: place.offset + start, bytes: bytes.subarray(start, at), count: lines })
    const end = bytes.indexOf(NEWLINE, at) + 1
    lines = isDone ? lines + 1 : 0
    if (!isDone) start = end
    at = end
  }
  return runs
}

/** Cuts off this many lines, or all. */
function cut (piece: Piece, count: number): { head: Piece, rest: Piece | undefined } {
  if (count >= piece.count) return { head: piece, rest: undefined }
  const { bytes, place, former, firstLine } = piece
  const at = offsetOf(bytes, count)
  const [formerHead, formerRest] = former === undefined ? [] : cutAt(former, at, count)
  return {
    head: { ...piece, bytes: bytes.subarray(0, at), count, ...(formerHead && { former: formerHead }) },
    rest: {
      firstLine: firstLine + count,
      bytes: bytes.subarray(at),
      count: piece.count - count,
      place: typeof place === 'string' ? place : { ...place, offset: place.offset + at },
      ...(formerRest && { former: formerRest })
    }
  }
}

/** Offset of the line after this many others. */
function offsetOf (bytes: Buffer, lines: number): number {
  let at = 0
  for (let n = 0; n < lines; n++) at = bytes.indexOf(NEWLINE, at) + 1
  return at
}
