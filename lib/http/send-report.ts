import type { RefusedLine, SendRejection } from '../child/rejection.js'
import { FanoutError } from '../errors.js'
import type { LineOutcomes } from './formats/format.js'
import { indexesOf, type Part } from './part.js'

/** An error that tells a lane what became of a batch. */
export type Rejection = FanoutError & SendRejection

/** A rejection, made of its message and of what it bears. */
export function rejectionOf (message: string, details: SendRejection = {}, cause?: unknown): Rejection {
  return Object.assign(new FanoutError('ERR_FANOUT_SINK_REPORTED', message, { cause }), details)
}

/** Gathers what became of the parts of one batch. */
export class SendReport {
  readonly #origin: string
  readonly #count: number
  readonly #refused: RefusedLine[] = []
  readonly #retry: number[] = []
  #failure: unknown
  #hasFailed = false

  /**
   * @param origin - Of the backend, for messages.
   * @param count - How many lines the batch has.
   */
  constructor (origin: string, count: number) {
    this.#origin = origin
    this.#count = count
  }

  /** Whether it is no use to send more of the batch now. */
  get hasFailed (): boolean {
    return this.#hasFailed
  }

  /** A part was taken, but for the lines that the answer tells of. */
  taken ({ refused, retry, retryReason }: LineOutcomes): void {
    this.#refused.push(...refused)
    this.#retry.push(...retry)
    if (retryReason === undefined) return
    const { status, reason } = retryReason
    this.#fail(rejectionOf(`the backend at ${this.#origin} had no room (${status}: ${reason})`, { statusCode: status }))
  }

  /** A part was not taken. */
  failed (part: Part, failure: unknown): void {
    this.#fail(failure)
    this.unsent(part)
  }

  /** A part has not been sent at all. */
  unsent (part: Part): void {
    this.#retry.push(...indexesOf(part))
  }

  /** @throws what `send` is to reject with, if not every line has arrived */
  throwIfAny (): void {
    // What is true of the whole batch needs no list.
    if (this.#hasFailed && this.#retry.length === this.#count) throw this.#failure
    if (this.#refused.length === 0 && this.#retry.length === 0) return

    const { statusCode, retryAfterMs } = (this.#hasFailed ? this.#failure : {}) as SendRejection
    const [refusal] = this.#refused
    const told = [
      ...refusal === undefined ? [] : [`the backend at ${this.#origin} refused ${this.#refused.length} of ${this.#count} lines, the first: ${refusal.reason}`],
      ...this.#hasFailed ? [`${this.#retry.length} of ${this.#count} lines are to be sent again: ${messageOf(this.#failure)}`] : []
    ]
    throw rejectionOf(told.join('; '), {
      ...statusCode !== undefined && { statusCode },
      ...retryAfterMs !== undefined && { retryAfterMs },
      refused: [...this.#refused].sort((a, b) => a.line - b.line),
      retry: [...this.#retry].sort((a, b) => a - b)
    }, this.#hasFailed ? this.#failure : undefined)
  }

  /** The first failure is the one to tell. */
  #fail (failure: unknown): void {
    if (!this.#hasFailed) this.#failure = failure
    this.#hasFailed = true
  }
}

/** What is told within another message does not begin with its code. */
function messageOf (failure: unknown): string {
  if (failure instanceof FanoutError) return failure.message.slice(failure.code.length + 2)
  return failure instanceof Error ? failure.message : String(failure)
}
