import type { Amount } from '../queue.js'
import type { Clock } from '../clock.js'
import type { Batch, Lines } from '../batch.js'
import type { SpooledLines } from '../spool/position.js'
import type { Recovered } from '../spool/recovery.js'
import type { Spool } from '../spool/spool.js'
import type { Hindrance, SpoolEvents, SpoolFault } from '../spool/spool-events.js'
import type { Intake } from './intake.js'
import type { Ledger } from './ledger.js'
import type { Pace } from './pace.js'
import type { NextLines } from './poison.js'
import { Replay } from './replay.js'

/** What a disk did not do; the lines that it did not take are in memory still. */
type Fault = SpoolFault | { during: 'write', error: unknown }

/** What of a spool is to be told. */
export type SpoolNews =
  | { kind: 'recovered', recovered: Recovered }
  | { kind: 'hindered', hindrance: Hindrance }
  | { kind: 'failed', fault: Fault }
  | { kind: 'replayed', lines: number }

/** What the spooling of a lane is made of. */
export interface SpoolingOptions {
  createSpool: (events: SpoolEvents) => Spool
  /** `'always'`: every line goes through the disk. */
  mode: 'open' | 'always'
  clock: Clock
  intake: Intake
  ledger: Ledger
  pace: Pace
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
/** How much is handed to the spool at once. */
const APPEND_BYTES = 512 * 1024
const REPORT_MS = 10000

/**
 * The disk between the queue of a lane and its sink. While the breaker is not closed, and until all of it has been sent,
 * what comes goes to the disk, and what is sent comes from there: so the order holds. A disk that refuses leaves lines
 * in memory, where they are sent from once the disk has nothing older.
 */
export class Spooling {
  readonly #options: SpoolingOptions
  readonly #events: SpoolingEvents
  readonly #spool: Spool
  readonly #replay = new Replay()
  #state: 'opening' | 'recovering' | 'open' | 'hindered' | 'closing' = 'opening'
  #isReading = false
  /** The disk did not take what it was given last. */
  #isRefusing = false
  #pendingBytes = 0
  readonly #toldAt = new Map<Fault['during'], number>()
  /** Lines sent from the disk since it last had none. */
  #replayed = 0

  constructor (options: SpoolingOptions, events: SpoolingEvents) {
    this.#options = options
    this.#events = events
    this.#spool = options.createSpool({
      onEntered: () => {
        this.#state = 'recovering'
        events.onChange()
      },
      onOpened: recovered => this.#onOpened(recovered),
      onHindered: hindrance => {
        this.#state = 'hindered'
        events.onNews({ kind: 'hindered', hindrance })
        events.onChange()
      },
      onWritten: () => this.#onWritten(),
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
      onFault: fault => this.#tellFault(fault)
    })
  }

  /** Whether the disk is its own; it may still be counting what an earlier life has left there. */
  get #hasDisk (): boolean {
    return this.#state === 'recovering' || this.#state === 'open'
  }

  /** Whether there is anything on the disk, or from it, that must be sent before what is in memory. */
  get hasOlder (): boolean {
    return this.#hasDisk && (this.#spool.lines > 0 || this.#spool.pending.lines > 0 || this.#replay.lines > 0)
  }

  /** Whether what comes goes to the disk, and not straight to the sink. */
  get isDiverting (): boolean {
    if (this.#state === 'opening' || this.#state === 'recovering') return true
    if (this.#state !== 'open') return false
    return this.hasOlder || (!this.#isRefusing && (this.#options.mode === 'always' || this.#options.isTripped()))
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
    return this.isDiverting && this.#spool.takes(byteLength)
  }

  /** Takes new lines that {@link letsPass} has let. */
  pass (lines: Lines): void {
    this.#spool.append(lines)
    this.#pendingBytes = this.#spool.pending.bytes
  }

  start (): void {
    this.#spool.start()
  }

  /** Hands what is in the queue to the disk, as far as it takes it, and asks for what is to be sent next. */
  run (): void {
    if (this.isDiverting) this.#divert()
    this.#readAhead()
  }

  doubts (which: NextLines): number {
    return this.#replay.doubts(which)
  }

  doubt (before: number): void {
    this.#replay.doubt(before)
  }

  shift (maxBytes: number, which: NextLines): Lines | undefined {
    return this.#replay.shift(maxBytes, which)
  }

  unshift (lines: readonly Lines[]): void {
    this.#replay.unshift(lines)
  }

  /** The id of a batch that begins with this line: the same when it is read again, also by another process. */
  idOf (line: number): string {
    return this.#spool.idOf(this.#replay.placeOf(line))
  }

  /** @param oldestHeld - The oldest line that the sink, or anybody behind it, still has; `Infinity` if there is none. */
  settle (oldestHeld: number): void {
    if (this.#state !== 'open') return
    const done = this.#replay.takeDone(Math.min(oldestHeld, this.#replay.firstLine))
    for (const { spooled, isRead } of done) {
      this.#replayed += spooled.count
      this.#spool.settle(spooled)
      if (isRead && this.#options.isCopied()) this.#spool.recycle(spooled.bytes)
    }
    if (this.#replayed === 0 || this.hasOlder || this.#options.mode === 'always' || oldestHeld < 0) return
    this.#events.onNews({ kind: 'replayed', lines: this.#replayed })
    this.#replayed = 0
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
   * @returns what of that had to make room on the disk meanwhile, and is nowhere else
   */
  close (held: readonly Lines[], deadline: number): { lost: Lines[], closed: Promise<void> } {
    const hasDisk = this.#hasDisk
    this.#state = 'closing'
    const left = [...held, ...this.#replay.drain()].flatMap(lines => this.#replay.partByPiece(lines))
    const lost = left.filter(({ firstLine }) => !hasDisk || !this.#spool.has(this.#replay.placeOf(firstLine)))
    for (const spooled of this.#replay.takeAllDone(left)) this.#spool.settle(spooled)
    if (hasDisk) this.#spool.rewind()
    return { lost, closed: this.#close(hasDisk, deadline) }
  }

  async #close (hasDisk: boolean, deadline: number): Promise<void> {
    const { intake, clock } = this.#options
    if (hasDisk) {
      this.#divert()
      // What was given to it before may be on its way to a slow disk.
      while (intake.hasQueued && !this.#isRefusing && clock.now() < deadline && await this.#spool.sync()) this.#divert()
    }
    await this.#spool.close(deadline)
  }

  #divert (): void {
    const { intake } = this.#options
    while (intake.hasQueued) {
      const lines = intake.shift(APPEND_BYTES) as Lines
      if (!this.#spool.append(lines)) {
        intake.unshift([lines])
        break
      }
    }
    this.#pendingBytes = this.#spool.pending.bytes
  }

  #readAhead (): void {
    if (this.#state !== 'open' || this.#isReading || this.#spool.lines === 0) return
    const limit = this.#replay.lacksOthers ? DOUBTFUL_READ_BYTES : READ_BYTES
    if (this.#replay.bytes >= limit) return
    this.#isReading = true
    this.#spool.read(READ_BYTES)
  }

  #onOpened (recovered: Recovered): void {
    this.#state = 'open'
    this.#options.ledger.receive(recovered.lines)
    if (recovered.lines > 0 || recovered.unreadableSegments > 0 || recovered.cursor === 'damaged') this.#events.onNews({ kind: 'recovered', recovered })
    this.#events.onChange()
  }

  #onLines (lines: SpooledLines): void {
    this.#isReading = false
    if (this.#state !== 'open') return this.#spool.rewind()
    this.#replay.add(lines)
    this.#events.onChange()
  }

  #onWritten (): void {
    const { bytes } = this.#spool.pending
    const { pace, clock } = this.#options
    if (this.#pendingBytes > bytes) pace.progress(clock.now(), this.#pendingBytes - bytes)
    this.#pendingBytes = bytes
    this.#isRefusing = false
    this.#events.onChange()
  }

  #onReturned (lines: Lines[], error: unknown): void {
    this.#pendingBytes = this.#spool.pending.bytes
    this.#options.intake.unshift(lines)
    if (error !== undefined) this.#tellFault({ during: 'write', error })
    this.#isRefusing = true
    this.#events.onChange()
  }

  /** A disk that is full says so each second. */
  #tellFault (fault: Fault): void {
    const now = this.#options.clock.now()
    if (now - (this.#toldAt.get(fault.during) ?? -Infinity) < REPORT_MS) return
    this.#toldAt.set(fault.during, now)
    this.#events.onNews({ kind: 'failed', fault })
  }
}
