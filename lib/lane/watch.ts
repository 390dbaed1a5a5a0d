import type { Clock } from '../clock.js'
import { Alarm } from './alarm.js'
import type { Pace } from './pace.js'
import type { Attempt, Unsettled } from './unsettled.js'

/** What a watch looks after, and by which times. */
export interface WatchOptions {
  clock: Clock
  pace: Pace
  unsettled: Unsettled
  /** How long nothing may be accepted, and nothing move. */
  writeTimeoutMs: number
  /** How long an acceptance that nothing proves must stay quiet. */
  settleMs: number
}

/** What a watch tells. */
export interface WatchEvents {
  /** These were accepted, and nothing has failed since for long enough. */
  onQuiet (attempts: readonly Attempt[]): void
  /** What the sink has in its hands should have been accepted by now. */
  onTimeout (): void
  /** It has looked: there may be room for more. */
  onLooked (): void
}

const SENSED_QUIET_FACTOR = 10

/** Looks after lines in the sink's hands: they must be accepted in time, and an acceptance that stays quiet counts. */
export class Watch {
  readonly #clock: Clock
  readonly #pace: Pace
  readonly #unsettled: Unsettled
  readonly #writeTimeoutMs: number
  readonly #events: WatchEvents
  readonly #alarm: Alarm
  #settleMs: number
  /** Whether only the sink's own requests prove anything. */
  #isSensed = false
  /** When the sink, having nothing to accept, was given something. */
  #busySince = 0

  constructor ({ clock, pace, unsettled, writeTimeoutMs, settleMs }: WatchOptions, events: WatchEvents) {
    this.#clock = clock
    this.#pace = pace
    this.#unsettled = unsettled
    this.#writeTimeoutMs = writeTimeoutMs
    this.#settleMs = settleMs
    this.#events = events
    this.#alarm = new Alarm(clock, () => this.#look())
  }

  /** The sink's own requests have been seen. */
  sense (): void {
    this.#isSensed = true
  }

  /** An acceptance need not be quiet for longer than that any more. */
  settleWithin (ms: number): void {
    this.#settleMs = Math.min(this.#settleMs, ms)
    this.update()
  }

  /** The sink is about to be given something. */
  begin (): void {
    if (!this.#unsettled.hasUnaccepted) this.#busySince = this.#clock.now()
  }

  /** What the sink has in its hands has changed. */
  update (): void {
    this.#alarm.setFor(Math.min(this.#acceptanceDue, this.#settlementDue))
  }

  stop (): void {
    this.#alarm.stop()
  }

  get #acceptanceDue (): number {
    if (!this.#unsettled.hasUnaccepted) return Infinity
    return Math.max(this.#busySince, this.#pace.lastProgress) + this.#writeTimeoutMs
  }

  get #settlementDue (): number {
    const { oldestAccepted } = this.#unsettled
    return oldestAccepted === undefined ? Infinity : oldestAccepted.acceptedAt as number + this.#quietMs
  }

  /** How long an acceptance must stay quiet. Where requests are seen quiet proves nothing, but has an end all the same. */
  get #quietMs (): number {
    return this.#isSensed ? this.#settleMs * SENSED_QUIET_FACTOR : this.#settleMs
  }

  #look (): void {
    const now = this.#clock.now()
    this.#events.onQuiet(this.#unsettled.takeAcceptedBefore(now - this.#quietMs))
    if (now >= this.#acceptanceDue) this.#events.onTimeout()
    this.update()
    this.#events.onLooked()
  }
}
