import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { DeliverySink, SendContext, SinkBatch } from '../child/delivery.js'
import { systemClock } from '../clock.js'
import { isRefusalStatus } from '../failure.js'
import type { PinoConfig } from '../pino-config.js'
import { cutPart, divide, keyOf, wholeOf, type BatchPart } from './batch-part.js'
import { BodyWriter } from './body-writer.js'
import { HttpClient, type Answer, type BrokenOff } from './client.js'
import { createFormat } from './formats.js'
import type { Format, LineOutcomes, RequestRefusal } from './formats/format.js'
import { parseHttpOptions, type HttpSettings, type HttpSinkOptions } from './options.js'
import { readProxy } from './proxy.js'
import { Redactor } from './redactor.js'
import { RequestHeaders } from './request-headers.js'
import { RequestSize } from './request-size.js'
import { parseRetryAfter } from './retry-after.js'
import { SendReport, sendErrorOf } from './send-report.js'
import { Sending, type PartResult } from './sending.js'
import { isSuccess } from './status.js'

// A request costs more than a few lines, so a batch is not divided into smaller shares than this.
const MIN_SHARE_BYTES = 16 * 1024
// A bound for what a sink keeps after requests with long lines.
const MAX_SPARE_BODIES = 8
const MAX_EXCERPT_LENGTH = 300
// Only the beginning of an answer is shown, and redacting a long one takes long.
const MAX_READ_LENGTH = 64 * 1024
const TOO_LARGE = 413
const UNAUTHORIZED = [401, 403]
const PROXY_UNAUTHORIZED = 407
const SECRET_PARAMETER = /auth|key|pass|secret|sig|token/i
// Some services put a secret key into the path.
const MIN_SECRET_SEGMENT_LENGTH = 20

const compress = promisify(gzip)

/**
 * Creates a delivery sink that sends each batch by HTTP POST, for a target `pino-breaker-fanout/http`.
 *
 * @throws FanoutError `ERR_FANOUT_OPTIONS` that lists all faults of the options, or all secrets that cannot be read
 */
export default function createHttpSink (options: HttpSinkOptions): HttpSink {
  return new HttpSink(parseHttpOptions(options))
}

/** A delivery sink that sends each batch by HTTP POST. */
class HttpSink implements DeliverySink {
  readonly keepsNothing = true
  readonly #settings: HttpSettings
  readonly #format: Format
  readonly #path: string
  readonly #redactor: Redactor
  readonly #headers: RequestHeaders
  readonly #client: HttpClient
  readonly #size = new RequestSize()
  /** Memory of former requests, for the next ones. */
  readonly #spareBodies: BodyWriter[] = []

  constructor (settings: HttpSettings) {
    this.#settings = settings
    this.#format = createFormat(settings, systemClock.wallTime)
    this.#path = pathOf(settings, this.#format)
    const proxy = readProxy(settings)
    this.#redactor = new Redactor([...secretsOf(settings), ...proxy?.secrets ?? []])
    this.#headers = new RequestHeaders(settings, this.#redactor)
    this.#client = new HttpClient(settings, proxy)
  }

  /** Takes the config of the app's logger; `undefined` if its format needs nothing of it. */
  get configure (): ((config: PinoConfig) => void) | undefined {
    return this.#format.configure
  }

  async send (batch: SinkBatch, { signal, attempt, redelivers }: SendContext): Promise<void> {
    const { origin, concurrency, maxRequestBytes } = this.#settings
    const shares = Math.max(1, Math.min(concurrency, Math.floor(batch.bytes / MIN_SHARE_BYTES)))
    const parts = divide(wholeOf(batch), shares).flatMap(part => cutPart(part, Math.min(this.#size.limit, maxRequestBytes)))
    const report = new SendReport(origin, batch.count)
    const request = (part: BatchPart): Promise<PartResult> => this.#request(part, signal, redelivers)
    await new Sending({ request, size: this.#size, report, redelivers, attempt }).run(parts, concurrency)
    report.throwIfAny()
  }

  async close (): Promise<void> {
    this.#client.close()
  }

  async #request (part: BatchPart, signal: AbortSignal, redelivers: boolean): Promise<PartResult> {
    const { maxRequestBytes } = this.#settings
    try {
      const body = this.#spareBodies.pop() ?? new BodyWriter()
      const content = this.#encode(part, body)
      if (content.length > maxRequestBytes) {
        this.#keep(body)
        return { kind: 'over-limit', share: maxRequestBytes / content.length, reason: `too large: its request would have ${content.length} bytes, more than maxRequestBytes (${maxRequestBytes})` }
      }
      const answer = await this.#post(part, content, signal, redelivers)
      if ('brokenOff' in answer) return { kind: 'broken-off', error: answer.brokenOff }
      // Only an answer says for sure that nothing reads the body any more: it is written, or its connection is closed.
      this.#keep(body)
      if (isSuccess(answer.status)) return { kind: 'taken', outcomes: this.#outcomesOf(part, answer) }
      if (answer.status === TOO_LARGE) return { kind: 'too-large', status: TOO_LARGE, reason: `too large${this.#excerptOf(answer)}` }
      const refusal = this.#refusalOf(part, answer)
      return refusal === undefined ? { kind: 'failed', error: this.#failureOf(answer) } : { kind: 'refused', refusal }
    } catch (error) {
      return { kind: 'failed', error }
    }
  }

  #encode (part: BatchPart, body: BodyWriter): Buffer {
    if (this.#format.isPlain === true) return part.bytes
    this.#format.encode(part, body)
    return body.bytes
  }

  #keep (body: BodyWriter): void {
    body.clear()
    if (this.#spareBodies.length < MAX_SPARE_BODIES) this.#spareBodies.push(body)
  }

  async #post (part: BatchPart, content: Buffer, signal: AbortSignal, redelivers: boolean): Promise<Answer | BrokenOff> {
    const { gzipLevel } = this.#settings
    const body = gzipLevel === 0 ? content : await compress(content, { level: gzipLevel })
    const post = (): Promise<Answer | BrokenOff> => this.#client.post(this.#path, {
      'content-type': this.#format.contentType,
      'user-agent': 'pino-breaker-fanout',
      'idempotency-key': keyOf(part),
      ...this.#format.headers,
      ...this.#headers.values,
      ...gzipLevel !== 0 && { 'content-encoding': 'gzip' }
    }, body, signal, redelivers)
    const answer = await post()
    // A token may have been replaced in its file since it was read.
    return 'status' in answer && UNAUTHORIZED.includes(answer.status) && this.#headers.refresh() ? await post() : answer
  }

  #outcomesOf (part: BatchPart, answer: Answer): LineOutcomes {
    if (this.#format.readOutcomes === undefined) return { refused: [], retry: [] }
    try {
      const { refused, retry, retryReason, remark } = this.#format.readOutcomes(part, answer.body)
      const redact = <Outcome extends { reason: string }> (outcome: Outcome): Outcome => ({ ...outcome, reason: this.#redactor.redact(outcome.reason) })
      return { refused: refused.map(redact), retry, ...retryReason && { retryReason: redact(retryReason) }, ...remark && { remark: { ...remark, text: this.#redactor.redact(remark.text) } } }
    } catch {
      // No cause: the message of JSON.parse() quotes the answer, which may have secrets.
      throw sendErrorOf(`the backend at ${this.#client.name} answered http ${answer.status}, but its body is not an answer of ${this.#settings.format}${this.#excerptOf(answer)}`)
    }
  }

  /** The refused lines, if the answer refuses the request and says which. */
  #refusalOf (part: BatchPart, { status, body }: Answer): RequestRefusal | undefined {
    const refusal = isRefusalStatus(status) ? this.#format.readRefusal?.(part, status, body) : undefined
    return refusal && { ...refusal, refused: refusal.refused.map(line => ({ ...line, reason: this.#redactor.redact(line.reason) })) }
  }

  #failureOf (answer: Answer): Error {
    const { origin } = this.#settings
    const { status, retryAfter, location } = answer
    const retryAfterMs = parseRetryAfter(retryAfter, systemClock.wallTime())
    const redirect = status < 400 && location !== undefined ? ` and redirects to ${this.#redactor.redact(originOf(location, origin))}; redirects are not followed` : ''
    const who = status === PROXY_UNAUTHORIZED ? 'a proxy before the backend' : 'the backend'
    return sendErrorOf(`${who} at ${this.#client.name} answered http ${status}${redirect}${this.#excerptOf(answer)}`, {
      statusCode: status,
      retryable: !isRefusalStatus(status) || this.#format.isAboutAll?.(answer.body) === true,
      ...retryAfterMs !== undefined && { retryAfterMs }
    })
  }

  /** Redacts before cutting, since half of a secret would not be recognized. */
  #excerptOf ({ body }: Answer): string {
    const text = this.#redactor.redact(body.slice(0, MAX_READ_LENGTH)).replace(/[\s\p{Cc}]+/gu, ' ').trim()
    if (text === '' || (body.length > MAX_READ_LENGTH && text.length <= MAX_EXCERPT_LENGTH)) return ''
    return `: ${text.length > MAX_EXCERPT_LENGTH ? `${text.slice(0, MAX_EXCERPT_LENGTH)}…` : text}`
  }
}

function pathOf ({ path, query }: HttpSettings, format: Format): string {
  const parameters = new URLSearchParams(query)
  const added = Object.entries(format.query ?? {}).filter(([name]) => !parameters.has(name)).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  const whole = [query.slice(1), ...added].filter(part => part !== '').join('&')
  return (path ?? format.defaultPath) + (whole === '' ? '' : `?${whole}`)
}

/** The parts of path and query that may be secret. */
function secretsOf ({ path = '', query }: HttpSettings): string[] {
  const segments = path.split('/').filter(segment => segment.length >= MIN_SECRET_SEGMENT_LENGTH)
  const parameters = [...new URLSearchParams(query)].filter(([name]) => SECRET_PARAMETER.test(name)).map(([, value]) => value)
  return [...segments, ...parameters]
}

function originOf (location: string, base: string): string {
  return URL.canParse(location, base) ? new URL(location, base).origin : 'an address that cannot be read'
}
