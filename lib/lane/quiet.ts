import type { SensedTraffic } from '../child/child.js'

const REQUESTS_FACTOR = 10

/**
 * For how long an acceptance that nothing proves must stay quiet until it counts as delivered: `settleMs`. Where requests
 * are seen quiet proves nothing, since they do, but has an end all the same: ten times that, for transports that batch for
 * longer than `settleMs`, and as long as a request may take. Until it is known whether a sink makes requests, nothing
 * counts for its quiet for that time.
 */
export class Quiet {
  readonly #isSensing: boolean
  readonly #writeTimeoutMs: number
  #settleMs: number
  #traffic: SensedTraffic | undefined
  #firstAcceptedAt: number | undefined

  /** @param isSensing - Whether the sink's requests and sockets are watched. */
  constructor ({ settleMs, writeTimeoutMs, isSensing }: { settleMs: number, writeTimeoutMs: number, isSensing: boolean }) {
    this.#settleMs = settleMs
    this.#writeTimeoutMs = writeTimeoutMs
    this.#isSensing = isSensing
  }

  /** How long an acceptance must stay quiet. */
  get ms (): number {
    return this.#traffic === 'requests' ? this.#requestMs : this.#settleMs
  }

  /** Whether more than quiet is to be waited for at that time: requests are seen, or may be yet. */
  expectsRequests (now: number): boolean {
    if (this.#traffic !== undefined || !this.#isSensing) return this.#traffic === 'requests'
    return this.#firstAcceptedAt === undefined || now < this.#firstAcceptedAt + this.#requestMs
  }

  /** Within which a request has been made of what was accepted, and has had its outcome. */
  get #requestMs (): number {
    return this.#settleMs * REQUESTS_FACTOR + this.#writeTimeoutMs
  }

  /** Allows less time. */
  shorten (settleMs: number): void {
    this.#settleMs = Math.min(this.#settleMs, settleMs)
  }

  /** The sink has accepted something. */
  noteAcceptance (now: number): void {
    this.#firstAcceptedAt ??= now
  }

  /** What the sink is on the network with has been seen. */
  noteTraffic (traffic: SensedTraffic): void {
    if (this.#traffic !== 'requests') this.#traffic = traffic
  }

  /**
   * When an acceptance of that time counts as delivered.
   *
   * @param isProbe - Whether it is that of a probe, which must have an outcome soon.
   */
  endOf (acceptedAt: number, isProbe: boolean): number {
    const end = acceptedAt + this.ms
    if (!this.#isSensing || this.#traffic !== undefined || isProbe || this.#firstAcceptedAt === undefined) return end
    return Math.max(end, this.#firstAcceptedAt + this.#requestMs)
  }
}
