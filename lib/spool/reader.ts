import { countLines } from '../batch.js'
import type { Quarantine } from './quarantine.js'
import type { SpooledLines } from './position.js'
import type { Segment } from './segment.js'
import type { Segments } from './segments.js'

/** What a reader tells. */
export interface ReaderEvents {
  /** Lines were left out that are not what was written, or cannot be read. */
  onDamaged (lines: number): void
  /** A segment could not be read: it is put aside, or tried again once somebody asks again. */
  onFault (error: unknown): void
}

const NEWLINE = 10
/** No line is longer, by `maxLineBytes`; what is longer is none. */
const LONGEST_LINE_BYTES = 256 * 1024 * 1024
/** So often a segment is tried before it is put aside. */
const TRIES = 3
/** One is read into, one waits, and one is with the sink. */
const MOST_SPARE = 3

/** Reads the lines of a spool in order, leaving out what has been delivered and what is damaged. */
export class Reader {
  readonly #segments: Segments
  readonly #quarantine: Quarantine | undefined
  readonly #events: ReaderEvents
  #segment = 0
  #offset = 0
  #rewinds = 0
  #failures = 0
  readonly #spare: Buffer[] = []

  /** @param quarantine - Takes damaged lines; `undefined`: they are read as all others are. */
  constructor (segments: Segments, quarantine: Quarantine | undefined, events: ReaderEvents) {
    this.#segments = segments
    this.#quarantine = quarantine
    this.#events = events
  }

  /** Begins again with the first line that has not been delivered. */
  rewind (): void {
    this.#segment = 0
    this.#offset = 0
    this.#rewinds++
  }

  /** Memory of lines that were given out, and that nobody will look at again, is used for what is read next. */
  recycle ({ buffer }: Buffer): void {
    this.#spare.push(Buffer.from(buffer))
    // The largest is of most use: what is left at the end of a segment takes less than a whole read does.
    if (this.#spare.length > MOST_SPARE) this.#spare.sort((a, b) => b.length - a.length).pop()
  }

  /**
   * Gives out the next lines: as many whole ones as fit into `maxBytes`, though at least one; none if there are none now,
   * or if it is rewound meanwhile. Never rejects.
   *
   * @param take called in the moment in which the lines do not wait any more
   */
  async next (maxBytes: number, take: (lines: SpooledLines) => void): Promise<void> {
    const rewinds = this.#rewinds
    for (;;) {
      const segment = await this.#locate()
      if (segment === undefined) return
      const offset = this.#offset
      let lines: SpooledLines | undefined
      try {
        const bytes = await this.#read(segment, offset, maxBytes)
        if (rewinds !== this.#rewinds) return
        this.#failures = 0
        const sound = segment.isRecovered && this.#quarantine !== undefined ? endOfRun(bytes, isSound) : bytes.length
        if (sound > 0) lines = this.#handOut(segment, offset, bytes.subarray(0, sound))
        else await this.#discard(segment, offset, bytes.subarray(0, endOfRun(bytes, line => !isSound(line))))
      } catch (error) {
        this.#events.onFault(error)
        if (segment.isSealed) await segment.release()
        const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT'
        if (!isGone && ++this.#failures < TRIES) return
        this.#failures = 0
        await this.#giveUp(segment)
      }
      if (lines !== undefined) return take(lines)
    }
  }

  /** Moves to the next byte that is to be read, and returns its segment. */
  async #locate (): Promise<Segment | undefined> {
    for (let segment = this.#segments.from(this.#segment); segment !== undefined; segment = this.#segments.from(this.#segment)) {
      if (segment.number !== this.#segment) {
        this.#segment = segment.number
        this.#offset = 0
      }
      this.#offset = segment.skipDone(this.#offset)
      if (this.#offset < segment.bytes) return segment
      if (!segment.isSealed) return undefined
      this.#segment++
      this.#offset = 0
      await segment.release()
    }
    return undefined
  }

  async #read (segment: Segment, offset: number, maxBytes: number): Promise<Buffer> {
    const end = segment.endOfRun(offset)
    for (let wanted = Math.min(maxBytes, end - offset); ; wanted = Math.min(2 * wanted, end - offset)) {
      const bytes = await segment.read(offset, this.#memoryFor(wanted))
      if (bytes.length < wanted) throw new Error(`segment ${segment.number} is shorter than it was`)
      // A line that is longer than what was asked for comes alone.
      const endOfLines = (wanted > maxBytes ? bytes.indexOf(NEWLINE) : bytes.lastIndexOf(NEWLINE)) + 1
      if (endOfLines > 0) return bytes.subarray(0, endOfLines)
      // The end of a file is the end of a line too; if the line is torn it shows below.
      if (wanted === end - offset && end === segment.bytes && segment.isRecovered) return this.#withNewline(bytes)
      if (wanted === end - offset || wanted > LONGEST_LINE_BYTES) throw new Error(`segment ${segment.number} has no line at ${offset}`)
    }
  }

  #withNewline (bytes: Buffer): Buffer {
    const line = this.#memoryFor(bytes.length + 1)
    bytes.copy(line)
    line[bytes.length] = NEWLINE
    return line
  }

  /** Never a part of what others have parts of too: it may be recycled. Nor much more than is asked for: it may be kept for long. */
  #memoryFor (length: number): Buffer {
    const fit = this.#spare.findIndex(spare => spare.length >= length && spare.length < 2 * length)
    const [spare] = fit === -1 ? [] : this.#spare.splice(fit, 1)
    return spare?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length)
  }

  async #discard (segment: Segment, offset: number, damaged: Buffer): Promise<void> {
    const lines = countLines(damaged)
    segment.discard(offset, offset + damaged.length, lines)
    this.#events.onDamaged(lines)
    await this.#quarantine?.add(damaged)
  }

  #handOut (segment: Segment, offset: number, bytes: Buffer): SpooledLines {
    const count = countLines(bytes)
    segment.handOut(count)
    this.#offset = offset + bytes.length
    return { segment: segment.number, offset, bytes, count }
  }

  async #giveUp (segment: Segment): Promise<void> {
    const isAside = this.#segments.setAside(segment)
    this.#events.onDamaged(segment.waitingLines)
    await isAside
  }
}

/** Where the lines end, from the first one on, for which something holds. */
function endOfRun (bytes: Buffer, holds: (line: string) => boolean): number {
  let end = 0
  while (end < bytes.length) {
    const next = bytes.indexOf(NEWLINE, end) + 1
    if (!holds(bytes.toString('utf8', end, next - 1))) break
    end = next
  }
  return end
}

function isSound (line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}
