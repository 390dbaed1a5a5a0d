import { cutLines, type Lines } from '../batch.js'
import type { Amount } from '../queue.js'
import type { Position } from './position.js'
import type { Segment } from './segment.js'
import type { Segments } from './segments.js'

/** How large a spool and its segments become, in bytes. */
export interface WriterSettings {
  maxBytes: number
  segmentBytes: number
}

/** What a writer tells. */
export interface WriterEvents {
  onWritten (lines: number): void
  /** The next of the lines that were given to {@link Writer.keep} are there, or nowhere, since the spool cannot have them. */
  onKept (lines: number, place: Position | undefined): void
  /** The disk did not take these, oldest first: they are their giver's again. */
  onReturned (lines: Lines[], error: unknown): void
  /** The oldest lines had to go, since there was no room. */
  onDropped (lines: number): void
  /** Lines may not survive a power cut: their segment could not be synced. */
  onUnsynced (error: unknown): void
}

/** Lines on their way. */
interface Consignment {
  readonly lines: Lines
  /** Whether somebody has them already, so that they do not come back. */
  readonly isKept: boolean
}

const PORTION_BYTES = 1024 * 1024
const NEWLINE = 10

/** Writes lines to the segments of a spool, in order, and keeps it within its size. */
export class Writer {
  readonly #maxBytes: number
  readonly #segmentBytes: number
  readonly #segments: Segments
  readonly #events: WriterEvents
  /** What is being written. */
  #portion: Consignment[] = []
  #waiting: Consignment[] = []
  #pendingBytes = 0
  #pendingLines = 0
  /** Of them all, also those that do not come back. */
  #bytes = 0
  /** Where portions of several pieces are put together; let go once the spool has nothing to write. */
  #gathering: Buffer | undefined
  #isClosed = false

  constructor ({ maxBytes, segmentBytes }: WriterSettings, segments: Segments, events: WriterEvents) {
    this.#maxBytes = maxBytes
    // With less than two of them the oldest could not go without the newest.
    this.#segmentBytes = Math.min(segmentBytes, Math.ceil(maxBytes / 2))
    this.#segments = segments
    this.#events = events
  }

  /** What was added and has not been written yet. */
  get pending (): Amount {
    return { bytes: this.#pendingBytes, lines: this.#pendingLines }
  }

  /** Bytes of all that has not been written yet. */
  get bytes (): number {
    return this.#bytes
  }

  add (lines: Lines): void {
    this.#push({ lines, isKept: false })
  }

  /** As {@link add}, for lines that somebody has already: they are not counted as {@link pending}, and are not returned. */
  keep (lines: Lines): void {
    this.#push({ lines, isKept: true })
  }

  /** Takes everything back that was not written. What is just being written may be on the disk all the same. */
  close (): Lines[] {
    this.#isClosed = true
    return this.#takeAll()
  }

  /** There is nothing to write to any more: returns all that was not written. */
  giveBack (error: unknown): void {
    if (this.#bytes > 0) this.#events.onReturned(this.#takeAll(), error)
  }

  /** Writes a portion of what waits. Never rejects; `false` if the disk did not take it, and all was returned. */
  async write (): Promise<boolean> {
    const first = this.#waiting[0]
    if (first === undefined) return true
    const firstBytes = first.lines.bytes.indexOf(NEWLINE) + 1
    if (firstBytes > this.#maxBytes) {
      const { lines: { count }, isKept } = this.#takeFrom(this.#waiting, firstBytes, 1)
      if (isKept) this.#events.onKept(count, undefined)
      else this.#events.onDropped(count)
      return true
    }
    const outcome = await this.#writePortion(firstBytes)
    if (outcome === undefined) return true
    const hadAny = this.#bytes > 0
    const lines = this.#takeAll()
    if (hadAny) this.#events.onReturned(lines, outcome.error)
    return false
  }

  /** Syncs what was written. Never rejects. */
  async sync (): Promise<void> {
    const segment = this.#segments.open
    if (segment === undefined) return
    await this.#sync(segment)
    if (segment.isSealed) await segment.release()
  }

  /** Syncs what was written, and ends its segment, since no more is to come for now. Never rejects. */
  async seal (): Promise<void> {
    const segment = this.#segments.open
    if (segment !== undefined) await this.#seal(segment)
    this.#gathering = undefined
  }

  /** @returns why the disk did not take all of it */
  async #writePortion (firstBytes: number): Promise<{ error: unknown } | undefined> {
    let segment: Segment
    let bytes: Buffer
    try {
      segment = await this.#segmentFor(firstBytes)
      this.#portion = this.#takePortion(this.#segmentBytes - segment.bytes)
      bytes = this.#gather()
      await this.#makeRoom(bytes.length, segment)
    } catch (error) {
      return { error }
    }
    if (this.#isClosed) return undefined
    const { bytes: written, error } = await segment.write(bytes, end => end === 0 ? 0 : bytes.lastIndexOf(NEWLINE, end - 1) + 1)
    this.#commit(segment, written)
    if (error === undefined) return undefined
    if (segment.isSealed) await this.#seal(segment)
    return { error }
  }

  async #segmentFor (firstBytes: number): Promise<Segment> {
    const open = this.#segments.open
    if (open !== undefined && (open.bytes === 0 || open.bytes + firstBytes <= this.#segmentBytes)) return open
    if (open !== undefined) await this.#seal(open)
    return await this.#segments.create()
  }

  async #makeRoom (bytes: number, open: Segment): Promise<void> {
    let excess = this.#segments.bytes + bytes - this.#maxBytes
    if (excess <= 0) return
    const oldest: Segment[] = []
    for (let next = this.#segments.oldest; next !== undefined && next !== open && excess > 0; next = this.#segments.from(next.number + 1)) {
      oldest.push(next)
      excess -= next.bytes
    }
    await this.#segments.remove(oldest, ({ waitingLines }) => this.#events.onDropped(waitingLines))
  }

  /** As many whole lines as fit, though at least one. */
  #takePortion (room: number): Consignment[] {
    const portion: Consignment[] = []
    const most = Math.min(room, PORTION_BYTES)
    let size = 0
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const [head, rest] = cutLines(next.lines, most - size)
      if (size > 0 && size + head.bytes.length > most) break
      portion.push({ ...next, lines: head })
      size += head.bytes.length
      replaceFirst(this.#waiting, rest)
      if (size >= most) break
    }
    return portion
  }

  /** A buffer of its own for each portion would be garbage by the megabyte, as fast as the disk is. */
  #gather (): Buffer {
    const [first, ...others] = this.#portion
    if (others.length === 0) return (first as Consignment).lines.bytes
    const memory = this.#gathering ??= Buffer.allocUnsafeSlow(PORTION_BYTES)
    const length = this.#portion.reduce((end, { lines }) => end + lines.bytes.copy(memory, end), 0)
    return memory.subarray(0, length)
  }

  /** The first so many bytes of the portion are written. Those that were taken back meanwhile count as nothing here. */
  #commit (segment: Segment, written: number): void {
    const begin = segment.bytes
    let lines = 0
    const kept: Array<{ lines: number, from: number, to: number }> = []
    let at = 0
    while (this.#portion.length > 0 && at < written) {
      const { lines: { bytes, count }, isKept } = this.#takeFrom(this.#portion, written - at)
      if (isKept) kept.push({ lines: count, from: begin + at, to: begin + at + bytes.length })
      else lines += count
      at += bytes.length
    }
    segment.commit(written, lines + kept.reduce((sum, { lines }) => sum + lines, 0))
    for (const { from, to, lines } of kept) segment.keep(from, to, lines)
    for (const { from, lines } of kept) this.#events.onKept(lines, { segment: segment.number, offset: from })
    if (lines > 0) this.#events.onWritten(lines)
  }

  #push (consignment: Consignment): void {
    this.#waiting.push(consignment)
    this.#count(consignment, 1)
  }

  /** Takes out the first of these, or as many of its lines as fit, though at least one. */
  #takeFrom (all: Consignment[], maxBytes: number, maxCount?: number): Consignment {
    const { lines, isKept } = all[0] as Consignment
    const [head, rest] = cutLines(lines, maxBytes, maxCount)
    replaceFirst(all, rest)
    const taken = { lines: head, isKept }
    this.#count(taken, -1)
    return taken
  }

  /** Takes all out; returns what is to be returned of it. */
  #takeAll (): Lines[] {
    this.#bytes = this.#pendingBytes = this.#pendingLines = 0
    return [...this.#portion.splice(0), ...this.#waiting.splice(0)].filter(({ isKept }) => !isKept).map(({ lines }) => lines)
  }

  #count ({ lines: { bytes, count }, isKept }: Consignment, sign: 1 | -1): void {
    this.#bytes += sign * bytes.length
    if (isKept) return
    this.#pendingBytes += sign * bytes.length
    this.#pendingLines += sign * count
  }

  async #seal (segment: Segment): Promise<void> {
    segment.seal()
    await this.#sync(segment)
    await segment.release()
  }

  async #sync (segment: Segment): Promise<void> {
    try {
      await segment.sync()
    } catch (error) {
      this.#events.onUnsynced(error)
    }
  }
}

/** What is left of the first takes its place. */
function replaceFirst (all: Consignment[], rest: Lines | undefined): void {
  if (rest === undefined) all.shift()
  else all[0] = { ...all[0] as Consignment, lines: rest }
}
