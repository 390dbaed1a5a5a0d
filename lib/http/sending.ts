import { cutPart, halve, pickPart, type BatchPart } from './batch-part.js'
import type { LineOutcomes, RequestRefusal } from './formats/format.js'
import type { RequestSize } from './request-size.js'
import type { SendReport } from './send-report.js'

/** Outcome of one request. */
export type PartResult =
  | { kind: 'taken', outcomes: LineOutcomes }
  /** The backend said that the request was too large. */
  | { kind: 'too-large', reason: string, status: number }
  /** The request was not made, since it is larger than the user allows. `share` is the part of it that is allowed. */
  | { kind: 'over-limit', reason: string, share: number }
  /** The backend refused some of its lines, and said which. */
  | { kind: 'refused', refusal: RequestRefusal }
  /** The connection was broken off before an answer began. */
  | { kind: 'broken-off', error: Error }
  | { kind: 'failed', error: unknown }

/** Dependencies of a `Sending`. */
export interface SendingDeps {
  /** Makes one request. Never rejects. */
  request: (part: BatchPart) => Promise<PartResult>
  size: RequestSize
  report: SendReport
  /** Whether lines that may have arrived can be sent again. */
  redelivers: boolean
  /** 1 for lines that are sent for the first time. */
  attempt: number
}

// The factor by which requests become smaller after a break that the size may have caused. It is large, so that a backend that
// takes nothing gets few requests.
const DESCENT = 8
/** How often the request of a single line must be broken off, with others taken in between, until the line counts as refused. */
const GUILTY_BREAKS = 3
/** If this many single lines are broken off in a row, the backend takes nothing. */
const MAX_BREAKS_IN_A_ROW = 4
/** From this attempt on, a first line that is broken off does not hold up the others. */
const PATIENT_ATTEMPTS = 3

/**
 * Sends the lines of one batch in requests that the backend can take. It learns from answers, and from broken connections:
 * a backend or a proxy may break off a request that is too large, or that has a line that crashes it.
 */
export class Sending {
  readonly #deps: SendingDeps
  /** Single lines that were broken off. They are tried again after others have been taken. */
  #aside: Array<{ line: BatchPart, breaks: number, error: Error }> = []
  #isDescending = false
  #taken = 0
  #breaksInARow = 0

  constructor (deps: SendingDeps) {
    this.#deps = deps
  }

  /** Sends parts, up to `concurrency` at the same time, and reports the outcome of every line. */
  async run (parts: BatchPart[], concurrency: number): Promise<void> {
    const run = async (): Promise<void> => {
      for (let part = parts.shift(); part !== undefined; part = parts.shift()) await this.#deliver(part)
    }
    await Promise.all(Array.from({ length: Math.min(concurrency, parts.length) }, run))
    for (const { line, error } of this.#aside) this.#deps.report.failed(line, error)
  }

  async #deliver (part: BatchPart): Promise<void> {
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
      case 'over-limit':
        if (part.count === 1) return report.taken({ refused: [{ line: part.first, reason: result.reason, isCertain: true }], retry: [] })
        return await this.#deliverEach(cutPart(part, Math.max(1, Math.floor(part.bytes.length * result.share))))
      case 'broken-off':
        return part.count === 1 ? this.#onLineBroken(part, result.error) : await this.#onBroken(part, result.error)
      case 'failed':
        return report.failed(part, result.error)
    }
  }

  async #deliverEach (pieces: readonly BatchPart[]): Promise<void> {
    for (const piece of pieces) await this.#deliver(piece)
  }

  /** Tries smaller parts: if one is taken, the request was too large; if none is, the backend takes nothing. */
  async #onBroken (part: BatchPart, error: Error): Promise<void> {
    const { report, size, redelivers } = this.#deps
    const bytes = part.bytes.length
    const mayBeTooLarge = size.breakOff(bytes) || this.#isDescending
    if (!redelivers) {
      if (mayBeTooLarge) size.refuse(bytes)
      return report.failed(part, error)
    }
    if (!mayBeTooLarge) return report.failed(part, error)

    // Other lines are broken off too, so those set aside may not be the cause.
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

  #onLineBroken (line: BatchPart, error: Error): void {
    const { report, attempt, redelivers, size } = this.#deps
    size.breakOff(line.bytes.length)
    this.#breaksInARow++
    // Lines should arrive in order: for some attempts, the others wait for the first line.
    const allowed = this.#taken > 0 ? MAX_BREAKS_IN_A_ROW : attempt >= PATIENT_ATTEMPTS ? 2 : 1
    if (!redelivers || this.#breaksInARow >= allowed) return report.failed(line, error)
    this.#aside.push({ line, breaks: 1, error })
  }

  /** Tries single lines again after others have been taken. One that is broken off again is more likely to be the cause. */
  async #retryAside (): Promise<void> {
    const { request, report } = this.#deps
    for (const { line, breaks } of this.#aside.splice(0)) {
      let result = report.hasFailed ? undefined : await request(line)
      // A second try: behind a balancer that alternates between two servers, the first may have reached the one that is down.
      if (result?.kind === 'broken-off') result = await request(line)
      if (result === undefined) {
        report.unsent(line)
      } else if (result.kind === 'taken') {
        this.#take(line, result.outcomes)
      } else if (result.kind === 'too-large') {
        report.taken({ refused: [{ line: line.first, reason: result.reason, status: result.status }], retry: [] })
      } else if (result.kind === 'over-limit') {
        report.taken({ refused: [{ line: line.first, reason: result.reason, isCertain: true }], retry: [] })
      } else if (result.kind === 'refused') {
        report.taken({ refused: result.refusal.refused, retry: [] })
      } else if (result.kind === 'failed') {
        report.failed(line, result.error)
      } else if (breaks + 1 < GUILTY_BREAKS) {
        this.#aside.push({ line, breaks: breaks + 1, error: result.error })
      } else {
        report.taken({ refused: [{ line: line.first, reason: `the connection was broken off each of the ${GUILTY_BREAKS} times that this line was sent by itself, while other lines were taken in between` }], retry: [] })
      }
    }
  }

  #take (part: BatchPart, outcomes: LineOutcomes): void {
    this.#taken++
    this.#breaksInARow = 0
    this.#deps.size.take(part.bytes.length)
    this.#deps.report.taken(outcomes)
  }
}
