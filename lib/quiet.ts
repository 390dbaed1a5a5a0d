import type { SensedTraffic } from './child/child.js'

const REQUESTS_FACTOR = 10

/**
 * How long an acceptance that nothing proves must stay quiet, without a failure, until it counts as delivered: `settleMs`.
 * For a sink whose requests are seen, their outcomes are the proof, so quiet takes longer: ten times `settleMs`, for
 * transports that batch, plus the time that a request may take. The same holds until it is known whether a sink makes
 * requests.
 */
export class Quiet {
  readonly #isSensing: boolean
  readonly #writeTimeoutMs: number
  #settleMs: number
  #traffic: SensedTraffic | undefined
  #firstAcceptedAt: number | undefined

  /** @param isSensing - True if the sink's requests and sockets are observed */
  constructor ({ settleMs, writeTimeoutMs, isSensing }: { settleMs: number, writeTimeoutMs: number, isSensing: boolean }) {
    this.#settleMs = settleMs
    this.#writeTimeoutMs = writeTimeoutMs
    this.#isSensing = isSensing
  }

  /** How long an acceptance must stay quiet. */
  get ms (): number {
    return this.#traffic === 'requests' ? this.#requestMs : this.#settleMs
  }

  /** True if requests are seen at that time, or may still be. */
  expectsRequests (now: number): boolean {
    if (this.#traffic !== undefined || !this.#isSensing) return this.#traffic === 'requests'
    return this.#firstAcceptedAt === undefined || now < this.#firstAcceptedAt + this.#requestMs
  }

  /** Time in which accepted lines have been sent in a request, and the request has had its outcome. */
  get #requestMs (): number {
    return this.#settleMs * REQUESTS_FACTOR + this.#writeTimeoutMs
  }

  /** Shortens `settleMs`. */
  shorten (settleMs: number): void {
    this.#settleMs = Math.min(this.#settleMs, settleMs)
  }

  /** The sink has accepted something. */
  noteAcceptance (now: number): void {
    this.#firstAcceptedAt ??= now
  }

  /** The kind of the sink's network traffic has been seen. */
  noteTraffic (traffic: SensedTraffic): void {
    if (this.#traffic !== 'requests') this.#traffic = traffic
  }

  /**
   * The time at which an acceptance counts as delivered.
   *
   * @param isProbe - True for a probe, which must have an outcome soon
   */
  endOf (acceptedAt: number, isProbe: boolean): number {
    const end = acceptedAt + this.ms
    if (!this.#isSensing || this.#traffic !== undefined || isProbe || this.#firstAcceptedAt === undefined) return end
    return Math.max(end, this.#firstAcceptedAt + this.#requestMs)
  }
}
