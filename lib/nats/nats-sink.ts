import type { DeliverySink, SendContext, SinkBatch } from '../child/delivery.js'
import { systemClock } from '../clock.js'
import { SendReport, sendErrorOf } from '../http/send-report.js'
import { Redactor } from '../http/redactor.js'
import { systemSources } from '../http/secrets.js'
import { readTls, type TlsSettings } from '../http/tls.js'
import { Faults } from '../options/faults.js'
import { loadClient, type NatsClient } from './client.js'
import { readAuth } from './credentials.js'
import { notConnected, type MessageFailure } from './failures.js'
import { Link } from './link.js'
import { batchMessages, lineMessages, type Message } from './messages.js'
import { parseNatsOptions, type NatsSettings, type NatsSinkOptions } from './options.js'
import { Publishing } from './publishing.js'
import { ensureStream } from './stream.js'
import { SubjectMaker } from './subject.js'

/** A lost connection is waited for this long before a batch fails: most are there again at once. */
const RECONNECT_PATIENCE_MS = 1000
/** Room in a message for its headers. */
const HEADER_ROOM_BYTES = 512
const BAD_REQUEST = 400

/**
 * Creates a delivery sink that publishes lines into a stream of NATS JetStream, for a target `pino-breaker-fanout/nats`.
 *
 * @throws FanoutError `ERR_FANOUT_OPTIONS` that lists all faults of the options, or all secrets that cannot be read;
 * `ERR_FANOUT_PACKAGE_MISSING` if the client is not installed
 */
export default async function createNatsSink (options: NatsSinkOptions): Promise<DeliverySink> {
  const settings = parseNatsOptions(options)
  const faults = new Faults()
  const redactor = new Redactor(readAuth(settings.auth, systemSources, faults))
  faults.throwIfAny()
  const tls = settings.tls && readTls(settings.tls)
  return new NatsSink(settings, redactor, tls, await loadClient())
}

/** A delivery sink that publishes each line, or each batch, as a message with an id of its own. */
class NatsSink implements DeliverySink {
  readonly keepsNothing = true
  readonly #settings: NatsSettings
  readonly #redactor: Redactor
  readonly #tls: TlsSettings | undefined
  readonly #client: NatsClient
  readonly #subjects: SubjectMaker
  #link: Promise<Link> | undefined
  #isClosed = false

  constructor (settings: NatsSettings, redactor: Redactor, tls: TlsSettings | undefined, client: NatsClient) {
    this.#settings = settings
    this.#redactor = redactor
    this.#tls = tls
    this.#client = client
    this.#subjects = new SubjectMaker(settings.subject, settings.levelKey)
    // The first lines find a connection. If there is none, they tell why.
    this.#connect().catch(() => {})
  }

  async send (batch: SinkBatch, { signal }: SendContext): Promise<void> {
    const { servers, window, timeoutMs, subject } = this.#settings
    const link = await this.#connect()
    const report = new SendReport(servers.join(', '), batch.count)
    const onFailed = (message: Message, failure: MessageFailure): void => {
      if (failure.kind === 'failed') return report.failed(message, failure.error)
      // The lane finds the line that is to blame.
      if (message.count > 1) return report.failed(message, sendErrorOf(`the server refused a message of ${message.count} lines: ${failure.reason}`, { statusCode: failure.status ?? BAD_REQUEST, retryable: false }))
      const { kind, ...refusal } = failure
      report.taken({ refused: [{ line: message.first, ...refusal }], retry: [] })
    }
    const publishing = new Publishing({ link, window, timeoutMs, hasFields: subject.fields.length > 0, clock: systemClock, onFailed }, this.#messagesOf(batch, link))
    const onAbort = (): void => publishing.abandon()
    signal.addEventListener('abort', onAbort)
    await publishing.run()
    signal.removeEventListener('abort', onAbort)
    if (publishing.isUnheard) link.leaveServer()
    signal.throwIfAborted()
    report.unsent({ first: publishing.publishedLines, count: batch.count - publishing.publishedLines })
    report.throwIfAny()
  }

  async close (): Promise<void> {
    this.#isClosed = true
    const link = await this.#link?.catch(() => undefined)
    await link?.close()
  }

  #messagesOf (batch: SinkBatch, link: Link): Iterable<Message> {
    return this.#settings.mode === 'line' ? lineMessages(batch, this.#subjects) : batchMessages(batch, this.#subjects, link.maxPayload - HEADER_ROOM_BYTES)
  }

  /** The connection, which is made if there is none. */
  async #connect (): Promise<Link> {
    const link = await (this.#link ??= this.#open())
    if (link.isOver) {
      this.#link = undefined
      return await this.#connect()
    }
    if (!await link.isReady(RECONNECT_PATIENCE_MS)) throw (notConnected() as Extract<MessageFailure, { kind: 'failed' }>).error
    return link
  }

  async #open (): Promise<Link> {
    const redact = (text: string): string => this.#redactor.redact(text)
    let link: Link | undefined
    try {
      link = await Link.open(this.#client, this.#settings, this.#tls, redact)
      await ensureStream(this.#client, link, this.#settings, redact)
    } catch (error) {
      this.#link = undefined
      await link?.close()
      throw error
    }
    if (this.#isClosed) await link.close()
    return link
  }
}
