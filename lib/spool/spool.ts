import type { Lines } from '../batch.js'
import type { Clock } from '../clock.js'
import type { FanoutError } from '../errors.js'
import type { Amount } from '../queue.js'
import { within } from '../within.js'
import { CursorFile } from './cursor.js'
import { Opener } from './opener.js'
import { batchIdOf, type Position, type SpooledLines } from './position.js'
import { Quarantine } from './quarantine.js'
import { Reader } from './reader.js'
import { Segments } from './segments.js'
import type { SpoolDeps, SpoolFolderSettings } from './spool-deps.js'
import type { SpoolEvents, SpoolFault, SpoolLoss } from './spool-events.js'
import { Turns } from './turns.js'
import { Upkeep } from './upkeep.js'
import { Writer } from './writer.js'

/** The interface of a lane's spool, which is a single {@link Spool} or one with slots. */
export type LaneSpool = Pick<Spool, keyof Spool>

const RETRY_MS = 1000
/** Limit of the lines that wait to be written. Further lines stay in the lane's queue, which has a limit of its own. */
const MAX_UNWRITTEN_BYTES = 4 * 1024 * 1024
const QUARANTINE_BYTES = 16 * 1024 * 1024

/**
 * The queue of one lane on a disk. Lines are appended, read in the order in which they came, and settled once they are
 * delivered. Unsettled lines are still there after a restart. Only a caller that awaits a promise waits for the disk: all
 * work on it is done in turns, one after another.
 */
export class Spool {
  readonly #settings: SpoolFolderSettings
  readonly #clock: Clock
  readonly #events: SpoolEvents
  readonly #turns = new Turns()
  readonly #opener: Opener
  readonly #segments: Segments
  readonly #reader: Reader
  readonly #writer: Writer
  readonly #upkeep: Upkeep
  #state: 'in-use' | 'closing' | 'closed' = 'in-use'
  /** `maxBytes` of a request for lines that is not answered yet. */
  #wantedBytes: number | undefined
  #isReadQueued = false
  #isWriteQueued = false
  /** Whether the disk has refused lines and is not to be tried again yet. */
  #isRefusing = false
  /** Whether lines were turned away, so that `onWritable` has to be called once there is room. */
  #hasTurnedAway = false
  #retryTimer: NodeJS.Timeout | undefined

  constructor (settings: SpoolFolderSettings, deps: SpoolDeps, events: SpoolEvents) {
    this.#settings = settings
    this.#clock = deps.clock
    this.#events = events
    const { fs } = deps
    const { folder } = settings
    this.#segments = new Segments(fs, folder)
    this.#opener = new Opener({ ...deps, folder, turns: this.#turns, segments: this.#segments }, {
      onEntered: () => this.#onEntered(),
      onFound: (lines, left, cursor) => this.#onFound(lines, left, cursor),
      onOpened: (recovered, cursor) => {
        this.#upkeep.begin(cursor)
        events.onOpened(recovered)
        this.#onSpace()
        this.#queueRead()
      },
      onHindered: hindrance => events.onHindered(hindrance),
      onFolderLost: (error, lines) => this.#onFolderLost(error, lines),
      onSegmentLost: (error, lines) => this.#onLost(error, lines),
      onFault: fault => this.#onFault(fault)
    })
    this.#reader = new Reader(this.#segments, new Quarantine(fs, folder, QUARANTINE_BYTES, error => this.#onFault({ during: 'quarantine', error })), {
      onDamaged: lines => this.#onDropped(lines, 'damaged'),
      onFault: error => this.#onReadFault(error)
    })
    this.#writer = new Writer(settings, this.#segments, {
      onWritten: lines => this.#onWritten(lines),
      onKept: (lines, position) => this.#onKept(lines, position),
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
      checkFolder: () => this.#opener.check()
    }, fault => this.#onFault(fault))
  }

  /**
   * The id of a batch that begins at this position: `<spool>:<segment>:<offset>`. It is the same whoever reads the batch,
   * and no other batch has it, since `<spool>` distinguishes this spool from those of other targets, processes and machines.
   */
  idOf (position: Position): string {
    return batchIdOf(this.identity, position)
  }

  /** Distinguishes this spool from all others. */
  get identity (): string {
    return this.#opener.identity
  }

  /** Lines on the disk that are to be read. */
  get lines (): number {
    return this.#opener.hasEntered ? this.#segments.waitingLines : 0
  }

  /** Those of them that another transport has left. */
  get adoptedLines (): number {
    return 0
  }

  /** Lines on the disk that were handed out and are not settled yet. */
  get outstandingLines (): number {
    return this.#segments.outstandingLines
  }

  /** Appended lines that are not on the disk yet. */
  get pending (): Amount {
    return this.#writer.pending
  }

  /** Size of all lines that are not on the disk yet, both appended and kept ones. */
  get unwrittenBytes (): number {
    return this.#writer.unwrittenBytes
  }

  /** Size of all segments on the disk. Delivered lines count until their segment is removed. */
  get bytes (): number {
    return this.#opener.hasEntered ? this.#segments.bytes : 0
  }

  /** Takes the folder over and counts its lines. Tries again about every second until it succeeds. */
  start (): void {
    this.#opener.start()
  }

  /** Whether {@link append} would take lines of this size. */
  takes (bytes: number): boolean {
    const { unwrittenBytes } = this
    if (!this.#opener.isActive || this.#isRefusing || (unwrittenBytes > 0 && unwrittenBytes + bytes > MAX_UNWRITTEN_BYTES)) return false
    // Until all lines are counted, none can be removed to make room.
    return this.#opener.isOpen || (this.#opener.isSizeKnown && this.#segments.bytes + unwrittenBytes + bytes <= this.#settings.maxBytes)
  }

  /**
   * Hands over lines to be written after all others.
   *
   * @returns whether the spool took them; if not, `onWritable` tells when to try again
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
   * Hands over lines that somebody else holds too, to be written after all others. Once `onKept` reports them, they count
   * as handed out. Like all unsettled lines, they wait after a restart.
   *
   * @returns whether the spool took them; if not, `onWritable` tells when to try again
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
   * Requests the next lines, once. `onLines` brings them as soon as there are any: as many whole lines as fit into
   * `maxBytes`, but at least one.
   */
  read (maxBytes: number): void {
    this.#wantedBytes = maxBytes
    this.#queueRead()
  }

  /**
   * Settles lines that `onLines` brought: they are delivered, or need not be delivered any more. A part of them can be
   * settled too, as lines with their own position. Lines that {@link rewind} took back can be settled only after `onLines`
   * has brought them again.
   */
  settle (lines: SpooledLines): void {
    if (this.#segments.settle(lines)) this.#upkeep.schedule()
  }

  /** Gives back the memory of lines that `onLines` brought. Nobody may look at them again. */
  recycle (bytes: Buffer): void {
    this.#reader.recycle(bytes)
  }

  /** Whether lines are still on the disk, so that {@link rewind} would bring them back. */
  has ({ segment }: Position): boolean {
    return this.#segments.find(segment) !== undefined
  }

  /** Restarts reading at the first unsettled line: outstanding lines wait again, and an open request is cancelled. */
  rewind (): void {
    this.#segments.takeBack()
    this.#reader.rewind()
    this.#wantedBytes = undefined
  }

  /**
   * Writes and syncs all lines that were appended so far.
   *
   * @returns whether all lines in the spool would survive a power cut
   */
  async sync (): Promise<boolean> {
    return await this.#turns.take(async () => {
      if (!this.#opener.isActive || !await this.#writeAll()) return false
      await this.#writer.sync()
      return this.#segments.isSynced
    })
  }

  /**
   * Writes and syncs the unwritten lines, saves the delivery position and releases the folder. Settles at the deadline (on
   * the monotonic clock) even if the disk hangs. Lines that are not written by then are returned.
   */
  async close (deadline: number): Promise<void> {
    if (this.#state !== 'in-use') return
    this.#state = 'closing'
    this.#upkeep.stop()
    this.#opener.stop()
    clearTimeout(this.#retryTimer)
    await within(deadline - this.#clock.now(), this.#turns.take(() => this.#finish()))
    const left = this.#writer.close()
    if (left.length > 0) this.#events.onReturned(left, undefined)
    this.#state = 'closed'
  }

  #queueWrite (): void {
    if (this.#isWriteQueued) return
    this.#isWriteQueued = true
    this.#turns.take(async () => {
      this.#isWriteQueued = false
      if (!this.#opener.isActive) return
      await this.#writer.write()
      if (this.unwrittenBytes > 0) this.#queueWrite()
    })
  }

  #queueRead (): void {
    if (this.#isReadQueued || this.#wantedBytes === undefined || !this.#opener.isActive) return
    this.#isReadQueued = true
    this.#turns.take(async () => {
      this.#isReadQueued = false
      if (this.#wantedBytes === undefined || !this.#opener.isActive) return
      await this.#reader.next(this.#wantedBytes, lines => {
        this.#wantedBytes = undefined
        this.#events.onLines(lines)
      })
    })
  }

  #onEntered (): void {
    this.#events.onEntered()
    this.#onSpace()
  }

  #onFound (lines: number, left: number, cursor: Position | undefined): void {
    this.#upkeep.begin(cursor)
    this.#events.onFound(lines, left)
    this.#queueRead()
  }

  /** The lines in the folder are lost. Lines that were not written yet are returned to the lane. */
  #onFolderLost (error: FanoutError, lines: number): void {
    clearTimeout(this.#retryTimer)
    this.#retryTimer = undefined
    this.#upkeep.suspend()
    this.#reader.rewind()
    this.#onLost(error, lines)
    this.#writer.giveBack(error)
    // The next folder may take lines.
    this.#isRefusing = false
  }

  #onLost (error: FanoutError, lines: number): void {
    this.#onFault({ during: 'folder', error })
    this.#onDropped(lines, 'damaged')
  }

  #onWritten (lines: number): void {
    this.#upkeep.schedule()
    this.#events.onWritten(lines)
    this.#onSpace()
    this.#queueRead()
  }

  #onKept (lines: number, position: Position | undefined): void {
    this.#upkeep.schedule()
    this.#events.onKept(lines, position)
    this.#onSpace()
  }

  #onReturned (lines: Lines[], error: unknown): void {
    this.#isRefusing = true
    this.#hasTurnedAway = true
    this.#scheduleRetry()
    // Upkeep checks whether the folder is lost.
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
    if (!this.#hasTurnedAway || this.#isRefusing || !this.#opener.isActive) return
    this.#hasTurnedAway = false
    this.#events.onWritable()
  }

  /** After the disk has refused a call: allows the next attempt to write, and reads again, once some time has passed. */
  #scheduleRetry (): void {
    if (!this.#opener.isActive) return
    this.#retryTimer ??= setTimeout(() => {
      this.#retryTimer = undefined
      this.#isRefusing = false
      this.#onSpace()
      this.#queueRead()
    }, RETRY_MS).unref()
  }

  /** @returns whether the disk took all unwritten lines */
  async #writeAll (): Promise<boolean> {
    while (this.unwrittenBytes > 0) {
      if (!await this.#writer.write()) return false
    }
    return true
  }

  async #finish (): Promise<void> {
    await this.#opener.checkLast()
    if (this.#opener.hasEntered) {
      await this.#writeAll()
      await this.#upkeep.finish()
    }
    await this.#opener.leave(this.#settings.isDisposable === true)
  }
}
