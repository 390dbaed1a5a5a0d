import { countLines, cutAt, type Lines } from '../batch.js'
import type { Permit } from '../breaker.js'
import type { QueueLimits } from '../queue.js'

const NEWLINE = 10

/** Lines in the hands of a sink. */
export interface Attempt {
  readonly id: string
  readonly lines: Lines
  /** `null` where the breaker has no say, or has its answer already. */
  permit: Permit | null
  /** Where these lines end among all bytes that this child was given. */
  readonly end: number
  /** Waited time at which the sink accepted them. */
  acceptedAt: number | undefined
  /** Waited time at which they had left the sink's own buffers. */
  consumedAt: number | undefined
}

/** What one lane has handed to its child and has no proof of yet, oldest first. */
export class Unsettled {
  readonly #limits: QueueLimits
  #attempts: Attempt[] = []
  #accepted = 0
  /** Of the accepted ones. */
  #consumed = 0
  #delivered = 0
  #given = 0
  #bytes = 0
  #lines = 0
  #unacceptedBytes = 0

  /** @param limits - What it should not have more of: what comes from a disk has no queue to limit it. */
  constructor (limits: QueueLimits) {
    this.#limits = limits
  }

  get bytes (): number {
    return this.#bytes
  }

  get lines (): number {
    return this.#lines
  }

  /** How many bytes this child is known to have delivered. */
  get deliveredBytes (): number {
    return this.#delivered
  }

  get count (): number {
    return this.#attempts.length
  }

  get unacceptedBytes (): number {
    return this.#unacceptedBytes
  }

  get isOverfull (): boolean {
    return this.#bytes > this.#limits.maxBytes || this.#lines > this.#limits.maxLines
  }

  get hasUnaccepted (): boolean {
    return this.#accepted < this.#attempts.length
  }

  /** Whether these are lines in doubt, which are sent by themselves. */
  get isInDoubt (): boolean {
    return this.#attempts.some(({ lines }) => lines.doubts > 0)
  }

  /** The least of the numbers of the lines in the sink's hands; `Infinity` if there are none. */
  get firstLine (): number {
    // Not that of the oldest attempt: what came out of a spool may have been sent behind what had never been in it.
    return this.#attempts.reduce((least, { lines }) => Math.min(least, lines.firstLine), Infinity)
  }

  /** Whether any of the lines in the sink's hands has a number that this holds for. */
  some (holds: (firstLine: number) => boolean): boolean {
    return this.#attempts.some(({ lines }) => holds(lines.firstLine))
  }

  /** The oldest that the sink has accepted and does not keep in its own buffers, and of which nothing is proven. */
  get oldestConsumed (): Attempt | undefined {
    return this.#consumed > 0 ? this.#attempts[0] : undefined
  }

  /** The oldest that the sink has accepted, and keeps in its own buffers. */
  get oldestHeld (): Attempt | undefined {
    return this.#consumed < this.#accepted ? this.#attempts[this.#consumed] : undefined
  }

  /** The number of the oldest line that the sink has not accepted. */
  get firstUnacceptedLine (): number | undefined {
    return this.#attempts[this.#accepted]?.lines.firstLine
  }

  /** Begins anew, with a new child. Everything has been taken out before. */
  restart (): void {
    this.#given = this.#delivered = 0
  }

  add (id: string, lines: Lines, permit: Permit | null): void {
    const given = lines.bytes.length - lines.arrivedBytes
    this.#given += given
    this.#attempts.push({ id, lines, permit, end: this.#given, acceptedAt: undefined, consumedAt: undefined })
    this.#bytes += lines.bytes.length
    this.#lines += lines.count
    this.#unacceptedBytes += given
  }

  /** Gives lines other numbers; nothing else of them may change. */
  renumber (renumbered: (lines: Lines) => Lines): void {
    this.#attempts = this.#attempts.map(attempt => ({ ...attempt, lines: renumbered(attempt.lines) }))
  }

  /** The sink accepted everything up to there; returns how many bytes that is more than was known. */
  acceptUpTo (end: number, now: number): number {
    const before = this.#unacceptedBytes
    while (this.#accepted < this.#attempts.length && (this.#attempts[this.#accepted] as Attempt).end <= end) {
      const attempt = this.#attempts[this.#accepted++] as Attempt
      attempt.acceptedAt = now
    }
    this.#unacceptedBytes = Math.min(before, Math.max(0, this.#given - end))
    return before - this.#unacceptedBytes
  }

  /** What ends there has left the sink's own buffers; returns whether that is anything new. */
  consumeUpTo (end: number, now: number): boolean {
    const before = this.#consumed
    while (this.#consumed < this.#accepted && (this.#attempts[this.#consumed] as Attempt).end <= end) {
      const attempt = this.#attempts[this.#consumed++] as Attempt
      attempt.consumedAt = now
    }
    return this.#consumed > before
  }

  /** Takes out what was delivered. */
  deliverUpTo (end: number): Attempt[] {
    this.#delivered = end
    return this.#take(this.#countUpTo(end))
  }

  /** Takes the permits of what ends there or before; the lines stay. */
  takePermits (end: number): Permit[] {
    return this.#attempts.slice(0, this.#countUpTo(end)).flatMap(attempt => {
      const { permit } = attempt
      attempt.permit = null
      return permit ?? []
    })
  }

  /** Takes out what has left the sink's own buffers, and no later than that. */
  takeConsumedBefore (time: number): Attempt[] {
    let n = 0
    while (n < this.#consumed && ((this.#attempts[n] as Attempt).consumedAt as number) <= time) n++
    return this.#take(n)
  }

  /** Takes out the oldest that has been accepted. */
  takeOldestAccepted (): Attempt | undefined {
    return this.#accepted > 0 ? this.#take(1)[0] : undefined
  }

  /** Takes out the oldest that have been accepted, as far as there is too much. */
  takeSurplus (): Attempt[] {
    const surplus: Attempt[] = []
    while (this.isOverfull && this.#accepted > 0) surplus.push(...this.#take(1))
    return surplus
  }

  /** Takes out the attempt with this id. */
  settle (id: string): Attempt | undefined {
    return this.#attempts[0]?.id === id ? this.#take(1)[0] : undefined
  }

  /**
   * Takes out everything, since the sink failed. Of the oldest, a part may have arrived: it is told apart to the byte,
   * so that a file is continued in the middle of a line, where it stopped.
   */
  takeAll (): { attempts: Attempt[], deliveredLines: number } {
    return this.#withoutDelivered(this.#take(this.#attempts.length))
  }

  /** Takes out what was refused: everything up to there, but for the lines that were delivered before. */
  takeRefused (end: number): { attempts: Attempt[], deliveredLines: number } {
    let n = 0
    while (n < this.#attempts.length && (this.#attempts[n] as Attempt).end <= end) n++
    if (this.#splitAt(n, end)) n++
    return this.#withoutDelivered(this.#take(n))
  }

  /** Makes two attempts of one, at the last line that ends before this byte. The permit stays with the second. */
  #splitAt (n: number, end: number): boolean {
    const attempt = this.#attempts[n]
    if (attempt === undefined) return false
    const { bytes } = attempt.lines
    const cut = bytes.lastIndexOf(NEWLINE, bytes.length - (attempt.end - end) - 1) + 1
    if (bytes.length - (attempt.end - end) <= 0 || cut === 0) return false
    const [head, rest] = cutAt(attempt.lines, cut, countLines(bytes.subarray(0, cut)))
    this.#attempts.splice(n, 1, { ...attempt, lines: head, permit: null, end: attempt.end - rest.bytes.length }, { ...attempt, lines: rest })
    if (n < this.#accepted) this.#accepted++
    if (n < this.#consumed) this.#consumed++
    return true
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
    while (n < this.#attempts.length && (this.#attempts[n] as Attempt).end <= end) n++
    return n
  }

  #take (n: number): Attempt[] {
    if (n === 0) return []
    const taken = this.#attempts.splice(0, n)
    this.#accepted = Math.max(0, this.#accepted - n)
    this.#consumed = Math.max(0, this.#consumed - n)
    for (const { lines, end, acceptedAt } of taken) {
      this.#bytes -= lines.bytes.length
      this.#lines -= lines.count
      if (acceptedAt === undefined) this.#unacceptedBytes = Math.min(this.#unacceptedBytes, this.#given - end)
    }
    return taken
  }
}
