import type { SensedTraffic } from '../child/child.js'
import type { Clock } from '../clock.js'
import { Alarm } from './alarm.js'
import type { Pace } from './pace.js'
import type { Quiet } from './quiet.js'
import type { Attempt, Unsettled } from './unsettled.js'

/** What a watch looks after, and by which times; all of them are waited time. */
export interface WatchOptions {
  clock: Clock
  pace: Pace
  unsettled: Unsettled
  /** How long nothing may be accepted, and nothing move. */
  writeTimeoutMs: number
  /** How long an acceptance that nothing proves must stay quiet. */
  quiet: Quiet
  /** Whether what the sink has in its hands is a probe. */
  isTripped: () => boolean
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

/** Looks after lines in the sink's hands: they must be accepted in time, and an acceptance that stays quiet counts. */
export class Watch {
  readonly #clock: Clock
  readonly #pace: Pace
  readonly #unsettled: Unsettled
  readonly #writeTimeoutMs: number
  readonly #events: WatchEvents
  readonly #alarm: Alarm
  readonly #quiet: Quiet
  readonly #isTripped: () => boolean
  /** When the sink, having nothing to accept, was given something. */
  #busySince = 0
  #consumedAt = 0
  #isProving = false

  constructor ({ clock, pace, unsettled, quiet, writeTimeoutMs, isTripped }: WatchOptions, events: WatchEvents) {
    this.#clock = clock
    this.#pace = pace
    this.#unsettled = unsettled
    this.#writeTimeoutMs = writeTimeoutMs
    this.#quiet = quiet
    this.#isTripped = isTripped
    this.#events = events
    this.#alarm = new Alarm(clock, () => this.#look())
  }

  /** What the sink is on the network with has been seen. */
  noteTraffic (traffic: SensedTraffic): void {
    this.#quiet.noteTraffic(traffic)
  }

  /** The sink has proven something by itself. */
  noteProof (): void {
    this.#isProving = true
  }

  /** Whether what the sink has accepted will be proven, and not just stay quiet. */
  get expectsProof (): boolean {
    return this.#isProving || this.#quiet.expectsRequests(this.#clock.waited())
  }

  /** The sink has accepted something. */
  noteAcceptance (): void {
    this.#quiet.noteAcceptance(this.#clock.waited())
  }

  /** Something has left the sink's own buffers. */
  noteConsumption (): void {
    this.#consumedAt = this.#clock.waited()
  }

  /** An acceptance need not be quiet for longer than that any more. */
  settleWithin (ms: number): void {
    this.#quiet.shorten(ms)
    this.update()
  }

  /** The sink is about to be given something. */
  begin (): void {
    if (!this.#unsettled.hasUnaccepted) this.#busySince = this.#clock.waited()
  }

  /** What the sink has in its hands has changed. */
  update (): void {
    this.#alarm.setFor(Math.min(this.#acceptanceDue, this.#consumptionDue, this.#settlementDue))
  }

  stop (): void {
    this.#alarm.stop()
  }

  get #acceptanceDue (): number {
    if (!this.#unsettled.hasUnaccepted) return Infinity
    return Math.max(this.#busySince, this.#pace.lastProgress) + this.#writeTimeoutMs
  }

  /** What a sink has accepted, and keeps in its own buffers without moving, it has not accepted to any purpose. */
  get #consumptionDue (): number {
    const { oldestHeld } = this.#unsettled
    return oldestHeld === undefined ? Infinity : Math.max(this.#consumedAt, oldestHeld.acceptedAt as number) + this.#writeTimeoutMs
  }

  get #settlementDue (): number {
    const { oldestConsumed } = this.#unsettled
    return oldestConsumed === undefined ? Infinity : this.#quiet.endOf(oldestConsumed.consumedAt as number, this.#isTripped())
  }

  #look (): void {
    const now = this.#clock.waited()
    if (now >= this.#settlementDue) this.#events.onQuiet(this.#unsettled.takeConsumedBefore(now - this.#quiet.ms))
    if (now >= this.#acceptanceDue || now >= this.#consumptionDue) this.#events.onTimeout()
    this.update()
    this.#events.onLooked()
  }
}
