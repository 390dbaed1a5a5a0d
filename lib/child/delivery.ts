import { FanoutError } from '../errors.js'
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
  /** The lines without their newlines. */
  readonly lines: readonly string[]
  /** How many lines these are. */
  readonly count: number
  /** The length of `text` in UTF-8, in bytes. */
  readonly bytes: number
}

/** What a delivery sink is told about an attempt. */
export interface SendContext {
  /** Aborted when the attempt has taken longer than `writeTimeoutMs`, and when the sink is got rid of. */
  readonly signal: AbortSignal
  /** 1 for the first time that these lines are sent, 2 for the second, … */
  readonly attempt: number
}

/**
 * The best kind of sink, since it tells what became of each batch. A target's factory returns one, or a promise of one,
 * instead of a stream.
 */
export interface DeliverySink {
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

/** Whether a factory returned a delivery sink. */
export function isDeliverySink (value: unknown): value is DeliverySink {
  return typeof value === 'object' && value !== null &&
    typeof (value as Partial<DeliverySink>).send === 'function' && typeof (value as { write?: unknown }).write !== 'function'
}

/** A batch as it comes to the thread of its sink. */
export interface DeliveryOrder {
  id: string
  text: string
  count: number
  bytes: number
  attempt: number
}

/** Runs a delivery sink: one batch after another, an answer for each. */
export class DeliveryRunner {
  readonly #sink: DeliverySink
  readonly #onSettled: (id: string, rejection: Rejection | undefined) => void
  readonly #aborts = new Map<string, AbortController>()
  #running: Promise<void> = Promise.resolve()

  constructor (sink: DeliverySink, onSettled: (id: string, rejection: Rejection | undefined) => void) {
    this.#sink = sink
    this.#onSettled = onSettled
  }

  send (order: DeliveryOrder): void {
    this.#running = this.#running.then(() => this.#attempt(order))
  }

  abort (id: string): void {
    this.#aborts.get(id)?.abort(new FanoutError('ERR_FANOUT_SINK_TIMEOUT', 'the batch took longer than writeTimeoutMs'))
  }

  abortAll (): void {
    for (const controller of this.#aborts.values()) controller.abort(new FanoutError('ERR_FANOUT_CLOSED', 'the sink is being closed'))
  }

  async flush (): Promise<void> {
    await this.#running
    await this.#sink.flush?.()
  }

  async close (): Promise<void> {
    await this.#running
    await this.#sink.close?.()
  }

  async #attempt ({ id, text, count, bytes, attempt }: DeliveryOrder): Promise<void> {
    const controller = new AbortController()
    this.#aborts.set(id, controller)
    let rejection: Rejection | undefined
    try {
      let lines: string[] | undefined
      const batch: SinkBatch = {
        id,
        text,
        count,
        bytes,
        get lines () {
          lines ??= text.slice(0, -1).split('\n')
          return lines
        }
      }
      await this.#sink.send(batch, { signal: controller.signal, attempt })
    } catch (error) {
      rejection = toRejection(error, count)
    }
    this.#aborts.delete(id)
    this.#onSettled(id, rejection)
  }
}
