import { countLines } from '../batch.js'
import type { Quarantine } from './quarantine.js'
import type { SpooledLines } from './position.js'
import type { Segment } from './segment.js'
import type { Segments } from './segments.js'

/** Callbacks of a {@link Reader}. */
export interface ReaderEvents {
  /** Lines were skipped because they are damaged or cannot be read. */
  onDamaged (lines: number): void
  /** A segment could not be read. It is set aside, or read again at the next request. */
  onFault (error: unknown): void
}

const NEWLINE = 10
/** The upper limit of `maxLineBytes`: anything longer is not a line. */
const LONGEST_LINE_BYTES = 256 * 1024 * 1024
/** How often a segment is tried before it is set aside. */
const TRIES = 3
/** One buffer is read into, one waits in the lane, and one is held by the sink. */
const MAX_SPARE = 3

/** Reads the lines of a spool in order. It skips lines that are delivered or damaged. */
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

  /** Restarts reading at the first undelivered line. */
  rewind (): void {
    this.#segment = 0
    this.#offset = 0
    this.#rewinds++
  }

  /** Takes back the memory of lines that were handed out, for later reads. Nobody may look at those lines again. */
  recycle ({ buffer }: Buffer): void {
    this.#spare.push(Buffer.from(buffer))
    // Keeps the largest: small buffers come from the ends of segments, and a full read does not fit into them.
    if (this.#spare.length > MAX_SPARE) this.#spare.sort((a, b) => b.length - a.length).pop()
  }

  /**
   * Hands out the next lines: as many whole lines as fit into `maxBytes`, but at least one. Hands out none if there are
   * none now, or if {@link rewind} is called meanwhile. Never rejects.
   *
   * @param take - Receives the lines. Called at the moment when they stop counting as waiting.
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
        await this.#setAside(segment)
      }
      if (lines !== undefined) return take(lines)
    }
  }

  /** Moves to the next byte to read, and returns its segment. */
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
      // A line longer than `maxBytes` is handed out alone.
      const endOfLines = (wanted > maxBytes ? bytes.indexOf(NEWLINE) : bytes.lastIndexOf(NEWLINE)) + 1
      if (endOfLines > 0) return bytes.subarray(0, endOfLines)
      // The end of a recovered file also ends a line. If that line is torn, it is found to be damaged later.
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

  /**
   * A buffer with memory of its own, never a slice of a shared pool, since it may be recycled. Not much larger than
   * `length`, since a lane may hold it for long.
   */
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

  async #setAside (segment: Segment): Promise<void> {
    const done = this.#segments.setAside(segment)
    this.#events.onDamaged(segment.waitingLines)
    await done
  }
}

/** The end of the first lines that all fulfil a condition. */
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
