import type { LineOutcomes, Refusal } from './formats/format.js'
import { cutPart, halve, pickPart, type Part } from './part.js'
import type { RequestSize } from './request-size.js'
import type { SendReport } from './send-report.js'

/** What became of one request. */
export type PartResult =
  | { kind: 'taken', outcomes: LineOutcomes }
  /** The backend said that it was too large. */
  | { kind: 'too-large', reason: string, status: number }
  /** The backend refused some of its lines, and said which. */
  | { kind: 'refused', refusal: Refusal }
  /** The connection was broken off before an answer began. */
  | { kind: 'broken-off', error: Error }
  | { kind: 'failed', error: unknown }

/** Dependencies of a `Sending`. */
export interface SendingDeps {
  /** Makes one request; never rejects. */
  request: (part: Part) => Promise<PartResult>
  size: RequestSize
  report: SendReport
  /** Whether lines may be sent again that can have arrived. */
  redelivers: boolean
  /** 1 for lines that are sent for the first time. */
  attempt: number
}

// After a break that may be for the size, so much less is tried: a backend that takes nothing is left alone soon.
const DESCENT = 8
/** How often a line must have been broken off by itself, with others taken in between, to be refused. */
const GUILTY_BREAKS = 3
/** So many lines broken off in a row, with none taken in between, mean that the backend takes nothing. */
const MAX_BREAKS_IN_A_ROW = 4
/** From this attempt on a first line that is broken off by itself does not keep the others. */
const PATIENT_ATTEMPTS = 3

/**
 * Sends the lines of one batch, in requests that the backend can take. Besides answers it reads breaks: a backend or a
 * proxy may break off a request that is too large, or that has a line in it which it cannot bear.
 */
export class Sending {
  readonly #deps: SendingDeps
  /** Lines that were broken off by themselves, and are tried again after others have been taken. */
  #aside: Array<{ line: Part, breaks: number, error: Error }> = []
  #isDescending = false
  #taken = 0
  #breaksInARow = 0

  constructor (deps: SendingDeps) {
    this.#deps = deps
  }

  /** Sends parts, some of them side by side, and reports what became of every line. */
  async run (parts: Part[], concurrency: number): Promise<void> {
    const run = async (): Promise<void> => {
      for (let part = parts.shift(); part !== undefined; part = parts.shift()) await this.#deliver(part)
    }
    await Promise.all(Array.from({ length: Math.min(concurrency, parts.length) }, run))
    for (const { line, error } of this.#aside) this.#deps.report.failed(line, error)
  }

  async #deliver (part: Part): Promise<void> {
    const { request, report, size } = this.#deps
    if (report.hasFailed) return report.unsent(part)
    // The limit may have become smaller since the part was cut.
    const pieces = cutPart(part, size.limit)
    if (pieces.length > 1) return await this.#deliverEach(pieces)

    const result = await request(part)
    switch (result.kind) {
      case 'taken':
        this.#take(part, result.outcomes)
        return await this.#retryAside()
      case 'refused':
        report.taken({ refused: result.refusal.refused, retry: [] })
        if (result.refusal.untold.length > 0) await this.#deliver(pickPart(part, result.refusal.untold))
        return
      case 'too-large':
        if (part.count === 1) return report.taken({ refused: [{ line: part.first, reason: result.reason, status: result.status }], retry: [] })
        size.refuse(part.bytes.length)
        return await this.#deliverEach(halve(part))
      case 'broken-off':
        return part.count === 1 ? this.#onLineBroken(part, result.error) : await this.#onBroken(part, result.error)
      case 'failed':
        return report.failed(part, result.error)
    }
  }

  async #deliverEach (pieces: readonly Part[]): Promise<void> {
    for (const piece of pieces) await this.#deliver(piece)
  }

  /** Only what is taken of less tells a request that is too large from a backend that takes nothing. */
  async #onBroken (part: Part, error: Error): Promise<void> {
    const { report, size, redelivers } = this.#deps
    const bytes = part.bytes.length
    const mayBeTooLarge = size.breakOff(bytes) || this.#isDescending
    if (!redelivers) {
      if (mayBeTooLarge) size.refuse(bytes)
      return report.failed(part, error)
    }
    if (!mayBeTooLarge) return report.failed(part, error)

    // If others are broken off too, these lines need not be to blame.
    for (const accused of this.#aside) accused.breaks = 0
    const wasDescending = this.#isDescending
    this.#isDescending = true
    const takenBefore = this.#taken
    let hasLearned = false
    for (const piece of cutPart(part, Math.floor(bytes / DESCENT))) {
      await this.#deliver(piece)
      if (hasLearned || this.#taken === takenBefore) continue
      size.refuse(bytes)
      hasLearned = true
    }
    this.#isDescending = wasDescending
  }

  #onLineBroken (line: Part, error: Error): void {
    const { report, attempt, redelivers, size } = this.#deps
    size.breakOff(line.bytes.length)
    this.#breaksInARow++
    // Lines are to arrive in order: the rest waits for the first, for a while.
    const allowed = this.#taken > 0 ? MAX_BREAKS_IN_A_ROW : attempt >= PATIENT_ATTEMPTS ? 2 : 1
    if (!redelivers || this.#breaksInARow >= allowed) return report.failed(line, error)
    this.#aside.push({ line, breaks: 1, error })
  }

  /** Others have been taken: a line that is broken off again is more likely to be why. */
  async #retryAside (): Promise<void> {
    const { request, report } = this.#deps
    for (const { line, breaks } of this.#aside.splice(0)) {
      let result = report.hasFailed ? undefined : await request(line)
      // Twice in a row: one of two servers behind a balancer may be down, and each request in turn reach the other.
      if (result?.kind === 'broken-off') result = await request(line)
      if (result === undefined) {
        report.unsent(line)
      } else if (result.kind === 'taken') {
        this.#take(line, result.outcomes)
      } else if (result.kind === 'too-large') {
        report.taken({ refused: [{ line: line.first, reason: result.reason, status: result.status }], retry: [] })
      } else if (result.kind === 'refused') {
        report.taken({ refused: result.refusal.refused, retry: [] })
      } else if (result.kind === 'failed') {
        report.failed(line, result.error)
      } else if (breaks + 1 < GUILTY_BREAKS) {
        this.#aside.push({ line, breaks: breaks + 1, error: result.error })
      } else {
        report.taken({ refused: [{ line: line.first, reason: `the connection was broken off each of ${GUILTY_BREAKS} times that it was sent by itself, and others were taken in between` }], retry: [] })
      }
    }
  }

  #take (part: Part, outcomes: LineOutcomes): void {
    this.#taken++
    this.#breaksInARow = 0
    this.#deps.size.take(part.bytes.length)
    this.#deps.report.taken(outcomes)
  }
}
