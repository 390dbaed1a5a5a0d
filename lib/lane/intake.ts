import type { AppThread } from '../app-thread.js'
import { cutLines, freshLines, type Batch, type Lines } from '../batch.js'
import type { Clock } from '../clock.js'
import { LineQueue, type Amount, type NewLines, type NextLimits, type NextLines } from '../queue.js'
import type { Pace } from './pace.js'
import type { Attempt, Unsettled } from './unsettled.js'

/** The option `queue` of a target. */
export interface IntakeSettings {
  maxBytes: number
  maxLines: number
  overflow: 'drop-oldest' | 'drop-newest' | 'block'
  blockTimeoutMs: number
}

/** What an intake is made of. */
export interface IntakeDeps {
  clock: Clock
  app: AppThread
  sinkPace: Pace
  /** That of the disk, where one takes lines before the sink does. */
  diskPace: Pace
  unsettled: Unsettled
}

/** What an intake asks and tells its lane. */
export interface IntakeEvents {
  /** Whether the sink is being given lines at all, so that waiting for it makes sense. */
  isTakenFrom (): boolean
  /** Whether it is a disk that takes them. */
  isDiverting (): boolean
  /** Bytes that are being written to that disk, and in memory until they are there. */
  pendingBytes (): number
  /** Lines that were accepted, and kept only in case of a failure, must make room. */
  onSurrender (attempt: Attempt): void
  /** The queue has no room, and waiting for some does not help: returns whether a disk takes some of it instead. */
  onOverflow (): boolean
  onDropped (lines: number, isDiagnostic: boolean): void
  /** Nothing is held back any more. */
  onRelief (): void
  /** Time to look again whether to go on holding back. */
  onTick (): void
}

/** Lines that have no place in the queue yet. */
interface Newcomer {
  lines: Lines
  isDiagnostic: boolean
}

const TICK_MS = 20
/** Lines that wait this long are dropped, even if others move: in waited time. */
const MAX_PUSHBACK_MS = 4000
/** A shorter silence says nothing: a healthy sink may not have been given the processor for so long. */
const SHORTEST_SILENCE_MS = 250
/** The same for a sink that has not taken anything yet: it may have to connect, and to load what it needs for that. */
const FIRST_SILENCE_MS = 500
/** A sink that moves tells of it after so much at the latest. */
const PORTION_BYTES = 1024 * 1024

/**
 * The way into a lane: its queue, and what happens when that is full. First the app is held back, as long as the sink's
 * pace promises that it helps; then lines are dropped by the policy. All times are waited time.
 */
export class Intake {
  readonly #settings: IntakeSettings
  readonly #clock: Clock
  readonly #app: AppThread
  readonly #sinkPace: Pace
  readonly #diskPace: Pace
  readonly #unsettled: Unsettled
  readonly #events: IntakeEvents
  readonly #queue: LineQueue
  /** Came when the queue was full; holds the app back while there is any. */
  readonly #waiting: Newcomer[] = []
  #waitingSince = 0
  #cancelTick: (() => void) | undefined

  constructor (settings: IntakeSettings, { clock, app, sinkPace, diskPace, unsettled }: IntakeDeps, events: IntakeEvents) {
    this.#settings = settings
    this.#clock = clock
    this.#app = app
    this.#sinkPace = sinkPace
    this.#diskPace = diskPace
    this.#unsettled = unsettled
    this.#events = events
    this.#queue = new LineQueue(settings)
  }

  get isEmpty (): boolean {
    return this.#queue.isEmpty && this.#waiting.length === 0
  }

  /** Whether there is anything to {@link shift}: what waits is let in first. */
  get hasQueued (): boolean {
    return !this.#queue.isEmpty
  }

  get isPressing (): boolean {
    return this.#waiting.length > 0
  }

  /** What is queued, and what waits to be. */
  get lines (): number {
    return this.#waiting.reduce((sum, { lines }) => sum + lines.count, this.#queue.lines)
  }

  get bytes (): number {
    return this.#waiting.reduce((sum, { lines }) => sum + lines.bytes.length, this.#queue.bytes)
  }

  get firstLine (): number {
    return this.#queue.firstLine
  }

  get nextLine (): number {
    return this.#queue.nextLine
  }

  /** The number of the next line that comes, if all those are let in that wait. */
  get nextComer (): number {
    return this.#waiting.reduce((next, { lines }) => next + lines.count, this.#queue.nextLine)
  }

  /** Whether these lines may go straight through: nothing is before them, and they are within the bounds. */
  letsPass ({ byteLength, count }: Batch): boolean {
    // There is no way to have less than one line; alone it may pass, whatever its size.
    return this.isEmpty && (this.#makeRoom(byteLength, count) || (count === 1 && this.#unsettled.count === 0))
  }

  /** Whether these lines may go straight to the disk that takes them: nothing is before them, and they are within the bounds. */
  letsDivert ({ byteLength, count }: Batch): boolean {
    return this.isEmpty && this.#hasRoom(byteLength, count)
  }

  /** Lets lines straight through that {@link letsPass} or {@link letsDivert} has let. */
  pass (batch: Batch): Lines {
    this.#beginIfIdle()
    return this.#queue.pass(batch)
  }

  add ({ bytes, count, isDiagnostic }: Batch): void {
    const newcomer: Newcomer = { lines: freshLines(bytes, count, 0), isDiagnostic }
    if (this.#waiting.length > 0) {
      this.#waiting.push(newcomer)
    } else if (this.#makeRoom(bytes.length, count)) {
      this.#beginIfIdle()
      this.#queue.push(newcomer.lines)
    } else {
      this.#beginIfIdle()
      this.#waitingSince = this.#clock.waited()
      if (!this.#mustWait(newcomer.lines)) return this.#force(newcomer)
      this.#waiting.push(this.#admitPart(newcomer))
      this.#awaitTick()
    }
  }

  /** Lets in what waits, as far as there is room, or no reason left to hold the app back. */
  admit (): void {
    if (this.#waiting.length === 0) return
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (this.#makeRoom(first.lines.bytes.length, first.lines.count) || this.#isAlone(first)) {
        this.#queue.push(first.lines)
      } else if (this.#mustWait(first.lines)) {
        this.#waiting[0] = this.#admitPart(first)
        return
      } else {
        this.#force(first)
      }
      this.#waiting.shift()
    }
    this.#relieve()
  }

  /** Whether all that is here may be to blame for failures, so that there is nothing good to probe with. */
  lacksOthers (which: NextLines): boolean {
    return this.#queue.doubts('least') > 0 || (which === 'other' && !this.#queue.isEmpty && !this.#queue.hasOther)
  }

  /** How doubtful the lines are that are next. */
  doubts (which: NextLines): number {
    return this.#queue.doubts(which)
  }

  /** What is older than this line is in doubt from now on. */
  doubt (before: number): void {
    this.#queue.doubt(before)
  }

  /** The number of the newest line that is least in doubt. */
  get newestLine (): number | undefined {
    return this.#queue.newestLine
  }

  /** How doubtful the newest line is. */
  get newestDoubts (): number {
    return this.#queue.newestDoubts
  }

  /** Takes the oldest lines. */
  shift (maxBytes: number): Lines | undefined {
    return this.#queue.shift(maxBytes)
  }

  /** Takes the lines that are next. */
  take (which: NextLines, limits: NextLimits): Lines | undefined {
    return this.#queue.take(which, limits)
  }

  unshift (lines: readonly Lines[]): void {
    this.#queue.unshift(lines)
  }

  /** Marks bytes of returned lines as delivered, beginning with this line. */
  arrive (firstLine: number, bytes: number): { count: number, nextLine: number } {
    return this.#queue.arrive(firstLine, bytes)
  }

  /** Takes everything out, oldest first. */
  drain (): Lines[] {
    const all = [...this.#queue.drain(), ...this.#waiting.splice(0).map(({ lines }) => lines)]
    this.#relieve()
    return all
  }

  #beginIfIdle (): void {
    if (this.#queue.isEmpty && !this.#unsettled.hasUnaccepted) this.#pace.begin(this.#clock.waited())
  }

  /** That of who takes the lines at this moment. */
  get #pace (): Pace {
    return this.#events.isDiverting() ? this.#diskPace : this.#sinkPace
  }

  #relieve (): void {
    this.#cancelTick?.()
    this.#cancelTick = undefined
    this.#events.onRelief()
  }

  #awaitTick (): void {
    this.#cancelTick ??= this.#clock.whenWaited(this.#clock.waited() + TICK_MS, () => {
      this.#cancelTick = undefined
      this.#events.onTick()
      if (this.isPressing) this.#awaitTick()
    })
  }

  #makeRoom (bytes: number, lines: number): boolean {
    if (this.#hasRoom(bytes, lines)) return true
    if (this.#events.isDiverting()) return this.#events.onOverflow() && this.#hasRoom(bytes, lines)
    while (!this.#hasRoom(bytes, lines)) {
      const attempt = this.#unsettled.takeOldestAccepted()
      if (attempt === undefined) return false
      this.#events.onSurrender(attempt)
    }
    return true
  }

  /**
   * What takes room beside the queue: what the sink has, or, where the queue is just the way to a disk, the memory of what
   * is being written. Those lines have left the queue, and count only by their bytes.
   */
  get #outside (): Amount {
    return this.#events.isDiverting() ? { bytes: this.#events.pendingBytes(), lines: 0 } : this.#unsettled
  }

  /** Whether this is a single line with nothing before it, about to be taken: it may come in whatever its size. */
  #isAlone ({ lines: { count } }: Newcomer): boolean {
    return count === 1 && this.#queue.isEmpty && this.#unsettled.count === 0 && this.#events.pendingBytes() === 0 && this.#events.isTakenFrom()
  }

  /** Whether lines for which there is no room are to wait for some; if not, a disk may just have made some. */
  #mustWait (lines: NewLines): boolean {
    return this.#mustPushBack() || (this.#events.onOverflow() && !this.#fits(lines) && this.#mustPushBack())
  }

  #mustPushBack (): boolean {
    if (!this.#events.isTakenFrom()) return false
    const now = this.#clock.waited()
    if (now - this.#waitingSince >= MAX_PUSHBACK_MS || !this.#app.isTurning) return false
    const { overflow, blockTimeoutMs } = this.#settings
    const stillForMs = now - this.#pace.lastProgress
    if (overflow === 'block') return stillForMs < blockTimeoutMs
    if (stillForMs >= this.#patienceMs) return false
    const inHand = this.#events.isDiverting() ? 0 : this.#unsettled.unacceptedBytes
    return !this.#pace.hasMoved || this.#pace.msFor(this.#queue.bytes + inHand, now) <= blockTimeoutMs
  }

  /**
   * For how long the sink may be silent: what it has in its hands must be gone within its share of `blockTimeoutMs`. All
   * that the app logs while it is held back piles up in the app, so a sink that hangs must be known for it soon. A disk
   * has nothing to do with what the sink has.
   */
  get #patienceMs (): number {
    const { blockTimeoutMs } = this.#settings
    const inHand = this.#unsettled.unacceptedBytes
    // A sink that has nothing in its hands is just starting.
    if (inHand === 0 || this.#events.isDiverting()) return blockTimeoutMs
    const share = Math.min(PORTION_BYTES, inHand) / (this.#queue.bytes + inHand)
    const shortest = this.#pace.hasMoved ? SHORTEST_SILENCE_MS : FIRST_SILENCE_MS
    return Math.min(blockTimeoutMs, Math.max(shortest, share * blockTimeoutMs))
  }

  /** Lets in as many lines as there is room for, though not all of them; returns the rest. */
  #admitPart ({ lines, isDiagnostic }: Newcomer): Newcomer {
    const [head, rest] = this.#cutToRoom(lines)
    if (!this.#fits(head) || rest === undefined) return { lines, isDiagnostic }
    this.#queue.push(head)
    return { lines: rest, isDiagnostic }
  }

  /** Takes lines into a queue that is full, by its policy, unless a disk has just made room. */
  #force ({ lines, isDiagnostic }: Newcomer): void {
    if (this.#fits(lines)) return this.#queue.push(lines)
    let dropped = 0
    if (this.#settings.overflow === 'drop-newest') {
      const [head, rest] = this.#cutToRoom(lines)
      const fits = this.#fits(head)
      if (fits) this.#queue.push(head)
      dropped = fits ? rest?.count ?? 0 : lines.count
    } else {
      let rest: Lines | undefined = lines
      // What an empty queue could not keep either must not cost what is in this one.
      const most = { bytes: this.#settings.maxBytes - this.#outside.bytes, lines: this.#settings.maxLines - this.#outside.lines }
      while (rest !== undefined && (rest.bytes.length > most.bytes || rest.count > most.lines)) {
        const [head, tail]: [Lines, Lines | undefined] = cutLines(rest, ...excess(rest, most))
        dropped += head.count
        rest = tail
      }
      if (rest !== undefined) {
        while (!this.#fits(rest)) dropped += this.#queue.drop(...excess(rest, this.#queue.room(this.#outside)))
        this.#queue.push(rest)
      }
    }
    this.#events.onDropped(dropped, isDiagnostic)
  }

  #cutToRoom (lines: Lines): [head: Lines, rest: Lines | undefined] {
    const room = this.#queue.room(this.#outside)
    return cutLines(lines, room.bytes, room.lines)
  }

  #fits ({ bytes, count }: NewLines): boolean {
    return this.#hasRoom(bytes.length, count)
  }

  #hasRoom (bytes: number, lines: number): boolean {
    if (this.#queue.fits(bytes, lines, this.#outside)) return true
    // It is being written at once.
    return this.#queue.isEmpty && this.#events.isDiverting() && this.#events.isTakenFrom() && this.#hasDiskRoom(bytes)
  }

  /** As with a sink, what comes alone may come whatever its size. */
  #hasDiskRoom (bytes: number): boolean {
    const pendingBytes = this.#events.pendingBytes()
    return pendingBytes === 0 || pendingBytes + bytes <= this.#settings.maxBytes
  }
}

/** By how many bytes and lines these are too many; no limit where they are not. */
function excess ({ bytes, count }: NewLines, room: Amount): [bytes: number, lines: number] {
  const over = (amount: number): number => amount > 0 ? amount : Infinity
  return [over(bytes.length - room.bytes), over(count - room.lines)]
}
