import { appendLines, areConsecutive, countLines, cutAt, cutWithin, type Lines } from '../batch.js'
import type { Permit } from '../breaker.js'
import { DurationCounter, type Durations } from '../durations.js'
import type { QueueLimits } from '../queue.js'
import { isSpooled } from './replay.js'

const NEWLINE = 10
/** Places of attempts that are gone are reused once there are this many, and as many as others. */
const COMPACTED_FROM = 1024
/** Attempts that were consumed within this time are joined. Quiet is counted from the last of them. */
const JOINED_MS = 250
const JOINED_BYTES = 64 * 1024
/** One of joined attempts is at most this share of what a sink may hold, since it is settled as a whole. */
const JOINED_SHARE = 16

/** Lines that were handed to a sink at once, or in several attempts that nothing tells apart any more. */
export interface Attempt {
  readonly id: string
  lines: Lines
  /** `null` where the breaker has no say, or has been answered already. */
  permit: Permit | null
  /** Count of the bytes that this child was given, up to the end of these lines. */
  end: number
  /** Waited time at which they were handed over. */
  readonly sentAt: number
  /** Waited time at which the sink accepted them. */
  acceptedAt: number | undefined
  /** Waited time at which they had left the sink's own buffers. */
  consumedAt: number | undefined
}

/** The permit of an attempt, and how long the attempt has taken. */
export type PermittedAttempt = Pick<Attempt, 'permit' | 'sentAt' | 'acceptedAt'>

/** An attempt, and what is needed to join others with it. */
interface HeldAttempt extends Attempt {
  /** Of joined attempts: their memory, the permit of the newest, and when the oldest was consumed. */
  joined: { memory: Buffer, permit: Permit | null, since: number } | undefined
}

/**
 * Lines that one lane has handed to its child and that nothing has settled yet, oldest first. No call costs more the more
 * there are, but for those that take them out.
 */
export class Unsettled {
  readonly #limits: QueueLimits
  readonly #durations = new DurationCounter()
  /** From `#head` on; those before it are gone. */
  #attempts: Array<HeldAttempt | undefined> = []
  #head = 0
  /** Each attempt that has a lower first line than all after it. From `#lowestHead` on; the first of them has the lowest. */
  #lowest: Array<HeldAttempt | undefined> = []
  #lowestHead = 0
  #inDoubt = 0
  #direct = 0
  #accepted = 0
  /** Of the accepted ones, those that have left the sink's own buffers. */
  #consumed = 0
  #delivered = 0
  #given = 0
  #bytes = 0
  #lines = 0
  #unacceptedBytes = 0
  #unacceptedLines = 0

  /** @param limits - Accepted lines beyond them are settled early: lines that come from a disk have no queue to limit them. */
  constructor (limits: QueueLimits) {
    this.#limits = limits
  }

  /** From the hand-over of an attempt to its acceptance, in waited time. */
  get durations (): Durations {
    return this.#durations.durations
  }

  get bytes (): number {
    return this.#bytes
  }

  get lines (): number {
    return this.#lines
  }

  /** Bytes that this child is known to have delivered. */
  get deliveredBytes (): number {
    return this.#delivered
  }

  get count (): number {
    return this.#attempts.length - this.#head
  }

  get unacceptedBytes (): number {
    return this.#unacceptedBytes
  }

  get unacceptedLines (): number {
    return this.#unacceptedLines
  }

  get isOverfull (): boolean {
    return this.#bytes > this.#limits.maxBytes || this.#lines > this.#limits.maxLines
  }

  get hasUnaccepted (): boolean {
    return this.#accepted < this.count
  }

  /** True if these are lines in doubt, which are sent by themselves. */
  get isInDoubt (): boolean {
    return this.#inDoubt > 0
  }

  /** The lowest number of these lines; `Infinity` if there are none. */
  get firstLine (): number {
    // Not that of the oldest attempt: lines of a spool, whose numbers are lower, may have been sent after lines that never were in it.
    return this.#lowest[this.#lowestHead]?.lines.firstLine ?? Infinity
  }

  /** True if there are lines that did not come from a disk. */
  get hasDirect (): boolean {
    return this.#direct > 0
  }

  /** The oldest attempt that the sink has accepted and whose lines have left its own buffers. */
  get oldestConsumed (): Attempt | undefined {
    return this.#consumed > 0 ? this.#at(0) : undefined
  }

  /** The oldest attempt that the sink has accepted and keeps in its own buffers. */
  get oldestHeld (): Attempt | undefined {
    return this.#consumed < this.#accepted ? this.#at(this.#consumed) : undefined
  }

  /** The number of the oldest line that the sink has not accepted. */
  get firstUnacceptedLine (): number | undefined {
    return this.hasUnaccepted ? this.#at(this.#accepted).lines.firstLine : undefined
  }

  /** Resets the byte counts for a new child. Every attempt has been taken out before. */
  restart (): void {
    this.#given = this.#delivered = 0
  }

  add (id: string, lines: Lines, permit: Permit | null, now: number): void {
    const given = lines.bytes.length - lines.arrivedBytes
    this.#given += given
    const attempt = { id, lines, permit, end: this.#given, sentAt: now, acceptedAt: undefined, consumedAt: undefined, joined: undefined }
    this.#attempts.push(attempt)
    this.#count(attempt, 1)
    this.#index(attempt)
    this.#bytes += lines.bytes.length
    this.#lines += lines.count
    this.#unacceptedBytes += given
    this.#unacceptedLines += lines.count
  }

  /** Gives lines other numbers; nothing else of them may change. */
  renumber (renumbered: (lines: Lines) => Lines): void {
    this.#replaceAll(this.#attempts.slice(this.#head).map(attempt => ({ ...attempt as HeldAttempt, lines: renumbered((attempt as HeldAttempt).lines) })))
  }

  /** Marks bytes as accepted, up to this count; returns how many of them were not before. */
  acceptUpTo (end: number, now: number): number {
    const before = this.#unacceptedBytes
    while (this.hasUnaccepted && this.#at(this.#accepted).end <= end) this.#accept(this.#at(this.#accepted++), now)
    this.#unacceptedBytes = Math.min(before, Math.max(0, this.#given - end))
    return before - this.#unacceptedBytes
  }

  /**
   * Marks bytes that have left the sink's own buffers, up to this count; returns whether an attempt is among them.
   *
   * @param mayJoin - False while each attempt is a probe
   */
  consumeUpTo (end: number, now: number, mayJoin: boolean): boolean {
    const before = this.#consumed
    while (this.#consumed < this.#accepted && this.#at(this.#consumed).end <= end) this.#at(this.#consumed++).consumedAt = now
    if (this.#consumed === before) return false
    if (mayJoin) this.#join(before)
    return true
  }

  /** Takes out attempts that were delivered, up to this count of bytes; of joined ones also a part. */
  deliverUpTo (end: number): Attempt[] {
    this.#delivered = end
    const delivered = this.#take(this.#countUpTo(end))
    const part = this.#takePart(end)
    return part === undefined ? delivered : [...delivered, part]
  }

  /** Takes the permits of attempts up to this count of bytes, with the times of each; their lines stay. */
  takePermits (end: number): PermittedAttempt[] {
    const permitted: PermittedAttempt[] = []
    for (let n = 0, count = this.#countUpTo(end); n < count; n++) {
      const attempt = this.#at(n)
      const { permit, sentAt, acceptedAt } = attempt
      if (permit !== null) permitted.push({ permit, sentAt, acceptedAt })
      attempt.permit = null
      if (attempt.joined !== undefined) attempt.joined.permit = null
    }
    return permitted
  }

  /** Takes out attempts whose lines had left the sink's own buffers by this time. */
  takeConsumedBefore (time: number): Attempt[] {
    let n = 0
    while (n < this.#consumed && (this.#at(n).consumedAt as number) <= time) n++
    return this.#take(n)
  }

  /** Takes out the oldest attempt that was accepted. */
  takeOldestAccepted (): Attempt | undefined {
    return this.#accepted > 0 ? this.#take(1)[0] : undefined
  }

  /** Takes out the oldest accepted attempts that exceed the limits. */
  takeSurplus (): Attempt[] {
    const surplus: Attempt[] = []
    while (this.isOverfull && this.#accepted > 0) surplus.push(...this.#take(1))
    return surplus
  }

  /**
   * Takes out the attempt with this id, because the sink has answered for it.
   *
   * @param now - If the sink took its lines
   */
  settle (id: string, now?: number): Attempt | undefined {
    if (this.count === 0 || this.#at(0).id !== id) return undefined
    if (now !== undefined) this.#durations.add(now - this.#at(0).sentAt)
    return this.#take(1)[0]
  }

  /**
   * Takes out every attempt, because the sink failed. Part of the oldest may have arrived: it is known to the byte, so that
   * a file is continued where it stopped, even in the middle of a line.
   */
  takeAll (): { attempts: Attempt[], deliveredLines: number } {
    return this.#withoutDelivered(this.#take(this.count))
  }

  /** Takes out refused lines: those up to this count of bytes that were not delivered before. */
  takeRefused (end: number): { attempts: Attempt[], deliveredLines: number } {
    let n = this.#countUpTo(end)
    if (this.#splitAt(n, end)) n++
    return this.#withoutDelivered(this.#take(n))
  }

  #accept (attempt: HeldAttempt, now: number): void {
    attempt.acceptedAt = now
    this.#unacceptedLines -= attempt.lines.count
    this.#durations.add(now - attempt.sentAt)
  }

  /** Splits an attempt at the last line that ends before this byte. The permit stays with the second part. */
  #splitAt (n: number, end: number): boolean {
    if (n >= this.count) return false
    const attempt = this.#at(n)
    const [head, rest] = cutWithin(attempt.lines, attempt.lines.bytes.length - (attempt.end - end)) ?? []
    if (head === undefined || rest === undefined) return false
    const attempts = this.#attempts.slice(this.#head) as HeldAttempt[]
    attempts.splice(n, 1, { ...attempt, lines: head, permit: null, joined: undefined, end: attempt.end - rest.bytes.length }, { ...attempt, lines: rest })
    this.#replaceAll(attempts)
    if (n < this.#accepted) this.#accepted++
    if (n < this.#consumed) this.#consumed++
    return true
  }

  /**
   * Joins attempts from this one on with those before, where nothing tells them apart any more but the permit: an attempt costs
   * several times as much memory as a line.
   */
  #join (from: number): void {
    const start = from === 0 ? 0 : this.#at(from - 1).end
    while (this.#lowest.length > this.#lowestHead && (this.#lowest.at(-1) as HeldAttempt).end > start) this.#lowest.pop()
    let kept = from
    for (let n = from; n < this.#consumed; n++) {
      const attempt = this.#at(n)
      const former = kept === 0 ? undefined : this.#at(kept - 1)
      if (former !== undefined && this.#isJoinable(former, attempt)) {
        join(former, attempt)
        this.#count(attempt, -1)
      } else {
        this.#attempts[this.#head + kept++] = attempt
      }
    }
    const gone = this.#consumed - kept
    this.#attempts.splice(this.#head + kept, gone)
    this.#accepted -= gone
    this.#consumed -= gone
    for (let n = from; n < this.count; n++) this.#index(this.#at(n))
  }

  #isJoinable (former: HeldAttempt, { lines, permit, consumedAt }: HeldAttempt): boolean {
    return former.permit?.generation === permit?.generation && areConsecutive(former.lines, lines) && !isSpooled(lines.firstLine) &&
      former.lines.bytes.length + lines.bytes.length <= Math.min(JOINED_BYTES, this.#limits.maxBytes / JOINED_SHARE) &&
      former.lines.count + lines.count <= this.#limits.maxLines / JOINED_SHARE &&
      (consumedAt as number) - (former.joined?.since ?? former.consumedAt as number) <= JOINED_MS
  }

  /** Takes the whole lines up to this count of bytes from joined attempts. The permit of the newest stays with the rest. */
  #takePart (end: number): Attempt | undefined {
    const attempt = this.count === 0 ? undefined : this.#at(0)
    if (attempt?.joined === undefined) return undefined
    const [head, rest] = cutWithin(attempt.lines, attempt.lines.bytes.length - (attempt.end - end)) ?? []
    if (head === undefined || rest === undefined) return undefined
    const part = { ...attempt, lines: head, end: attempt.end - rest.bytes.length }
    attempt.lines = rest
    attempt.permit = attempt.joined.permit
    attempt.joined = undefined
    this.#bytes -= head.bytes.length
    this.#lines -= head.count
    return part
  }

  #withoutDelivered (attempts: Attempt[]): { attempts: Attempt[], deliveredLines: number } {
    const first = attempts[0]
    if (first === undefined) return { attempts, deliveredLines: 0 }
    const { bytes, count } = first.lines
    const arrived = bytes.length - (first.end - this.#delivered)
    const deliveredLines = arrived > 0 ? countLines(bytes.subarray(0, arrived)) : 0
    if (deliveredLines === 0 && arrived <= first.lines.arrivedBytes) return { attempts, deliveredLines }
    if (deliveredLines === count) return { attempts: attempts.slice(1), deliveredLines }

    const lineStart = bytes.lastIndexOf(NEWLINE, arrived - 1) + 1
    const lines = deliveredLines === 0 ? first.lines : cutAt(first.lines, lineStart, deliveredLines)[1]
    attempts[0] = { ...first, lines: { ...lines, arrivedBytes: arrived - lineStart } }
    return { attempts, deliveredLines }
  }

  #countUpTo (end: number): number {
    let n = 0
    while (n < this.count && this.#at(n).end <= end) n++
    return n
  }

  #take (n: number): Attempt[] {
    if (n === 0) return []
    const taken = this.#attempts.slice(this.#head, this.#head + n) as HeldAttempt[]
    this.#removeFirst(n)
    this.#accepted = Math.max(0, this.#accepted - n)
    this.#consumed = Math.max(0, this.#consumed - n)
    for (const attempt of taken) {
      const { lines, end, acceptedAt, joined } = attempt
      joined?.permit?.ignore()
      this.#count(attempt, -1)
      this.#bytes -= lines.bytes.length
      this.#lines -= lines.count
      if (acceptedAt !== undefined) continue
      this.#unacceptedBytes = Math.min(this.#unacceptedBytes, this.#given - end)
      this.#unacceptedLines -= lines.count
    }
    return taken
  }

  #at (n: number): HeldAttempt {
    return this.#attempts[this.#head + n] as HeldAttempt
  }

  #count ({ lines }: HeldAttempt, step: 1 | -1): void {
    if (lines.doubts > 0) this.#inDoubt += step
    if (!isSpooled(lines.firstLine)) this.#direct += step
  }

  #index (attempt: HeldAttempt): void {
    while (this.#lowest.length > this.#lowestHead && (this.#lowest.at(-1) as HeldAttempt).lines.firstLine >= attempt.lines.firstLine) this.#lowest.pop()
    this.#lowest.push(attempt)
  }

  #removeFirst (n: number): void {
    const { end } = this.#at(n - 1)
    this.#attempts.fill(undefined, this.#head, this.#head + n)
    this.#head += n
    // Cleared, like those above: each would keep the memory of its lines.
    while ((this.#lowest[this.#lowestHead]?.end ?? Infinity) <= end) this.#lowest[this.#lowestHead++] = undefined
    if (this.#head === this.#attempts.length) this.#attempts.length = this.#head = this.#lowest.length = this.#lowestHead = 0
    if (this.#head < COMPACTED_FROM || this.#head * 2 < this.#attempts.length) return
    this.#attempts.splice(0, this.#head)
    this.#lowest.splice(0, this.#lowestHead)
    this.#head = this.#lowestHead = 0
  }

  #replaceAll (attempts: HeldAttempt[]): void {
    this.#attempts = attempts
    this.#head = this.#lowestHead = this.#inDoubt = this.#direct = 0
    this.#lowest = []
    for (const attempt of attempts) {
      this.#count(attempt, 1)
      this.#index(attempt)
    }
  }
}

/** Joins an attempt with the one before. */
function join (former: HeldAttempt, { lines, end, permit, consumedAt }: HeldAttempt): void {
  const { joined } = former
  joined?.permit?.ignore()
  const appended = appendLines(former.lines, lines, joined?.memory)
  former.joined = { memory: appended.memory, permit, since: joined?.since ?? former.consumedAt as number }
  former.lines = appended.lines
  former.end = end
  former.consumedAt = consumedAt
}
