import type { Clock } from '../clock.js'
import { Throttle } from '../throttle.js'

/** The evidence for a sink's lines so far, in cumulative bytes, as in `ChildListener`. */
export interface EvidenceSoFar {
  accepted: number
  consumed: number
  delivered: number
  answered: number
}

const GATHER_MS = 100
/** Evidence waits for a tenth of the write timeout at most: silence must not look like a sink that takes nothing. */
const TIMEOUT_SHARE = 0.1
const GATHER_BYTES = 128 * 1024

/**
 * Gathers evidence into few reports, since each is a message, which costs its thread as much as a small request. The first report
 * after a pause comes at once, and the next one {@link GATHER_MS} later, or with evidence that comes shortly before. It comes
 * sooner with a short write timeout, once {@link GATHER_BYTES} were accepted, and if the lane says that it waits for it.
 */
export class Evidence {
  readonly #throttle: Throttle
  readonly #gatherMs: number
  readonly #onReport: (told: EvidenceSoFar) => void
  #accepted = 0
  #consumed = 0
  #delivered = 0
  #answered = 0
  #reportedBytes = 0
  #hastenedBytes = 0
  #isPending = false
  #soon: NodeJS.Immediate | undefined

  /**
   * @param writeTimeoutMs - The time after which a sink that has accepted nothing has failed
   * @param onReport - Called for each report
   */
  constructor (clock: Clock, writeTimeoutMs: number, onReport: (told: EvidenceSoFar) => void) {
    this.#throttle = new Throttle(clock, () => this.report())
    this.#gatherMs = Math.min(GATHER_MS, writeTimeoutMs * TIMEOUT_SHARE)
    this.#onReport = onReport
  }

  accept (bytes: number, consumed: number): void {
    this.#accepted = bytes
    this.#consumed = consumed
    this.#schedule()
  }

  deliver (bytes: number): void {
    this.#delivered = bytes
    this.#schedule()
  }

  answer (bytes: number): void {
    this.#answered = bytes
    this.#schedule()
  }

  /** Somebody waits for the evidence of these bytes: it is not gathered. */
  hasten (bytes: number): void {
    this.#hastenedBytes = bytes
    this.report()
  }

  /** Reports at once what has not been reported yet. */
  report (): void {
    if (!this.#isPending) return
    this.#isPending = false
    clearImmediate(this.#soon)
    this.#soon = undefined
    this.#throttle.restart()
    this.#reportedBytes = this.#taken
    this.#onReport({ accepted: this.#accepted, consumed: this.#consumed, delivered: this.#delivered, answered: this.#answered })
  }

  /** A sink that reports no acceptance has accepted what it has delivered. */
  get #taken (): number {
    return Math.max(this.#accepted, this.#delivered)
  }

  #schedule (): void {
    this.#isPending = true
    if (this.#soon !== undefined) return
    const isUrgent = this.#taken - this.#reportedBytes >= GATHER_BYTES || this.#reportedBytes < this.#hastenedBytes
    if (isUrgent || this.#throttle.isDue(this.#gatherMs)) this.#soon = setImmediate(() => this.report())
  }
}
