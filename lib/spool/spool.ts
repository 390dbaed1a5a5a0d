import type { Lines } from '../batch.js'
import type { Clock } from '../clock.js'
import { FanoutError } from '../errors.js'
import type { Amount } from '../queue.js'
import { within } from '../within.js'
import { CursorFile } from './cursor.js'
import { Entrance } from './entrance.js'
import type { FileSystem } from './file-system.js'
import type { OwnerTable } from './owner.js'
import type { Position, SpooledLines } from './position.js'
import { Quarantine } from './quarantine.js'
import { Reader } from './reader.js'
import { Recovery } from './recovery.js'
import { Segments } from './segments.js'
import type { Hindrance, SpoolEvents, SpoolFault, SpoolLoss } from './spool-events.js'
import { Turns } from './turns.js'
import { Upkeep } from './upkeep.js'
import { Writer } from './writer.js'

/** Where a spool is, and how large it may become; the option `spool` of a target. */
export interface SpoolSettings {
  /** Its own folder, `<dir>/<name>`. */
  folder: string
  /** Bytes of all its segments; beyond this the oldest go. */
  maxBytes: number
  /** Bytes of a segment, from which on the next one is begun; no more than half of `maxBytes` in any case. */
  segmentBytes: number
  /** What was written is synced after so many ms at the latest, and so is how far it has been delivered. */
  syncMs: number
  /** Whether the folder is removed at the end if nothing is left in it. @default false */
  isDisposable?: boolean
}

/** What a lane needs of its spool, whether that has one folder or several. */
export type LaneSpool = Pick<Spool, keyof Spool>

/** What a spool is given. */
export interface SpoolDeps {
  fs: FileSystem
  owners: OwnerTable
  clock: Clock
  random: () => number
}

const RETRY_MS = 1000
/** A disk that has not let it in after so many ms of waited time is told of as one that hangs. */
const SILENCE_MS = 5000
/** Two that came at the same moment try again within so many ms. */
const TIE_MS = 50
/** Lines that wait for the disk beyond this stay in the queue of the lane, which is bounded. */
const PENDING_BYTES = 4 * 1024 * 1024
const QUARANTINE_BYTES = 16 * 1024 * 1024

/**
 * The queue of one lane on a disk. Lines are appended, read in the order in which they came, and settled once they are
 * delivered; what was not is there after a restart. Nothing here waits for the disk but the one who asks for it: all of
 * it is done in turns, one after another.
 */
export class Spool {
  readonly #fs: FileSystem
  readonly #settings: SpoolSettings
  readonly #clock: Clock
  readonly #random: () => number
  readonly #events: SpoolEvents
  readonly #turns = new Turns()
  readonly #entrance: Entrance
  #identity = ''
  readonly #segments: Segments
  readonly #reader: Reader
  readonly #writer: Writer
  readonly #upkeep: Upkeep
  #state: 'new' | 'opening' | 'recovering' | 'open' | 'closing' | 'closed' = 'new'
  /** Whether it has come in, so that what is there is its own. */
  #hasEntered = false
  #hindrance: string | undefined
  /** Whether it is known how many bytes an earlier life has left. */
  #isSizeKnown = true
  /** How many bytes of lines were asked for, and have not come yet. */
  #wantedBytes: number | undefined
  #isReadQueued = false
  #isWriteQueued = false
  /** Whether the disk has refused lines, and is not to be tried again yet. */
  #isRefusing = false
  /** Whether lines were turned away, so that it is to be told when there is room. */
  #hasTurnedAway = false
  #retryTimer: NodeJS.Timeout | undefined
  /** Called once the disk has answered, or need not any more. */
  #stopListening: () => void = () => {}
  /** Counts how often it has come in. */
  #entries = 0
  /** Lines that were given out, and whose segments were lost. Their places must not be used again before they are settled. */
  #orphanedLines = 0

  constructor (settings: SpoolSettings, { fs, owners, clock, random }: SpoolDeps, events: SpoolEvents) {
    this.#fs = fs
    this.#settings = settings
    this.#clock = clock
    this.#random = random
    this.#events = events
    const { folder } = settings
    this.#entrance = new Entrance(fs, folder, owners, random)
    this.#segments = new Segments(fs, folder)
    this.#reader = new Reader(this.#segments, new Quarantine(fs, folder, QUARANTINE_BYTES, error => this.#onFault({ during: 'quarantine', error })), {
      onDamaged: lines => this.#onDropped(lines, 'damaged'),
      onFault: error => this.#onReadFault(error)
    })
    this.#writer = new Writer(settings, this.#segments, {
      onWritten: lines => this.#onWritten(lines),
      onKept: (lines, place) => this.#onKept(lines, place),
      onReturned: (lines, error) => this.#onReturned(lines, error),
      onDropped: lines => this.#onDropped(lines, 'spool-full'),
      onUnsynced: error => this.#onFault({ during: 'sync', error })
    })
    this.#upkeep = new Upkeep({
      turns: this.#turns,
      segments: this.#segments,
      writer: this.#writer,
      cursorFile: new CursorFile(fs, folder),
      syncMs: settings.syncMs,
      checkFolder: () => this.#checkFolder()
    }, fault => this.#onFault(fault))
  }

  /** Whether lines are read and written; they are before it is open, while what an earlier life has left is counted. */
  get #isActive (): boolean {
    return this.#state === 'recovering' || this.#state === 'open'
  }

  /**
   * The id of a batch that begins at this place, the same whoever reads it, and no other batch's: `<spool>:<segment>:<offset>`,
   * beginning with what tells this spool apart from those of other targets, processes and machines.
   */
  idOf (place: Position): string {
    return batchIdOf(this.#identity, place)
  }

  /** What tells this spool apart from all others. */
  get identity (): string {
    return this.#identity
  }

  /** Lines on the disk that nobody has been given. */
  get lines (): number {
    return this.#hasEntered ? this.#segments.waitingLines : 0
  }

  /** Lines among them that another transport has left. */
  get adoptedLines (): number {
    return 0
  }

  /** Lines that were given out, are on the disk still, and have not been settled. */
  get outstandingLines (): number {
    return this.#segments.outstandingLines
  }

  /** What was appended and is not on the disk yet. */
  get pending (): Amount {
    return this.#writer.pending
  }

  /** Bytes of all that is not on the disk yet: of what was appended, and of what is to be kept. */
  get unwrittenBytes (): number {
    return this.#writer.bytes
  }

  /** Bytes on the disk, of lines that are delivered too, as long as their segment is there. */
  get bytes (): number {
    return this.#hasEntered ? this.#segments.bytes : 0
  }

  /** Takes the folder over and finds what is there; tries again each second until it succeeds. */
  start (): void {
    if (this.#state !== 'new') return
    this.#state = 'opening'
    this.#turns.take(() => this.#open())
  }

  /** Whether {@link append} would take so many bytes. */
  takes (bytes: number): boolean {
    const pendingBytes = this.unwrittenBytes
    if (!this.#isActive || this.#isRefusing || (pendingBytes > 0 && pendingBytes + bytes > PENDING_BYTES)) return false
    // Of what has not been counted yet, nothing can make room.
    return this.#state === 'open' || (this.#isSizeKnown && this.#segments.bytes + pendingBytes + bytes <= this.#settings.maxBytes)
  }

  /**
   * Hands over lines to be written behind all others.
   *
   * @returns whether it took them; if not, `onWritable` tells when to try again
   */
  append (lines: Lines): boolean {
    if (!this.takes(lines.bytes.length)) {
      this.#hasTurnedAway = true
      return false
    }
    this.#writer.add(lines)
    this.#queueWrite()
    return true
  }

  /**
   * Hands over lines that somebody has already, to be written behind all others: they are on the disk, from when `onKept`
   * tells so, as if they had been read. For a restart they wait, as everything does that is not settled.
   *
   * @returns whether it took them; if not, `onWritable` tells when to try again
   */
  keep (all: readonly Lines[]): boolean {
    if (!this.takes(all.reduce((sum, { bytes }) => sum + bytes.length, 0))) {
      this.#hasTurnedAway = true
      return false
    }
    for (const lines of all) this.#writer.keep(lines)
    this.#queueWrite()
    return true
  }

  /**
   * Asks for the next lines, once. `onLines` brings them as soon as there are any: as many whole ones as fit into
   * `maxBytes`, though at least one.
   */
  read (maxBytes: number): void {
    this.#wantedBytes = maxBytes
    this.#queueRead()
  }

  /**
   * Lines that `onLines` brought are delivered, or need not be any more; a part of them counts too, if it is given as
   * lines with a place of their own. Those that {@link rewind} has taken back cannot be settled until they come again.
   */
  settle ({ segment: number, offset, bytes, count }: SpooledLines): void {
    const segment = this.#segments.find(number)
    if (segment === undefined) this.#orphanedLines = Math.max(0, this.#orphanedLines - count)
    if (segment === undefined || count > segment.outstandingLines) return
    segment.settle(offset, offset + bytes.length, count)
    this.#upkeep.schedule()
  }

  /** Gives back the memory of lines that `onLines` brought: nobody will look at it again. */
  recycle (bytes: Buffer): void {
    this.#reader.recycle(bytes)
  }

  /** Whether lines are still on the disk, so that {@link rewind} would bring them back. */
  has ({ segment }: Position): boolean {
    return this.#segments.find(segment) !== undefined
  }

  /**
   * Reading begins again with the first line that is not settled: what was given out waits again, and what was asked for
   * does not come.
   */
  rewind (): void {
    this.#segments.takeBack()
    this.#reader.rewind()
    this.#wantedBytes = undefined
  }

  /**
   * Writes and syncs all that was appended so far.
   *
   * @returns whether all that is here would survive a power cut
   */
  async sync (): Promise<boolean> {
    return await this.#turns.take(async () => {
      if (!this.#isActive || !await this.#writeAll()) return false
      await this.#writer.sync()
      return this.#segments.isSynced
    })
  }

  /**
   * Writes and syncs what is left, says how far it has been delivered, and gives the folder free. Whatever the disk does,
   * it is over at the deadline (on the monotonic clock); what is not written by then is returned.
   */
  async close (deadline: number): Promise<void> {
    if (this.#state === 'closing' || this.#state === 'closed') return
    this.#state = 'closing'
    this.#upkeep.stop()
    this.#stopListening()
    clearTimeout(this.#retryTimer)
    await within(deadline - this.#clock.now(), this.#turns.take(() => this.#finish()))
    const left = this.#writer.close()
    if (left.length > 0) this.#events.onReturned(left, undefined)
    this.#state = 'closed'
  }

  async #open (): Promise<void> {
    this.#stopListening = onSilence(this.#clock, this.#settings.folder, error => this.#tellHindrance({ kind: 'failed', error }))
    const entry = await this.#entrance.enter()
    this.#stopListening()
    if (this.#state !== 'opening') return
    if (entry.kind === 'tied') return this.#openAfter(TIE_MS * this.#random())
    if (entry.kind === 'hindered') return this.#onHindered(entry.hindrance)
    const { found, identity } = entry
    if (this.#orphanedLines > 0 && (found.numbers[0] ?? Infinity) <= this.#segments.lastNumber) {
      await this.#entrance.leave()
      return this.#onHindered({ kind: 'failed', error: lost(this.#settings.folder, 'was replaced by another one that has lines, and waits until those are sent that were read before') })
    }
    const recovery = new Recovery(this.#fs, this.#settings.folder, found, error => this.#onFault({ during: 'read', error }))
    await recovery.begin()
    if (this.#state !== 'opening') return
    this.#state = 'recovering'
    this.#hasEntered = true
    this.#hindrance = undefined
    this.#isRefusing = false
    const entries = ++this.#entries
    this.#identity = identity
    const cursor = found.cursor.kind === 'found' ? found.cursor.position : undefined
    this.#segments.begin(Math.max(this.#segments.lastNumber, found.numbers.at(-1) ?? 0, cursor?.segment ?? 0), found.bytes ?? 0)
    this.#isSizeKnown = found.bytes !== undefined
    this.#recover(recovery, () => this.#state !== 'recovering' || entries !== this.#entries)
    // With nothing left to count it opens at once, and lines that wait for that need not go by the disk.
    if (found.numbers.length <= 1) return
    this.#events.onEntered()
    this.#onSpace()
  }

  async #recover (recovery: Recovery, isAborted: () => boolean): Promise<void> {
    const recovered = await recovery.run(this.#turns, (segment, next, left) => {
      this.#segments.recover(segment, next)
      this.#upkeep.begin(recovery.start)
      this.#events.onFound(segment?.waitingLines ?? 0, left)
      this.#queueRead()
    }, isAborted)
    if (recovered === undefined || isAborted()) return
    this.#state = 'open'
    this.#upkeep.begin(recovery.start)
    this.#events.onOpened(recovered)
    this.#onSpace()
    this.#queueRead()
  }

  /** Somebody may have removed the folder, put another one into its place, or removed a file in it. */
  async #checkFolder (): Promise<void> {
    if (!this.#isActive) return
    const holds = await this.#entrance.holds()
    if (!this.#isActive) return
    if (!holds) {
      this.#state = 'opening'
      await this.#abandon()
      if (this.#state === 'opening') await this.#open()
      return
    }
    const { open } = this.#segments
    if (open === undefined || !await open.isGone()) return
    const { waitingLines } = open
    await this.#segments.setAside(open)
    this.#onFault({ during: 'folder', error: lost(this.#settings.folder, 'has lost the segment that was being written') })
    this.#onDropped(waitingLines, 'damaged')
  }

  /** The lines in the folder are lost. Lines that were not written yet are returned to the lane. */
  async #abandon (): Promise<void> {
    const { waitingLines, outstandingLines } = this.#segments
    const error = lost(this.#settings.folder, 'was removed or replaced')
    clearTimeout(this.#retryTimer)
    this.#retryTimer = undefined
    this.#hasEntered = false
    this.#orphanedLines += outstandingLines
    this.#entrance.forget()
    this.#upkeep.suspend()
    this.#reader.rewind()
    const isAbandoned = this.#segments.abandon()
    this.#onFault({ during: 'folder', error })
    this.#onDropped(waitingLines, 'damaged')
    this.#writer.giveBack(error)
    await isAbandoned
  }

  #onHindered (hindrance: Hindrance): void {
    this.#openAfter(RETRY_MS * (0.75 + this.#random() / 2))
    this.#tellHindrance(hindrance)
  }

  #tellHindrance (hindrance: Hindrance): void {
    const reason = hindrance.kind === 'locked' ? `${hindrance.pid}` : String(hindrance.error)
    if (reason === this.#hindrance) return
    this.#hindrance = reason
    this.#events.onHindered(hindrance)
  }

  #openAfter (ms: number): void {
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined
      this.#turns.take(() => this.#open())
    }, ms).unref()
  }

  #queueWrite (): void {
    if (this.#isWriteQueued) return
    this.#isWriteQueued = true
    this.#turns.take(async () => {
      this.#isWriteQueued = false
      if (!this.#isActive) return
      await this.#writer.write()
      if (this.#writer.bytes > 0) this.#queueWrite()
    })
  }

  #queueRead (): void {
    if (this.#isReadQueued || this.#wantedBytes === undefined || !this.#isActive) return
    this.#isReadQueued = true
    this.#turns.take(async () => {
      this.#isReadQueued = false
      if (this.#wantedBytes === undefined || !this.#isActive) return
      await this.#reader.next(this.#wantedBytes, lines => {
        this.#wantedBytes = undefined
        this.#events.onLines(lines)
      })
    })
  }

  #onWritten (lines: number): void {
    this.#upkeep.schedule()
    this.#events.onWritten(lines)
    this.#onSpace()
    this.#queueRead()
  }

  #onKept (lines: number, place: Position | undefined): void {
    this.#upkeep.schedule()
    this.#events.onKept(lines, place)
    this.#onSpace()
  }

  #onReturned (lines: Lines[], error: unknown): void {
    this.#isRefusing = true
    this.#hasTurnedAway = true
    this.#scheduleRetry()
    // It may be the folder that is gone.
    this.#upkeep.schedule()
    this.#events.onReturned(lines, error)
  }

  #onReadFault (error: unknown): void {
    this.#scheduleRetry()
    this.#onFault({ during: 'read', error })
  }

  #onDropped (lines: number, reason: SpoolLoss): void {
    this.#upkeep.schedule()
    if (lines > 0 && this.#state !== 'closed') this.#events.onDropped(lines, reason)
  }

  #onFault (fault: SpoolFault): void {
    if (this.#state !== 'closed') this.#events.onFault(fault)
  }

  #onSpace (): void {
    if (!this.#hasTurnedAway || this.#isRefusing || !this.#isActive) return
    this.#hasTurnedAway = false
    this.#events.onWritable()
  }

  /** The disk has refused something: it is tried again when somebody comes after this time. */
  #scheduleRetry (): void {
    if (!this.#isActive) return
    this.#retryTimer ??= setTimeout(() => {
      this.#retryTimer = undefined
      this.#isRefusing = false
      this.#onSpace()
      this.#queueRead()
    }, RETRY_MS).unref()
  }

  /** Writes all that waits. @returns whether the disk took it */
  async #writeAll (): Promise<boolean> {
    while (this.#writer.bytes > 0) {
      if (!await this.#writer.write()) return false
    }
    return true
  }

  async #finish (): Promise<void> {
    if (this.#hasEntered && !await this.#entrance.holds()) await this.#abandon()
    if (this.#hasEntered) {
      await this.#writeAll()
      await this.#upkeep.finish()
    }
    if (this.#hasEntered && this.#settings.isDisposable === true) await this.#entrance.leaveNothing()
    else await this.#entrance.leave()
  }
}

/**
 * Calls back if a disk has not answered for some seconds. It may do so later all the same.
 *
 * @returns Cancels the call.
 */
export function onSilence (clock: Clock, folder: string, callback: (error: FanoutError) => void): () => void {
  return clock.whenWaited(clock.waited() + SILENCE_MS, () => {
    callback(new FanoutError('ERR_FANOUT_DISK_HANGS', `${folder}: the disk has not answered for ${SILENCE_MS / 1000} s`))
  })
}

function lost (folder: string, fate: string): FanoutError {
  return new FanoutError('ERR_FANOUT_SPOOL_LOST', `${folder}: ${fate}`)
}

/** The id of a batch that begins at a place in a spool of this identity. */
export function batchIdOf (identity: string, { segment, offset }: Position): string {
  return `${identity}:${segment}:${offset}`
}
