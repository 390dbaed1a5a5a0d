import { cutLines, type Lines } from '../batch.js'
import type { Amount } from '../queue.js'
import type { Position } from './position.js'
import type { Segment } from './segment.js'
import type { Segments } from './segments.js'
import type { SpoolFolderSettings } from './spool-deps.js'

/** Callbacks of a {@link Writer}. */
export interface WriterEvents {
  onWritten (lines: number): void
  /** The next of the lines that were passed to {@link Writer.keep} are written, or, without a `position`, too long for the spool. */
  onKept (lines: number, position: Position | undefined): void
  /** Lines come back, oldest first, because the disk did not take them. */
  onReturned (lines: Lines[], error: unknown): void
  /** Lines were lost: the oldest ones to make room, or one that is longer than the whole spool. */
  onDropped (lines: number): void
  /** A segment could not be synced: its lines may not survive a power cut. */
  onUnsynced (error: unknown): void
}

/** Lines that are not written yet. */
interface UnwrittenLines {
  readonly lines: Lines
  /** Whether somebody else holds them too, so that they are not returned. */
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
  /** Lines that are being written. */
  #portion: UnwrittenLines[] = []
  #waiting: UnwrittenLines[] = []
  #pendingBytes = 0
  #pendingLines = 0
  /** Size of all unwritten lines, including those that are kept. */
  #unwrittenBytes = 0
  /** Memory in which portions of several pieces are joined. Released once the spool has nothing to write. */
  #gathering: Buffer | undefined
  #isClosed = false

  constructor ({ maxBytes, segmentBytes }: Pick<SpoolFolderSettings, 'maxBytes' | 'segmentBytes'>, segments: Segments, events: WriterEvents) {
    this.#maxBytes = maxBytes
    // At least two segments: the oldest can be removed while the newest stays.
    this.#segmentBytes = Math.min(segmentBytes, Math.ceil(maxBytes / 2))
    this.#segments = segments
    this.#events = events
  }

  /** Lines that were added and are not written yet. */
  get pending (): Amount {
    return { bytes: this.#pendingBytes, lines: this.#pendingLines }
  }

  /** Size of all lines that are not written yet, including those that are kept. */
  get unwrittenBytes (): number {
    return this.#unwrittenBytes
  }

  add (lines: Lines): void {
    this.#push({ lines, isKept: false })
  }

  /** Like {@link add}, for lines that somebody holds already: they do not count as {@link pending}, and are not returned. */
  keep (lines: Lines): void {
    this.#push({ lines, isKept: true })
  }

  /** Stops writing and returns all unwritten lines. Lines that are being written may reach the disk anyway. */
  close (): Lines[] {
    this.#isClosed = true
    return this.#takeAll()
  }

  /** Returns all unwritten lines through `onReturned`. Call it when the folder is lost. */
  giveBack (error: unknown): void {
    if (this.#unwrittenBytes > 0) this.#events.onReturned(this.#takeAll(), error)
  }

  /** Writes a portion of the lines. Never rejects. Returns `false` if the disk did not take it and all lines were returned. */
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
    const hadAny = this.#unwrittenBytes > 0
    const lines = this.#takeAll()
    if (hadAny) this.#events.onReturned(lines, outcome.error)
    return false
  }

  /** Syncs the lines that were written. Never rejects. */
  async sync (): Promise<void> {
    const segment = this.#segments.open
    if (segment === undefined) return
    await this.#sync(segment)
    if (segment.isSealed) await segment.release()
  }

  /** Syncs and seals the open segment, since no more lines come for now. Never rejects. */
  async seal (): Promise<void> {
    const segment = this.#segments.open
    if (segment !== undefined) await this.#seal(segment)
    this.#gathering = undefined
  }

  /** @returns why the disk did not take the whole portion; `undefined` if it did */
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

  /** Takes as many whole lines as fit, but at least one. */
  #takePortion (room: number): UnwrittenLines[] {
    const portion: UnwrittenLines[] = []
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

  /** Joins the portion in memory that is reused: new buffers would become garbage as fast as the disk can write. */
  #gather (): Buffer {
    const [first, ...others] = this.#portion
    if (others.length === 0) return (first as UnwrittenLines).lines.bytes
    const memory = this.#gathering ??= Buffer.allocUnsafeSlow(PORTION_BYTES)
    const length = this.#portion.reduce((end, { lines }) => end + lines.bytes.copy(memory, end), 0)
    return memory.subarray(0, length)
  }

  /** Counts the first `written` bytes of the portion as written. Lines that were returned meanwhile are not counted. */
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

  #push (unwritten: UnwrittenLines): void {
    this.#waiting.push(unwritten)
    this.#count(unwritten, 1)
  }

  /** Takes out the first entry, or as many of its lines as fit, but at least one. */
  #takeFrom (all: UnwrittenLines[], maxBytes: number, maxCount?: number): UnwrittenLines {
    const { lines, isKept } = all[0] as UnwrittenLines
    const [head, rest] = cutLines(lines, maxBytes, maxCount)
    replaceFirst(all, rest)
    const taken = { lines: head, isKept }
    this.#count(taken, -1)
    return taken
  }

  /** Takes out all lines, and returns those that are to be returned. */
  #takeAll (): Lines[] {
    this.#unwrittenBytes = this.#pendingBytes = this.#pendingLines = 0
    return [...this.#portion.splice(0), ...this.#waiting.splice(0)].filter(({ isKept }) => !isKept).map(({ lines }) => lines)
  }

  #count ({ lines: { bytes, count }, isKept }: UnwrittenLines, sign: 1 | -1): void {
    this.#unwrittenBytes += sign * bytes.length
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

/** Replaces the first entry by the rest of its lines, or removes it if there is none. */
function replaceFirst (all: UnwrittenLines[], rest: Lines | undefined): void {
  if (rest === undefined) all.shift()
  else all[0] = { ...all[0] as UnwrittenLines, lines: rest }
}
