import type { Lines } from '../batch.js'
import type { Remark } from '../child/rejection.js'
import type { FailureReason, SinkFailure } from '../failure.js'
import type { DropReason, SinkSnapshot } from '../metrics.js'
import type { NewLines } from '../queue.js'
import { LossReport, type Loss } from '../reports/loss-report.js'

/** Takes lines that a lane cannot keep. */
export interface Fallback {
  /** The name of its target, or `'stderr'`. */
  readonly name: string
  /** @param lines - With their numbers, if they were in the lane */
  takeOver (lines: NewLines & Partial<Pick<Lines, 'firstLine' | 'numbers'>>): void
}

/** Fields of a snapshot that a ledger keeps. */
export type LedgerEntries = Pick<SinkSnapshot,
  'linesReceived' | 'linesDelivered' | 'linesSkipped' | 'linesDropped' | 'linesDroppedProtected' | 'linesFallback' | 'fallback' | 'linesDeadLettered' | 'failures' | 'lateFaults' | 'lastError'>

/** Counts where each line that a lane received has ended: in one place, once, and never lost in silence. */
export class Ledger {
  /** Takes lines that the lane cannot keep. */
  fallback: Fallback | undefined
  readonly #loss: LossReport
  #received = 0
  #delivered = 0
  #skipped = 0
  #passedOn = 0
  #deadLettered = 0
  readonly #dropped: Partial<Record<DropReason, number>> = {}
  readonly #failures: Partial<Record<FailureReason, number>> = {}
  #droppedProtected = 0
  #failureCount = 0
  #lastFailure: SinkFailure | undefined
  #lateFaults = 0

  constructor (onLoss: (loss: Loss, lines: number) => void) {
    this.#loss = new LossReport(onLoss)
  }

  receive (lines: number): void {
    this.#received += lines
  }

  deliver (lines: number): void {
    this.#delivered += lines
  }

  fail (failure: SinkFailure): void {
    const { reason } = failure
    this.#failures[reason] = (this.#failures[reason] ?? 0) + 1
    this.#failureCount++
    this.#lastFailure = failure
  }

  /** The last failure, if there was one. */
  get lastFailure (): SinkFailure | undefined {
    return this.#lastFailure
  }

  get failureCount (): number {
    return this.#failureCount
  }

  /** Lines that were dropped, skipped or dead-lettered. Lines that a fallback was given count there. */
  get lostLines (): number {
    return Object.values(this.#dropped).reduce((sum, lines) => sum + lines, this.#skipped + this.#deadLettered)
  }

  /** A sink failed once more after it had been discarded: this has no consequences. */
  failLate (failure: SinkFailure): void {
    this.#lateFaults++
    this.#lastFailure = failure
  }

  skip (lines: number, isDiagnostic: boolean): void {
    if (lines === 0) return
    this.#skipped += lines
    this.#loss.add({ kind: 'skipped' }, lines, isDiagnostic)
  }

  /** @param protectedLines - How many of them were protected; `undefined` if the lane protects none */
  drop (lines: number, reason: DropReason, isDiagnostic: boolean, protectedLines?: number): void {
    if (lines === 0) return
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + lines
    this.#droppedProtected += protectedLines ?? 0
    this.#loss.add({ kind: 'dropped', reason, ...(protectedLines !== undefined && { protectedLines }) }, lines, isDiagnostic)
  }

  /** @param reason - Why the first of them was refused. */
  deadLetter (lines: number, reason: string): void {
    if (lines === 0) return
    this.#deadLettered += lines
    this.#loss.add({ kind: 'dead-lettered', reason }, lines)
  }

  /** The backend made a remark. Lines that it refused without naming them are dropped: no dead letter can be made of them. */
  remark ({ rejectedLines, text }: Remark): void {
    if (rejectedLines > 0) this.#dropped.poison = (this.#dropped.poison ?? 0) + rejectedLines
    this.#loss.add({ kind: rejectedLines > 0 ? 'unnamed' : 'warned', reason: text }, rejectedLines)
  }

  passOn (lines: NewLines): void {
    this.#passedOn += lines.count
    this.fallback?.takeOver(lines)
  }

  /**
   * The sink has ended: the fallback gets these lines, or they are dropped, which the lane itself reports at the end.
   *
   * @returns how many lines were dropped
   */
  giveUp (lines: NewLines): number {
    if (this.fallback !== undefined) {
      this.passOn(lines)
      return 0
    }
    this.#dropped.closed = (this.#dropped.closed ?? 0) + lines.count
    return lines.count
  }

  /** Reports losses that were not reported yet: the sink has recovered, or has ended. */
  settleLosses (): void {
    this.#loss.flush()
  }

  get entries (): LedgerEntries {
    return {
      linesReceived: this.#received,
      linesDelivered: this.#delivered,
      linesSkipped: this.#skipped,
      linesDropped: { ...this.#dropped },
      linesDroppedProtected: this.#droppedProtected,
      linesFallback: this.#passedOn,
      ...(this.fallback !== undefined && { fallback: this.fallback.name }),
      linesDeadLettered: this.#deadLettered,
      failures: { ...this.#failures },
      lateFaults: this.#lateFaults,
      ...(this.#lastFailure !== undefined && { lastError: this.#lastFailure.err })
    }
  }
}
