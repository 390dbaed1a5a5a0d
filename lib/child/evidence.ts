import type { Clock } from '../clock.js'

/** What a sink has said of its lines so far: cumulative bytes, as in `ChildListener`. */
export interface EvidenceSoFar {
  accepted: number
  consumed: number
  delivered: number
  answered: number
}

const GATHER_MS = 20
const GATHER_BYTES = 128 * 1024

/**
 * Gathers what the sink says into few messages: at once after a pause, then every {@link GATHER_MS}, or when so much was
 * accepted that the lane may be waiting for it. A message costs its thread as much as a small request does.
 */
export class Evidence {
  readonly #clock: Clock
  readonly #onReport: (told: EvidenceSoFar) => void
  #accepted = 0
  #consumed = 0
  #delivered = 0
  #answered = 0
  #reportedBytes = 0
  #reportedAt = -Infinity
  #soon: NodeJS.Immediate | undefined
  #later: NodeJS.Timeout | undefined

  /** @param onReport - Called for each message. */
  constructor (clock: Clock, onReport: (told: EvidenceSoFar) => void) {
    this.#clock = clock
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

  /** Passes on at once what has not been passed on yet. */
  report (): void {
    if (this.#soon === undefined && this.#later === undefined) return
    clearImmediate(this.#soon)
    clearTimeout(this.#later)
    this.#soon = this.#later = undefined
    this.#reportedBytes = this.#taken
    this.#reportedAt = this.#clock.now()
    this.#onReport({ accepted: this.#accepted, consumed: this.#consumed, delivered: this.#delivered, answered: this.#answered })
  }

  /** What a sink has written that does not tell of acceptance, it has accepted. */
  get #taken (): number {
    return Math.max(this.#accepted, this.#delivered)
  }

  #schedule (): void {
    if (this.#soon !== undefined) return
    const isMuch = this.#taken - this.#reportedBytes >= GATHER_BYTES
    if (this.#later !== undefined && !isMuch) return
    const waitMs = isMuch ? 0 : this.#reportedAt + GATHER_MS - this.#clock.now()
    if (waitMs > 0) this.#later = setTimeout(() => this.report(), waitMs)
    else this.#soon = setImmediate(() => this.report())
  }
}
