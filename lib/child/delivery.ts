import { splitLines } from '../batch.js'
import type { Content } from '../encode.js'
import { FanoutError } from '../errors.js'
import { idOfEach, type LineIds } from '../line-ids.js'
import type { Calls } from './calls.js'
import { toRejection, type Rejection } from './rejection.js'

/** Some whole lines for a delivery sink, with an identity that they keep when they are sent again. */
export interface SinkBatch {
  /**
   * `<life>:<n>`: the life of the lane, and the number of the first line within it. The same lines have the same id when they are
   * sent again. A part of a batch has the id of its own first line.
   */
  readonly id: string
  /** The lines as NDJSON, each with its newline. */
  readonly text: string
  /** The same lines in UTF-8. Send this where possible: `text` has to be encoded once more. */
  readonly buffer: Buffer
  /** The lines without their newlines, and without the carriage returns of `crlf: true`. */
  readonly lines: readonly string[]
  /**
   * The id of each line. A line keeps its id when it is sent again, by whatever batch; a line of a spool also when another process
   * sends it. No other line has it. The first is that of the batch.
   */
  readonly lineIds: readonly string[]
  /** The number of lines. */
  readonly count: number
  /** The length of `buffer`. */
  readonly bytes: number
}

/** Details of an attempt, for a delivery sink. */
export interface SendContext {
  /** Aborted once the attempt has taken longer than `writeTimeoutMs`, and when the sink is discarded. */
  readonly signal: AbortSignal
  /** The number of the attempt for these lines, from 1. */
  readonly attempt: number
  /** True if lines that may have arrived are sent again; `false` with `redelivery: 'at-most-once'`. */
  readonly redelivers: boolean
}

/**
 * The best kind of sink, since it reports the outcome of each batch. A target's factory returns one, or a promise of one, instead
 * of a stream.
 */
export interface DeliverySink {
  /**
   * `true`: once a `send` has settled, neither the sink nor a pending write of it uses the batch or the signal any more. The memory
   * of `buffer` and the signal are then used for the next batch. `false`: V8 collects both.
   * @default `false`
   */
  readonly keepsNothing?: boolean
  /**
   * Delivers a batch. Resolves once the lines have arrived, and rejects if they have not. Batches come one after another. The
   * `statusCode` of an error, or its system `code`, gives the reason of the failure. {@link SendRejection} lists all such properties.
   */
  send (batch: SinkBatch, context: SendContext): Promise<void>
  /** Makes sure that delivered lines are stored for good. Called for `logger.flush()`. */
  flush? (): Promise<void> | void
  /** Called once, after the last batch. */
  close? (): Promise<void> | void
}

/** Enough for any batch, unless a single line is longer. Such a line has memory of its own. */
const MEMORY_BYTES = 512 * 1024

/** True for a delivery sink. */
export function isDeliverySink (value: unknown): value is DeliverySink {
  return typeof value === 'object' && value !== null &&
    typeof (value as Partial<DeliverySink>).send === 'function' && typeof (value as { write?: unknown }).write !== 'function'
}

/** A batch for a {@link DeliveryRunner}. */
export interface DeliveryOrder extends LineIds {
  /** The lines in either form. Bytes are read before {@link DeliveryRunner.send} returns. */
  content: Content
  count: number
  bytes: number
  attempt: number
}

/** Runs a delivery sink: sends one batch after another, and reports an answer for each. */
export class DeliveryRunner {
  readonly #sink: DeliverySink
  readonly #keepsNothing: boolean
  readonly #redelivers: boolean
  readonly #onSettled: (id: string, rejection: Rejection | undefined) => void
  readonly #calls: Calls
  #running: Promise<void> = Promise.resolve()
  /** The id of the batch in flight. */
  #current: string | undefined
  #controller = new AbortController()
  /** Memory of a settled batch, for the next one. */
  #spare: Buffer | undefined

  /** @param calls - Counts each `send` until it has settled */
  constructor (sink: DeliverySink, redelivers: boolean, calls: Calls, onSettled: (id: string, rejection: Rejection | undefined) => void) {
    this.#calls = calls
    this.#sink = sink
    this.#keepsNothing = sink.keepsNothing === true
    this.#redelivers = redelivers
    this.#onSettled = onSettled
  }

  send (order: DeliveryOrder): void {
    const content = typeof order.content === 'string' ? order.content : this.#copy(order.content)
    this.#running = this.#running.then(() => this.#attempt({ ...order, content }))
  }

  abort (id: string): void {
    if (id === this.#current) this.#controller.abort(new FanoutError('ERR_FANOUT_SINK_TIMEOUT', 'the batch took longer than writeTimeoutMs'))
  }

  abortAll (): void {
    if (this.#current !== undefined) this.#controller.abort(new FanoutError('ERR_FANOUT_CLOSED', 'the sink is being closed'))
  }

  async flush (): Promise<void> {
    await this.#running
    await this.#sink.flush?.()
  }

  async close (): Promise<void> {
    await this.#running
    await this.#sink.close?.()
  }

  async #attempt (order: DeliveryOrder): Promise<void> {
    const { id, content, count, attempt } = order
    this.#current = id
    // A new signal for each batch would leave half a kilobyte in V8's old generation.
    if (!this.#keepsNothing || this.#controller.signal.aborted) this.#controller = new AbortController()
    let rejection: Rejection | undefined
    const end = this.#calls.begin()
    try {
      const sending: unknown = this.#sink.send(batchOf(order), { signal: this.#controller.signal, attempt, redelivers: this.#redelivers })
      // Without a promise nobody could tell if the lines have arrived.
      if (!isThenable(sending)) throw new FanoutError('ERR_FANOUT_SINK_INVALID', `send() must return a promise, it returned ${kindOf(sending)}`)
      await sending
    } catch (error) {
      rejection = toRejection(error, count)
    }
    end()
    if (typeof content !== 'string' && this.#isReusable(content)) this.#spare = Buffer.from(content.buffer)
    this.#current = undefined
    this.#onSettled(id, rejection)
  }

  #isReusable (bytes: Buffer): boolean {
    return this.#keepsNothing && bytes.length <= MEMORY_BYTES
  }

  #copy (bytes: Buffer): Buffer {
    if (!this.#isReusable(bytes)) return Buffer.from(bytes)
    const memory = this.#spare ?? Buffer.allocUnsafeSlow(MEMORY_BYTES)
    this.#spare = undefined
    bytes.copy(memory)
    return memory.subarray(0, bytes.length)
  }
}

/** A batch whose text, buffer, lines and their ids are made at their first use. */
function batchOf ({ id, runs, content, count, bytes }: DeliveryOrder): SinkBatch {
  let text = typeof content === 'string' ? content : undefined
  let buffer = typeof content === 'string' ? undefined : content
  let lines: string[] | undefined
  let lineIds: string[] | undefined
  return {
    id,
    count,
    bytes,
    get text () {
      text ??= content.toString()
      return text
    },
    get buffer () {
      buffer ??= Buffer.from(content)
      return buffer
    },
    get lines () {
      lines ??= splitLines(this.text)
      return lines
    },
    get lineIds () {
      lineIds ??= idOfEach({ id, runs }, this.buffer, count)
      return lineIds
    }
  }
}

/** True for a promise, or anything else with a `then`. */
export function isThenable (value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** The kind of a value, for a message that must not show the value itself. */
export function kindOf (value: unknown): string {
  return value === null ? 'null' : value === undefined ? 'undefined' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
}
