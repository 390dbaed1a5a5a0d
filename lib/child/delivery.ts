import { splitLines } from '../batch.js'
import type { Content } from '../encode.js'
import { FanoutError } from '../errors.js'
import type { Calls } from './calls.js'
import { toRejection, type Rejection } from './rejection.js'

/** What a delivery sink is given: some whole lines, with an identity that they keep when they are sent again. */
export interface SinkBatch {
  /**
   * `<life>:<n>`: the life of the lane, and the running number of the first of these lines in it. The same lines sent
   * again have the same id; a part of a batch has the id of its own first line.
   */
  readonly id: string
  /** The lines as NDJSON, each with its newline. */
  readonly text: string
  /** The same in UTF-8, as it is best sent on: what is sent as `text` is encoded once more. */
  readonly buffer: Buffer
  /** The lines without their newlines, and without what `crlf: true` puts before these. */
  readonly lines: readonly string[]
  /** How many lines these are. */
  readonly count: number
  /** The length of `buffer`. */
  readonly bytes: number
}

/** What a delivery sink is told about an attempt. */
export interface SendContext {
  /** Aborted when the attempt has taken longer than `writeTimeoutMs`, and when the sink is got rid of. */
  readonly signal: AbortSignal
  /** 1 for the first time that these lines are sent, 2 for the second, … */
  readonly attempt: number
  /** Whether lines may be sent again that can have arrived: `false` with `redelivery: 'at-most-once'`. */
  readonly redelivers: boolean
}

/**
 * The best kind of sink, since it tells what became of each batch. A target's factory returns one, or a promise of one,
 * instead of a stream.
 */
export interface DeliverySink {
  /**
   * `true`: once a `send` has settled nobody looks at its batch any more, also not at what of it is still to be written,
   * and nobody listens to its signal. The memory of its `buffer` is then used for the next one, and so is the signal.
   * Default: `false`, and V8 collects what has been sent.
   */
  readonly keepsNothing?: boolean
  /**
   * Delivers a batch: resolves once the lines have arrived, rejects if they have not. Batches come one after another. An
   * error's `statusCode`, or its system `code`, names the reason of the failure; what else it may bear: {@link SendRejection}.
   */
  send (batch: SinkBatch, context: SendContext): Promise<void>
  /** Makes sure that what was delivered is kept, for `logger.flush()`. */
  flush? (): Promise<void> | void
  /** Called once, when no more batches come. */
  close? (): Promise<void> | void
}

/** Enough for any batch, but for one of a single line that is longer: that has memory of its own. */
const MEMORY_BYTES = 512 * 1024

/** Whether a factory returned a delivery sink. */
export function isDeliverySink (value: unknown): value is DeliverySink {
  return typeof value === 'object' && value !== null &&
    typeof (value as Partial<DeliverySink>).send === 'function' && typeof (value as { write?: unknown }).write !== 'function'
}

/** A batch as it comes to its sink. */
export interface DeliveryOrder {
  id: string
  /** As it is at hand; bytes are read before {@link DeliveryRunner.send} returns. */
  content: Content
  count: number
  bytes: number
  attempt: number
}

/** Runs a delivery sink: one batch after another, an answer for each. */
export class DeliveryRunner {
  readonly #sink: DeliverySink
  readonly #keepsNothing: boolean
  readonly #redelivers: boolean
  readonly #onSettled: (id: string, rejection: Rejection | undefined) => void
  readonly #calls: Calls
  #running: Promise<void> = Promise.resolve()
  /** The batch that is under way. */
  #current: string | undefined
  #controller = new AbortController()
  /** Memory of a batch that is settled, for the next one. */
  #spare: Buffer | undefined

  /** @param calls - Counts each `send` until it has settled. */
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
    // Of each signal V8 would promote half a kilobyte to its old generation.
    if (!this.#keepsNothing || this.#controller.signal.aborted) this.#controller = new AbortController()
    let rejection: Rejection | undefined
    const end = this.#calls.begin()
    try {
      const sending: unknown = this.#sink.send(batchOf(order), { signal: this.#controller.signal, attempt, redelivers: this.#redelivers })
      // Nobody could tell whether it has arrived.
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

/** What a sink asks for is made when it does, once. */
function batchOf ({ id, content, count, bytes }: DeliveryOrder): SinkBatch {
  let text = typeof content === 'string' ? content : undefined
  let buffer = typeof content === 'string' ? undefined : content
  let lines: string[] | undefined
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
    }
  }
}

/** Whether it can be awaited for an answer. */
export function isThenable (value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** What kind of value it is, for a message; nothing of the value itself. */
export function kindOf (value: unknown): string {
  return value === null ? 'null' : value === undefined ? 'undefined' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
}
