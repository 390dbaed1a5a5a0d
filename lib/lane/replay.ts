import { cutAt, freshLines, numberOf, type Lines } from '../batch.js'
import { LineQueue } from '../queue.js'
import type { Position, SpooledLines } from '../spool/position.js'

const NEWLINE = 10
/** Lines out of a spool come before all that the lane numbers itself, which begins at 0. */
const FIRST_NUMBER = Number.MIN_SAFE_INTEGER

/** Lines that follow one another on the disk, and have not come to their end as a whole. */
interface Piece {
  readonly firstLine: number
  readonly bytes: Buffer
  readonly count: number
  /** Where it begins on the disk; or how it is to get there; `'unwritable'` if it never will. */
  readonly place: Position | 'unwritten' | 'writing' | 'unwritable'
  /** The same with the numbers that they bore before, if they were in the hands of the sink before they went to the disk. */
  readonly former?: Lines
}

/** What has come to its end, and where it stands on the disk. */
export interface Done {
  spooled: SpooledLines
  /** Whether they were read from there; they had been sent before otherwise. */
  isRead: boolean
  /** Whether they are the last of what was read with them, into the same memory. */
  isLast: boolean
}

/** Whether a line of this number came out of a spool. */
export function isSpooled (line: number): boolean {
  return line < 0
}

/** Parts lines that came out of a spool from those that did not: a refusal may have been for both. */
export function partByOrigin (lines: Lines): { spooled?: Lines, direct?: Lines } {
  const count = lines.numbers?.filter(isSpooled).length ?? (isSpooled(lines.firstLine) ? lines.count : 0)
  if (count === lines.count) return { spooled: lines }
  if (count === 0) return { direct: lines }
  const [spooled, direct] = cutAt(lines, offsetOf(lines.bytes, count), count)
  return { spooled, direct }
}

/**
 * Lines of a lane that are on its disk and in memory: those that wait to be sent, and the place on the disk of each that is
 * not done with. They were read from there, or went there while the sink had them in its hands.
 */
export class Replay {
  /** Lines that wait to be sent. */
  readonly queue = new LineQueue({ maxBytes: Infinity, maxLines: Infinity }, FIRST_NUMBER)
  #pieces: Piece[] = []

  /** Takes what was read from the spool, which is what a sink is given at once, if it takes so much. */
  add (spooled: SpooledLines): void {
    const { bytes, count, ...place } = spooled
    this.#pieces.push({ firstLine: this.queue.nextLine, bytes, count, place })
    this.queue.adopt(spooled)
  }

  /** Takes lines that the sink has in its hands, and that are to go to the disk too; returns them with their new numbers. */
  keep (former: Lines): Lines {
    const { bytes, count } = former
    const { numbers, ...lines } = former
    const firstLine = this.queue.leaveOut(count)
    this.#pieces.push({ firstLine, bytes, count, place: 'unwritten', former })
    return { ...lines, firstLine }
  }

  /** Whether there are lines that are not on the disk, and are not being written. */
  get hasUnwritten (): boolean {
    return this.#pieces.some(({ place }) => place === 'unwritten')
  }

  /** Whether there are lines that are being written. */
  get isWriting (): boolean {
    return this.#pieces.some(({ place }) => place === 'writing')
  }

  /** Those that are not on the disk, and are not being written, oldest first. */
  get unwritten (): Lines[] {
    return this.#pieces.filter(({ place }) => place === 'unwritten').map(({ firstLine, bytes, count }) => freshLines(bytes, count, firstLine))
  }

  /** All {@link unwritten} lines are being written from now on. */
  beginWriting (): void {
    this.#pieces = this.#pieces.map(piece => piece.place === 'unwritten' ? { ...piece, place: 'writing' } : piece)
  }

  /** So many of those that were being written are there, or never will be. */
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

  /** What was being written is not there. */
  endWriting (): void {
    this.#pieces = this.#pieces.map(piece => piece.place === 'writing' ? { ...piece, place: 'unwritten' } : piece)
  }

  /** True if every line that waits may be to blame for failures. */
  get lacksOthers (): boolean {
    return this.queue.doubts('least') > 0 || !this.queue.hasOther
  }

  /** Cuts lines that are kept together, so that each part has one place on the disk. */
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

  /** Where on the disk a line begins, if it is there. */
  placeOf (line: number): Position | undefined {
    const { place, bytes, firstLine } = this.#pieceOf(line)
    return typeof place === 'string' ? undefined : { ...place, offset: place.offset + offsetOf(bytes, line - firstLine) }
  }

  /** The number that a line bore before it went to the disk, if it had been sent by then. */
  formerNumberOf (line: number): number | undefined {
    const { former, firstLine } = this.#pieceOf(line)
    return former && numberOf(former, line - firstLine)
  }

  /** What has come to its end, given the oldest line that has not: from the oldest, and each told once. */
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

  /** What has come to its end, given all lines that have not: also what was sent before older lines. */
  takeAllDone (held: readonly Lines[]): SpooledLines[] {
    const heldNumbers = new Set(held.flatMap(lines => Array.from({ length: lines.count }, (_, place) => numberOf(lines, place))))
    return this.#pieces.splice(0).flatMap(piece => runsOf(piece, heldNumbers))
  }

  #pieceOf (line: number): Piece {
    return this.#pieces.findLast(({ firstLine }) => firstLine <= line) as Piece
  }
}

/** The lines of a piece but for some: as runs of lines that follow one another. */
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

/** Cuts off as many lines as are asked for, or all. */
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

/** Where the line behind so many others begins. */
function offsetOf (bytes: Buffer, lines: number): number {
  let at = 0
  for (let n = 0; n < lines; n++) at = bytes.indexOf(NEWLINE, at) + 1
  return at
}
