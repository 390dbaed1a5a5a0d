import type { Amount, NextLimits, NextLines } from '../queue.js'
import type { Clock } from '../clock.js'
import { freshLines, type Batch, type Lines } from '../batch.js'
import type { Position, SpooledLines } from '../spool/position.js'
import type { Recovered } from '../spool/recovery.js'
import type { LaneSpool } from '../spool/spool.js'
import type { SlotEvents } from '../spool/spool-events.js'
import { within } from '../within.js'
import { Alarm } from './alarm.js'
import type { Intake } from './intake.js'
import type { Ledger } from './ledger.js'
import type { Pace } from './pace.js'
import { isSpooled, Replay } from './replay.js'
import { SpoolReport, type SpoolNews } from './spool-report.js'
import type { Unsettled } from './unsettled.js'

/** What the spooling of a lane is made of. */
export interface SpoolingOptions {
  createSpool: (events: SlotEvents) => LaneSpool
  /** `'always'`: every line goes through the disk. */
  mode: 'open' | 'always'
  clock: Clock
  intake: Intake
  ledger: Ledger
  /** How fast the disk takes lines. */
  pace: Pace
  unsettled: Unsettled
  /** Whether what the sink has in its hands may be sent again. */
  redelivers: boolean
  /** Whether the breaker keeps lines from the sink. */
  isTripped: () => boolean
  /** Whether the sink has no need of the memory of lines that it was given. */
  isCopied: () => boolean
}

/** What it tells its lane. */
export interface SpoolingEvents {
  /** There may be more to send, or more room. */
  onChange (): void
  onNews (news: SpoolNews): void
}

/** Lines are read ahead up to so much: as many as one batch for a delivery sink has. */
const READ_BYTES = 512 * 1024
/** While all that was read is in doubt, so much more may be read, to find lines that are not. */
const DOUBTFUL_READ_BYTES = 4 * READ_BYTES
/** With so few lines waiting, those of other transports that are gone may be sent. */
const FEW_LINES = 1000
/** How much is handed to the spool at once. */
const APPEND_BYTES = 512 * 1024
const WRITING_MS = 1000

/**
 * The disk between the queue of a lane and its sink. While the breaker is not closed, or once the queue has overflown, and
 * until all of it has been sent, what comes goes to the disk, and what is sent comes from there: so the order holds. What
 * the sink has in its hands by then is written first, and is sent from memory should it come back. A disk that refuses
 * leaves lines in memory, where they are sent from once the disk has nothing older.
 */
export class Spooling {
  readonly #options: SpoolingOptions
  readonly #events: SpoolingEvents
  readonly #spool: LaneSpool
  readonly #replay = new Replay()
  readonly #report: SpoolReport
  #state: 'opening' | 'recovering' | 'open' | 'hindered' | 'closing' = 'opening'
  #isReading = false
  /** The disk did not take what it was given last. */
  #isRefusing = false
  /** The queue is full, and nothing of it is on its way to the disk yet. */
  #isOverflowing = false
  #unwrittenBytes = 0
  /** Whether only own lines are sent any more. */
  #isDraining = false
  /** Keeps waited time going, by which the pace of the disk is measured, while the disk has anything to write. */
  readonly #writing: Alarm

  constructor (options: SpoolingOptions, events: SpoolingEvents) {
    this.#options = options
    this.#events = events
    this.#writing = new Alarm(options.clock, () => this.#countWaiting())
    this.#report = new SpoolReport(options.clock, news => events.onNews(news))
    this.#spool = options.createSpool({
      onEntered: () => {
        this.#state = 'recovering'
        events.onChange()
      },
      onFound: (lines, left) => {
        options.ledger.receive(lines)
        this.#report.found(lines, left)
        events.onChange()
      },
      onOpened: recovered => this.#onOpened(recovered),
      onHindered: hindrance => {
        this.#state = 'hindered'
        this.#report.hindered(hindrance)
        events.onChange()
      },
      onWritten: () => this.#onWritten(),
      onKept: (lines, place) => {
        this.#replay.written(lines, place)
        this.#onWritten()
      },
      onReturned: (lines, error) => this.#onReturned(lines, error),
      onWritable: () => {
        this.#isRefusing = false
        events.onChange()
      },
      onLines: lines => this.#onLines(lines),
      onDropped: (lines, reason) => {
        options.ledger.drop(lines, reason, false)
        events.onChange()
      },
      onFault: fault => this.#report.failed(fault),
      onAdopted: (recovered, slot) => this.#onAdopted(recovered, slot),
      mayAdopt: () => this.#mayAdopt
    })
  }

  /** Whether the disk is its own; it may still be counting what an earlier life has left there. */
  get #hasDisk (): boolean {
    return this.#state === 'recovering' || this.#state === 'open'
  }

  /** Whether there is anything on the disk, or from it, that must be sent before what is in memory. */
  get hasOlder (): boolean {
    return this.#hasDisk && (this.#readableLines > 0 || this.#spool.pending.lines > 0 || this.#replay.lines > 0)
  }

  /** Lines on the disk that are to be read: towards the end, lines that other transports have left stay where they are. */
  get #readableLines (): number {
    return this.#spool.lines - (this.#isDraining ? this.#spool.adoptedLines : 0)
  }

  get #mayAdopt (): boolean {
    if (this.#state !== 'open' || this.#isDraining || this.#isRefusing || this.#options.isTripped()) return false
    return this.#spool.lines + this.#spool.pending.lines + this.#replay.lines <= FEW_LINES
  }

  /** Whether what comes goes to the disk, and not straight to the sink. */
  get isDiverting (): boolean {
    if (this.#state === 'opening' || this.#state === 'recovering') return true
    if (this.#state !== 'open') return false
    return this.hasOlder || (!this.#isRefusing && (this.#isOverflowing || this.#options.mode === 'always' || this.#options.isTripped()))
  }

  /** Whether the disk takes lines, so that waiting for it makes sense. */
  get isTaking (): boolean {
    return this.#state === 'opening' || (this.#hasDisk && !this.#isRefusing && this.isDiverting)
  }

  /** What is on its way to the disk. */
  get pending (): Amount {
    return this.#spool.pending
  }

  /** Lines on the disk that the sink has not been given; some of them may have been read ahead. */
  get lines (): number {
    return this.#spool.lines + this.#replay.lines
  }

  get bytes (): number {
    return this.#spool.bytes
  }

  /** Whether there are lines in memory that must be on the disk before those in the queue. */
  get hasUnwritten (): boolean {
    return this.#options.redelivers && (this.#replay.hasUnwritten || this.#options.unsettled.some(isDirect))
  }

  /** Whether there is anything to {@link shift}. */
  get hasReplay (): boolean {
    return this.#replay.lines > 0
  }

  /** The number of the oldest line that waits here to be sent. */
  get firstLine (): number {
    return this.hasReplay ? this.#replay.firstLine : Infinity
  }

  /** Whether new lines may go to the disk at once, if none are before them in memory. */
  letsPass ({ byteLength }: Batch): boolean {
    return this.isDiverting && !this.hasUnwritten && this.#spool.takes(byteLength)
  }

  /**
   * Takes new lines that {@link letsPass} has let.
   *
   * @param isWanted - Whether they may be sent from memory before what is older on the disk
   */
  pass (lines: Lines, isWanted: boolean): void {
    if (isWanted && this.#options.redelivers && this.hasReplay) {
      // As lines that came back from the sink: the disk keeps them, and counts them as read.
      this.#replay.unshift([this.#replay.keep(freshLines(lines.bytes, lines.count, lines.firstLine))])
      this.#writeWhatIsOlder()
    } else {
      this.#spool.append(lines)
    }
    this.#noteAppended()
  }

  start (): void {
    this.#spool.start()
  }

  /**
   * The queue has no room for what comes: it goes to the disk, from now on until all of that has been sent.
   *
   * @returns whether the disk takes it
   */
  overflow (): boolean {
    if (!this.#hasDisk || this.#isRefusing) return false
    const isNews = !this.isDiverting
    if (isNews) this.#isOverflowing = true
    this.#divert()
    if (isNews) this.#report.overflowed()
    return true
  }

  /** Hands what is in the queue to the disk, as far as it takes it, and asks for what is to be sent next. */
  run (): void {
    if (this.isDiverting) this.#divert()
    this.#readAhead()
  }

  /** The end has begun: what other transports have left is for the next start. */
  drain (): void {
    this.#isDraining = true
  }

  doubts (which: NextLines): number {
    return this.#replay.doubts(which)
  }

  doubt (before: number): void {
    this.#replay.doubt(before)
  }

  /** The number of the newest line in memory that is least in doubt. */
  get newestLine (): number | undefined {
    return this.#replay.newestLine
  }

  /** How doubtful the newest line in memory is. */
  get newestDoubts (): number {
    return this.#replay.newestDoubts
  }

  take (which: NextLines, limits: NextLimits): Lines | undefined {
    return this.#replay.take(which, limits)
  }

  unshift (lines: readonly Lines[]): void {
    this.#replay.unshift(lines)
  }

  /** The id of a batch that begins with this line: the same when it is read again, also by another process. */
  idOf (line: number): string {
    return this.#spool.idOf(this.#replay.placeOf(line) as Position)
  }

  /** The number that a line bore as it was sent, if it was sent before it went to the disk. */
  formerNumberOf (line: number): number | undefined {
    return this.#replay.formerNumberOf(line)
  }

  /** @param oldestHeld - The oldest line that the sink, or anybody behind it, still has; `Infinity` if there is none. */
  settle (oldestHeld: number): void {
    if (!this.#hasDisk) return
    const done = this.#replay.takeDone(Math.min(oldestHeld, this.#replay.firstLine))
    for (const { spooled, isRead, isLast } of done) {
      if (isRead) this.#report.sent(spooled.count)
      this.#spool.settle(spooled)
      if (isRead && isLast && this.#options.isCopied()) this.#spool.recycle(spooled.bytes)
    }
    if (this.#state === 'open' && !this.hasOlder && this.#options.mode !== 'always' && oldestHeld >= 0) this.#report.emptied()
  }

  /** Settles when all that was handed over so far is on the disk, and synced; whether it is. */
  async sync (): Promise<boolean> {
    return await this.#spool.sync()
  }

  /**
   * The last that happens: all that the lane still has goes to the disk, and stays there for the next start. What the
   * disk does not take is left in the queue.
   *
   * @param held - What came from the disk, and has come back from the sink
   * @param giveUp - Takes what of that had to make room on the disk meanwhile, and is nowhere else
   */
  async close (held: readonly Lines[], deadline: number, giveUp: (lines: Lines) => void): Promise<void> {
    const hasDisk = this.#hasDisk
    this.#state = 'closing'
    this.#replay.unshift(held)
    // What is not on the disk by then is written once more, behind it.
    if (this.#replay.isWriting) await this.#syncBy(deadline)
    const left = this.#replay.drain().flatMap(lines => this.#replay.partByPiece(lines)).map(lines => ({ lines, place: this.#replay.placeOf(lines.firstLine) }))
    for (const { lines, place } of left) if (place !== undefined && !this.#spool.has(place)) giveUp(lines)
    for (const spooled of this.#replay.takeAllDone(left.map(({ lines }) => lines))) this.#spool.settle(spooled)
    this.#options.intake.unshift(left.filter(({ place }) => place === undefined).map(({ lines }) => lines))
    if (hasDisk) {
      this.#spool.rewind()
      await this.#divertAll(deadline)
    }
    await this.#spool.close(deadline)
  }

  async #divertAll (deadline: number): Promise<void> {
    const { intake, clock } = this.#options
    this.#divert()
    // What was given to it before may be on its way to a slow disk.
    while (intake.hasQueued && !this.#isRefusing && clock.now() < deadline && await this.#syncBy(deadline)) this.#divert()
  }

  async #syncBy (deadline: number): Promise<boolean> {
    return await within(deadline - this.#options.clock.now(), this.#spool.sync()) === true
  }

  #divert (): void {
    const { intake } = this.#options
    while (intake.hasQueued && this.#writeWhatIsOlder()) {
      const lines = intake.shift(APPEND_BYTES) as Lines
      if (!this.#spool.append(lines)) {
        intake.unshift([lines])
        break
      }
    }
    this.#noteAppended()
  }

  #noteAppended (): void {
    const { pace, clock } = this.#options
    if (this.#unwrittenBytes === 0) pace.begin(clock.waited())
    this.#unwrittenBytes = this.#spool.unwrittenBytes
    this.#countWaiting()
    // From here on what it has is reason enough to go on with it.
    if (this.#spool.pending.lines > 0) this.#isOverflowing = false
  }

  /** @returns whether nothing is left that must be on the disk before those in the queue */
  #writeWhatIsOlder (): boolean {
    if (!this.hasUnwritten) return true
    this.#options.unsettled.renumber(lines => isDirect(lines.firstLine) ? this.#replay.keep(lines) : lines)
    if (!this.#spool.keep(this.#replay.unwritten)) return false
    this.#replay.beginWriting()
    return true
  }

  #readAhead (): void {
    if (!this.#hasDisk || this.#isReading || this.#readableLines === 0) return
    const limit = this.#replay.lacksOthers ? DOUBTFUL_READ_BYTES : READ_BYTES
    if (this.#replay.bytes >= limit) return
    this.#isReading = true
    this.#spool.read(READ_BYTES)
  }

  #onOpened (recovered: Recovered): void {
    this.#state = 'open'
    this.#report.recovered(recovered)
    this.#events.onChange()
  }

  #onAdopted (recovered: Recovered, slot: number): void {
    this.#report.recovered(recovered, slot)
    this.#events.onChange()
  }

  #onLines (lines: SpooledLines): void {
    this.#isReading = false
    this.#replay.add(lines)
    this.#events.onChange()
  }

  #onWritten (): void {
    const { unwrittenBytes } = this.#spool
    const { pace, clock } = this.#options
    if (this.#unwrittenBytes > unwrittenBytes) pace.progress(clock.waited(), this.#unwrittenBytes - unwrittenBytes)
    this.#unwrittenBytes = unwrittenBytes
    this.#countWaiting()
    this.#isRefusing = false
    this.#events.onChange()
  }

  #countWaiting (): void {
    this.#writing.setFor(this.#unwrittenBytes > 0 ? this.#options.clock.waited() + WRITING_MS : Infinity)
  }

  #onReturned (lines: Lines[], error: unknown): void {
    this.#unwrittenBytes = this.#spool.unwrittenBytes
    this.#countWaiting()
    this.#replay.endWriting()
    this.#options.intake.unshift(lines)
    if (error !== undefined) this.#report.failed({ during: 'write', error })
    this.#isRefusing = true
    this.#isOverflowing = false
    this.#events.onChange()
  }
}

function isDirect (line: number): boolean {
  return !isSpooled(line)
}
