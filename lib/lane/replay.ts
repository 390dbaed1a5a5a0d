import { cutAt, numberOf, type Lines } from '../batch.js'
import { LineQueue } from '../queue.js'
import type { NextLines } from './poison.js'
import type { SpooledLines } from '../spool/position.js'

const NEWLINE = 10
/** Lines out of a spool come before all that the lane numbers itself, which begins at 0. */
const FIRST_NUMBER = Number.MIN_SAFE_INTEGER

/** A piece of the spool that was read, and has not come to its end as a whole. */
interface Piece {
  readonly spooled: SpooledLines
  readonly firstLine: number
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

/** Lines that were read from the spool of a lane: those that wait to be sent, and the place on the disk of each that is not done with. */
export class Replay {
  readonly #queue = new LineQueue({ maxBytes: Infinity, maxLines: Infinity }, FIRST_NUMBER)
  readonly #pieces: Piece[] = []

  /** Lines that wait to be sent. */
  get lines (): number {
    return this.#queue.lines
  }

  get bytes (): number {
    return this.#queue.bytes
  }

  /** The number of the oldest line that waits, or of the next to come. */
  get firstLine (): number {
    return this.#queue.firstLine
  }

  /** Takes what was read from the spool, which is what a sink is given at once, if it takes so much. */
  add (spooled: SpooledLines): void {
    this.#pieces.push({ spooled, firstLine: this.#queue.nextLine })
    this.#queue.adopt(spooled)
  }

  /** Whether all that waits may be to blame for failures. */
  get lacksOthers (): boolean {
    return this.#queue.doubts('least') > 0 || !this.#queue.hasOther
  }

  doubts (which: NextLines): number {
    return this.#queue.doubts(which)
  }

  doubt (before: number): void {
    this.#queue.doubt(before)
  }

  shift (maxBytes: number, which: NextLines): Lines | undefined {
    return which === 'oldest' ? this.#queue.shift(maxBytes) : this.#queue.shiftLeastDoubted(maxBytes, which)
  }

  unshift (lines: readonly Lines[]): void {
    this.#queue.unshift(lines)
  }

  /** Takes out all that waits. */
  drain (): Lines[] {
    return this.#queue.drain()
  }

  /** Where on the disk a line begins. */
  placeOf (line: number): { segment: number, offset: number } {
    const piece = this.#pieces.findLast(({ firstLine }) => firstLine <= line) as Piece
    return { segment: piece.spooled.segment, offset: piece.spooled.offset + offsetOf(piece.spooled.bytes, line - piece.firstLine) }
  }

  /**
   * What has come to its end, given the oldest line that has not: from the oldest, and each told once. `isRead` once all
   * that was read with it, and is in the same memory, has.
   */
  takeDone (oldestHeld: number): Array<{ spooled: SpooledLines, isRead: boolean }> {
    const done: Array<{ spooled: SpooledLines, isRead: boolean }> = []
    for (let piece = this.#pieces[0]; piece !== undefined && piece.firstLine < oldestHeld; piece = this.#pieces[0]) {
      const count = oldestHeld - piece.firstLine
      if (count < piece.spooled.count) {
        const { head, rest } = cut(piece, count)
        done.push({ spooled: head, isRead: false })
        this.#pieces[0] = rest
        break
      }
      done.push({ spooled: piece.spooled, isRead: true })
      this.#pieces.shift()
    }
    return done
  }

  /** What has come to its end, given all lines that have not: also what was sent before older lines. */
  takeAllDone (held: readonly Lines[]): SpooledLines[] {
    const heldNumbers = new Set(held.flatMap(lines => Array.from({ length: lines.count }, (_, place) => numberOf(lines, place))))
    return this.#pieces.splice(0).flatMap(piece => runsOf(piece, heldNumbers))
  }
}

/** The lines of a piece but for some: as runs of lines that follow one another. */
function runsOf ({ spooled, firstLine }: Piece, but: ReadonlySet<number>): SpooledLines[] {
  const { segment, offset, bytes, count } = spooled
  const runs: SpooledLines[] = []
  let start = 0
  let lines = 0
  for (let n = 0, at = 0; n <= count; n++) {
    const isDone = n < count && !but.has(firstLine + n)
    if (!isDone && lines > 0) runs.push({ segment, offset: offset + start, bytes: bytes.subarray(start, at), count: lines })
    const end = bytes.indexOf(NEWLINE, at) + 1
    lines = isDone ? lines + 1 : 0
    if (!isDone) start = end
    at = end
  }
  return runs
}

function cut ({ spooled, firstLine }: Piece, count: number): { head: SpooledLines, rest: Piece } {
  const { bytes, segment, offset } = spooled
  const at = offsetOf(bytes, count)
  return {
    head: { segment, offset, bytes: bytes.subarray(0, at), count },
    rest: { spooled: { segment, offset: offset + at, bytes: bytes.subarray(at), count: spooled.count - count }, firstLine: firstLine + count }
  }
}

/** Where the line behind so many others begins. */
function offsetOf (bytes: Buffer, lines: number): number {
  let at = 0
  for (let n = 0; n < lines; n++) at = bytes.indexOf(NEWLINE, at) + 1
  return at
}
