import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { DeliverySink, SendContext, SinkBatch } from '../child/delivery.js'
import { systemClock } from '../clock.js'
import { isRefusalStatus } from '../failure.js'
import { HttpClient, type Answer, type BrokenOff } from './client.js'
import { createFormat } from './formats.js'
import type { Format, LineOutcomes, Refusal } from './formats/format.js'
import { parseHttpOptions, type HttpSettings, type HttpSinkOptions } from './options.js'
import { cutPart, divide, keyOf, wholeOf, type Part } from './part.js'
import { Redactor } from './redactor.js'
import { RequestHeaders } from './request-headers.js'
import { RequestSize } from './request-size.js'
import { parseRetryAfter } from './retry-after.js'
import { SendReport, rejectionOf } from './send-report.js'
import { Sending, type PartResult } from './sending.js'
import { isSuccess } from './status.js'

// A request costs more than a few lines do: less than this is not divided any further.
const MIN_SHARE_BYTES = 16 * 1024
const MAX_EXCERPT_LENGTH = 300
// To look for secrets in all of a long answer takes long, and no more than its beginning is shown.
const MAX_READ_LENGTH = 64 * 1024
const TOO_LARGE = 413
const UNAUTHORIZED = [401, 403]
const SECRET_PARAMETER = /auth|key|pass|secret|sig|token/i
// Some services have the key of a collector in its path.
const MIN_SECRET_SEGMENT_LENGTH = 20

const compress = promisify(gzip)

/**
 * A delivery sink that sends each batch by HTTP POST: the default export of `pino-breaker-fanout/http`, which a target
 * names.
 *
 * @throws FanoutError `ERR_FANOUT_OPTIONS` that tells all faults at once, or the secrets that cannot be had
 */
export default function createHttpSink (options: HttpSinkOptions): DeliverySink {
  return new HttpSink(parseHttpOptions(options))
}

class HttpSink implements DeliverySink {
  readonly keepsNothing = true
  readonly #settings: HttpSettings
  readonly #format: Format
  readonly #path: string
  readonly #redactor: Redactor
  readonly #headers: RequestHeaders
  readonly #client: HttpClient
  readonly #size = new RequestSize()

  constructor (settings: HttpSettings) {
    this.#settings = settings
    this.#format = createFormat(settings, systemClock.wallTime)
    this.#path = pathOf(settings, this.#format)
    this.#redactor = new Redactor(secretsOf(settings))
    this.#headers = new RequestHeaders(settings, this.#redactor)
    this.#client = new HttpClient(settings)
  }

  async send (batch: SinkBatch, { signal, attempt, redelivers }: SendContext): Promise<void> {
    const { origin, concurrency } = this.#settings
    const shares = Math.max(1, Math.min(concurrency, Math.floor(batch.bytes / MIN_SHARE_BYTES)))
    const parts = divide(wholeOf(batch), shares).flatMap(part => cutPart(part, this.#size.limit))
    const report = new SendReport(origin, batch.count)
    const request = (part: Part): Promise<PartResult> => this.#request(part, signal, redelivers)
    await new Sending({ request, size: this.#size, report, redelivers, attempt }).run(parts, concurrency)
    report.throwIfAny()
  }

  async close (): Promise<void> {
    this.#client.close()
  }

  async #request (part: Part, signal: AbortSignal, redelivers: boolean): Promise<PartResult> {
    try {
      const answer = await this.#post(part, signal, redelivers)
      if ('brokenOff' in answer) return { kind: 'broken-off', error: answer.brokenOff }
      if (isSuccess(answer.status)) return { kind: 'taken', outcomes: this.#outcomesOf(part, answer) }
      if (answer.status === TOO_LARGE) return { kind: 'too-large', status: TOO_LARGE, reason: `too large${this.#excerptOf(answer)}` }
      const refusal = this.#refusalOf(part, answer)
      return refusal === undefined ? { kind: 'failed', error: this.#failureOf(answer) } : { kind: 'refused', refusal }
    } catch (error) {
      return { kind: 'failed', error }
    }
  }

  async #post (part: Part, signal: AbortSignal, redelivers: boolean): Promise<Answer | BrokenOff> {
    const content = this.#format.encode(part)
    const { gzipLevel } = this.#settings
    const body = gzipLevel === 0 ? content : await compress(content, { level: gzipLevel })
    const post = (): Promise<Answer | BrokenOff> => this.#client.post(this.#path, {
      'content-type': this.#format.contentType,
      'user-agent': 'pino-breaker-fanout',
      'idempotency-key': keyOf(part),
      ...this.#headers.values,
      ...gzipLevel !== 0 && { 'content-encoding': 'gzip' }
    }, body, signal, redelivers)
    const answer = await post()
    // A token in a file may have been replaced since it was read.
    return 'status' in answer && UNAUTHORIZED.includes(answer.status) && this.#headers.refresh() ? await post() : answer
  }

  #outcomesOf (part: Part, answer: Answer): LineOutcomes {
    if (this.#format.readOutcomes === undefined) return { refused: [], retry: [] }
    try {
      const { refused, retry, retryReason } = this.#format.readOutcomes(part, answer.body)
      const redact = <Told extends { reason: string }> (told: Told): Told => ({ ...told, reason: this.#redactor.redact(told.reason) })
      return { refused: refused.map(redact), retry, ...retryReason && { retryReason: redact(retryReason) } }
    } catch {
      // No cause: what JSON.parse() says has some of the text in it.
      const { origin, format } = this.#settings
      throw rejectionOf(`the backend at ${origin} answered http ${answer.status}, but not as ${format} does${this.#excerptOf(answer)}`)
    }
  }

  /** What a refusal of a request says of single lines, if it says anything of them. */
  #refusalOf (part: Part, { status, body }: Answer): Refusal | undefined {
    const refusal = isRefusalStatus(status) ? this.#format.readRefusal?.(part, status, body) : undefined
    return refusal && { ...refusal, refused: refusal.refused.map(told => ({ ...told, reason: this.#redactor.redact(told.reason) })) }
  }

  #failureOf (answer: Answer): Error {
    const { origin } = this.#settings
    const { status, retryAfter, location } = answer
    const retryAfterMs = parseRetryAfter(retryAfter, systemClock.wallTime())
    const redirect = status < 400 && location !== undefined ? ` and leads to ${this.#redactor.redact(originOf(location, origin))}; redirects are not followed` : ''
    return rejectionOf(`the backend at ${origin} answered http ${status}${redirect}${this.#excerptOf(answer)}`, {
      statusCode: status,
      retryable: !isRefusalStatus(status),
      ...retryAfterMs !== undefined && { retryAfterMs }
    })
  }

  /** Redacted before it is cut: half of a secret would not be known for one. */
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

/** What of the URL may be secret, beside its user. */
function secretsOf ({ path = '', query }: HttpSettings): string[] {
  const segments = path.split('/').filter(segment => segment.length >= MIN_SECRET_SEGMENT_LENGTH)
  const parameters = [...new URLSearchParams(query)].filter(([name]) => SECRET_PARAMETER.test(name)).map(([, value]) => value)
  return [...segments, ...parameters]
}

function originOf (location: string, base: string): string {
  return URL.canParse(location, base) ? new URL(location, base).origin : 'an address that cannot be read'
}
