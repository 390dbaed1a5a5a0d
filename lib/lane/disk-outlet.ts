import type { Clock } from '../clock.js'
import { freshLines, type Lines } from '../batch.js'
import type { OriginalLines } from '../line-ids.js'
import type { Amount, QueueLimits } from '../queue.js'
import type { LaneSpool } from '../spool/spool.js'
import type { SlotEvents } from '../spool/spool-events.js'
import { within } from '../within.js'
import { Alarm } from '../alarm.js'
import type { Gate } from './gate.js'
import type { Ledger } from './ledger.js'
import type { Outlet } from './outlet.js'
import { Pace } from '../pace.js'
import { isSpooled, type Replay } from './replay.js'
import { SpoolReport, type SpoolNews } from '../reports/spool-report.js'

/** Dependencies of a {@link DiskOutlet}. */
export interface DiskOutletDeps {
  createSpool: (events: SlotEvents) => LaneSpool
  /** `'always'`: every line goes through the disk. */
  mode: 'open' | 'always'
  /** Limits of the lane's queue, which bytes that are being written count against. */
  limits: QueueLimits
  clock: Clock
  gate: Pick<Gate, 'isTripped'>
  ledger: Ledger
  /** Gets the lines that are read. */
  replay: Replay
  onNews: (news: SpoolNews) => void
}

/** Events of a {@link DiskOutlet}. */
export interface DiskOutletEvents {
  /** There may be more to send, or more room. */
  onChange (): void
  /** The disk did not take these lines, oldest first. */
  onReturned (lines: Lines[]): void
}

/** Lines are read ahead up to this many bytes: as many as one batch for a delivery sink has. */
const READ_BYTES = 512 * 1024
/** While every line that was read is in doubt, more are read, to find lines that are not. */
const DOUBTFUL_READ_BYTES = 4 * READ_BYTES
/** With fewer lines than this waiting, those of transports that have ended may be adopted. */
const FEW_LINES = 1000
const WRITING_MS = 1000

/**
 * The disk between the queue of a lane and its sink. While the breaker is not closed, or once the queue has overflowed, new
 * lines go to the disk, and lines are sent from there, until the disk is empty: so the order holds. Lines that the sink
 * holds by then are written first, and are sent from memory if they come back. If the disk refuses lines, they stay in
 * memory, and are sent from there once the disk has no older ones.
 */
export class DiskOutlet implements Outlet {
  readonly pace = new Pace()
  readonly unacceptedBytes = 0
  readonly #deps: DiskOutletDeps
  readonly #events: DiskOutletEvents
  readonly #spool: LaneSpool
  readonly #report: SpoolReport
  #state: 'opening' | 'recovering' | 'open' | 'hindered' | 'closing' = 'opening'
  #isReading = false
  /** The disk refused the lines that it was given last. */
  #isRefusing = false
  /** The queue is full, and no line of it is being written yet. */
  #isOverflowing = false
  #unwrittenBytes = 0
  /** Only own lines are sent from now on. */
  #isDraining = false
  /** Keeps waited time going, by which the pace of the disk is measured, while anything is being written. */
  readonly #writing: Alarm

  constructor (deps: DiskOutletDeps, events: DiskOutletEvents) {
    const { clock, ledger, replay, createSpool, onNews } = deps
    this.#deps = deps
    this.#events = events
    this.#writing = new Alarm(clock, () => this.#countWaiting())
    const report = this.#report = new SpoolReport(clock, onNews)
    this.#spool = createSpool({
      onEntered: () => {
        this.#state = 'recovering'
        events.onChange()
      },
      onFound: (lines, left) => {
        ledger.receive(lines)
        report.found(lines, left)
        events.onChange()
      },
      onOpened: recovered => {
        this.#state = 'open'
        report.recovered(recovered)
        events.onChange()
      },
      onHindered: hindrance => {
        this.#state = 'hindered'
        report.hindered(hindrance)
        events.onChange()
      },
      onWritten: () => this.#onWritten(),
      onKept: (lines, place) => {
        replay.written(lines, place)
        this.#onWritten()
      },
      onReturned: (lines, error) => this.#onReturned(lines, error),
      onWritable: () => {
        this.#isRefusing = false
        events.onChange()
      },
      onLines: lines => {
        this.#isReading = false
        replay.add(lines)
        events.onChange()
      },
      onDropped: (lines, reason) => {
        ledger.drop(lines, reason, false)
        events.onChange()
      },
      onFault: fault => report.failed(fault),
      onAdopted: (recovered, slot) => {
        report.recovered(recovered, slot)
        events.onChange()
      },
      mayAdopt: () => this.#mayAdopt
    })
  }

  /** True if the folder is its own, even while lines of an earlier life are still being counted. */
  get #hasDisk (): boolean {
    return this.#state === 'recovering' || this.#state === 'open'
  }

  /** True if there are lines on the disk, or read from it, that must be sent before those in memory. */
  get hasOlder (): boolean {
    return this.#hasDisk && (this.#readableLines > 0 || this.#spool.pending.lines > 0 || !this.#deps.replay.queue.isEmpty)
  }

  /** Lines on the disk that are to be read. Towards the end, adopted lines of other transports stay where they are. */
  get #readableLines (): number {
    return this.#spool.lines - (this.#isDraining ? this.#spool.adoptedLines : 0)
  }

  get #mayAdopt (): boolean {
    if (this.#state !== 'open' || this.#isDraining || this.#isRefusing || this.#deps.gate.isTripped) return false
    return this.lines + this.#spool.pending.lines <= FEW_LINES
  }

  /** True if new lines go to the disk, and not straight to the sink. */
  get isDiverting (): boolean {
    if (this.#state === 'opening' || this.#state === 'recovering') return true
    if (this.#state !== 'open') return false
    return this.hasOlder || (!this.#isRefusing && (this.#isOverflowing || this.#deps.mode === 'always' || this.#deps.gate.isTripped))
  }

  get isTaking (): boolean {
    return this.#state === 'opening' || (this.#hasDisk && !this.#isRefusing && this.isDiverting)
  }

  /** Lines that are being written, and in memory until they are on the disk. */
  get pending (): Amount {
    return this.#spool.pending
  }

  /** Lines that are being written have left the queue, and count only by their bytes. */
  get held (): Amount {
    return { bytes: this.#spool.pending.bytes, lines: 0 }
  }

  /** Lines on the disk that the sink has not been given, including those that were read ahead. */
  get lines (): number {
    return this.#spool.lines + this.#deps.replay.queue.lines
  }

  /** Bytes that the disk gives to them. */
  get bytes (): number {
    return this.#spool.bytes
  }

  canTake (bytes: number): boolean {
    return this.#spool.takes(bytes)
  }

  mayExceed (bytes: number): boolean {
    const pendingBytes = this.#spool.pending.bytes
    return this.isTaking && (pendingBytes === 0 || pendingBytes + bytes <= this.#deps.limits.maxBytes)
  }

  start (): void {
    this.#spool.start()
  }

  /** Writes new lines; returns whether the disk takes them. Lines that came back from the sink stay in memory too: they keep their ids. */
  take (lines: Lines): boolean {
    if (lines.attempts > 0 && this.#deps.replay.queue.bytes < 2 * READ_BYTES) return this.takeAtHand(lines)
    const isTaken = this.#spool.append(lines)
    this.#noteAppended()
    return isTaken
  }

  /** Writes new lines that may be sent from memory before older ones on the disk, as if they had come back from the sink. */
  takeAtHand (lines: Lines): true {
    const { replay } = this.#deps
    replay.queue.unshift([replay.keep(lines.attempts > 0 ? lines : freshLines(lines.bytes, lines.count, lines.firstLine))])
    this.writeKept()
    return true
  }

  /** Writes lines that the sink holds and that must be on the disk before newer ones; returns whether all of them are being written. */
  writeKept (): boolean {
    const { replay } = this.#deps
    if (!replay.hasUnwritten) return true
    const isKept = this.#spool.keep(replay.unwritten)
    if (isKept) replay.beginWriting()
    this.#noteAppended()
    return isKept
  }

  /**
   * New lines go to the disk from now on, because the queue is full, until all of them have been sent.
   *
   * @returns whether the disk takes lines
   */
  beginOverflow (): boolean {
    if (!this.#hasDisk || this.#isRefusing) return false
    if (this.isDiverting) return true
    this.#isOverflowing = true
    this.#report.overflowed()
    return true
  }

  /** The end has begun: adopted lines of other transports are for the next start. */
  drain (): void {
    this.#isDraining = true
  }

  /** The lines among which a line of the spool is, and their ids, which are the same when another process reads them; else `undefined`. */
  originOf (line: number): OriginalLines | undefined {
    return isSpooled(line) ? this.#deps.replay.originOf(line, place => this.#spool.idOf(place)) : undefined
  }

  /**
   * Tells the disk which lines need not be sent again.
   *
   * @param oldestHeld - The oldest line that the sink, or anybody behind it, still has; `Infinity` if there is none
   * @param isCopied - True if the sink does not need the memory of lines that it was given
   */
  settle (oldestHeld: number, isCopied: boolean): void {
    if (!this.#hasDisk) return
    const { replay, mode } = this.#deps
    for (const { spooled, isRead, isLast } of replay.takeDone(Math.min(oldestHeld, replay.queue.firstLine))) {
      if (isRead) this.#report.sent(spooled.count)
      this.#spool.settle(spooled)
      if (isRead && isLast && isCopied) this.#spool.recycle(spooled.bytes)
    }
    if (this.#state === 'open' && !this.hasOlder && mode !== 'always' && oldestHeld >= 0) this.#report.emptied()
  }

  /** Reads lines that are to be sent next. */
  readAhead (): void {
    if (!this.#hasDisk || this.#isReading || this.#readableLines === 0) return
    const { replay } = this.#deps
    if (replay.queue.bytes >= (replay.lacksOthers ? DOUBTFUL_READ_BYTES : READ_BYTES)) return
    this.#isReading = true
    this.#spool.read(READ_BYTES)
  }

  /** Resolves once every line that was taken so far is on the disk, and synced. */
  async sync (): Promise<void> {
    await this.#spool.sync()
  }

  /** As {@link sync}, but no later than the deadline; returns whether it was in time, and the disk goes on taking lines. */
  async syncBy (deadline: number): Promise<boolean> {
    return !this.#isRefusing && await within(deadline - this.#deps.clock.now(), this.#spool.sync()) === true
  }

  /**
   * The end: nothing is read any more, and lines that were read and not sent stay on the disk for the next start.
   *
   * @returns lines that are in memory alone, lines that were removed from the disk to make room, and whether the disk takes any
   */
  async release (deadline: number): Promise<{ unplaced: Lines[], lost: Lines[], isTaking: boolean }> {
    const { replay } = this.#deps
    const isTaking = this.#hasDisk
    this.#state = 'closing'
    if (replay.isWriting) await this.syncBy(deadline)
    const left = replay.queue.drain().flatMap(lines => replay.partByPiece(lines)).map(lines => ({ lines, place: replay.placeOf(lines.firstLine) }))
    const lost = left.filter(({ place }) => place !== undefined && !this.#spool.has(place))
    for (const spooled of replay.takeAllDone(left.map(({ lines }) => lines))) this.#spool.settle(spooled)
    if (isTaking) this.#spool.rewind()
    return { unplaced: left.filter(({ place }) => place === undefined).map(({ lines }) => lines), lost: lost.map(({ lines }) => lines), isTaking }
  }

  async close (deadline: number): Promise<void> {
    await this.#spool.close(deadline)
  }

  #noteAppended (): void {
    if (this.#unwrittenBytes === 0) this.pace.begin(this.#deps.clock.waited())
    this.#unwrittenBytes = this.#spool.unwrittenBytes
    this.#countWaiting()
    // From here on, the lines on the disk are reason enough to divert.
    if (this.#spool.pending.lines > 0) this.#isOverflowing = false
  }

  #onWritten (): void {
    const { unwrittenBytes } = this.#spool
    if (this.#unwrittenBytes > unwrittenBytes) this.pace.progress(this.#deps.clock.waited(), this.#unwrittenBytes - unwrittenBytes)
    this.#unwrittenBytes = unwrittenBytes
    this.#countWaiting()
    this.#isRefusing = false
    this.#events.onChange()
  }

  #countWaiting (): void {
    this.#writing.setFor(this.#unwrittenBytes > 0 ? this.#deps.clock.waited() + WRITING_MS : Infinity)
  }

  #onReturned (lines: Lines[], error: unknown): void {
    this.#unwrittenBytes = this.#spool.unwrittenBytes
    this.#countWaiting()
    this.#deps.replay.endWriting()
    this.#events.onReturned(lines)
    if (error !== undefined) this.#report.failed({ during: 'write', error })
    this.#isRefusing = true
    this.#isOverflowing = false
    this.#events.onChange()
  }
}
