import type { RefusedLine, Remark, SendRejection } from '../child/rejection.js'
import { FanoutError } from '../errors.js'
import { indexesOf, type PartOfLines } from './batch-part.js'
import type { LineOutcomes } from './formats/format.js'

/** An error with which `send` rejects. It tells the lane what became of a batch. */
export type SendError = FanoutError & SendRejection

/** Creates a {@link SendError}. */
export function sendErrorOf (message: string, details: SendRejection = {}, cause?: unknown): SendError {
  return Object.assign(new FanoutError('ERR_FANOUT_SINK_REPORTED', message, { cause }), details)
}

/** Collects the outcomes of the parts of one batch. */
export class SendReport {
  readonly #origin: string
  readonly #count: number
  readonly #refused: RefusedLine[] = []
  readonly #retry: number[] = []
  #remark: Remark | undefined
  #failure: unknown
  #hasFailed = false

  /**
   * @param origin - The origin of the backend, for messages.
   * @param count - How many lines the batch has.
   */
  constructor (origin: string, count: number) {
    this.#origin = origin
    this.#count = count
  }

  /** Whether a part has failed, so that no more of the batch should be sent now. */
  get hasFailed (): boolean {
    return this.#hasFailed
  }

  /** A part was taken, except the lines in the outcomes. */
  taken ({ refused, retry, retryReason, remark }: LineOutcomes): void {
    this.#refused.push(...refused)
    this.#retry.push(...retry)
    if (remark !== undefined) this.#remark = { text: this.#remark?.text ?? remark.text, rejectedLines: (this.#remark?.rejectedLines ?? 0) + remark.rejectedLines }
    if (retryReason === undefined) return
    const { status, reason } = retryReason
    this.#fail(sendErrorOf(`the backend at ${this.#origin} had no room (${status}: ${reason})`, { statusCode: status }))
  }

  /** A part was not taken. */
  failed (part: PartOfLines, failure: unknown): void {
    this.#fail(failure)
    this.unsent(part)
  }

  /** A part was not sent at all. */
  unsent (part: PartOfLines): void {
    this.#retry.push(...indexesOf(part))
  }

  /** @throws the error with which `send` is to reject, if not every line has arrived */
  throwIfAny (): void {
    // A failure of the whole batch needs no list of lines.
    if (this.#hasFailed && this.#retry.length === this.#count) throw this.#failure
    if (this.#refused.length === 0 && this.#retry.length === 0 && this.#remark === undefined) return

    const { statusCode, retryAfterMs } = (this.#hasFailed ? this.#failure : {}) as SendRejection
    const [refusal] = this.#refused
    const messages = [
      ...refusal === undefined ? [] : [`${refusal.isCertain === true ? `it cannot be sent to the backend at ${this.#origin}:` : `the backend at ${this.#origin} refused`} ${this.#refused.length} of ${this.#count} lines, the first: ${refusal.reason}`],
      ...this.#remark === undefined ? [] : [`the backend at ${this.#origin} refused ${this.#remark.rejectedLines} of ${this.#count} lines without naming them, and says: ${this.#remark.text}`],
      ...this.#hasFailed ? [`${this.#retry.length} of ${this.#count} lines are to be sent again: ${messageOf(this.#failure)}`] : []
    ]
    throw sendErrorOf(messages.join('; '), {
      ...statusCode !== undefined && { statusCode },
      ...retryAfterMs !== undefined && { retryAfterMs },
      refused: [...this.#refused].sort((a, b) => a.line - b.line),
      retry: [...this.#retry].sort((a, b) => a - b),
      ...this.#remark !== undefined && { remark: this.#remark }
    }, this.#hasFailed ? this.#failure : undefined)
  }

  /** Only the first failure is reported. */
  #fail (failure: unknown): void {
    if (!this.#hasFailed) this.#failure = failure
    this.#hasFailed = true
  }
}

/** The message of a failure without its code, for use within another message. */
function messageOf (failure: unknown): string {
  if (failure instanceof FanoutError) return failure.message.slice(failure.code.length + 2)
  return failure instanceof Error ? failure.message : String(failure)
}
