import type { Clock } from '../clock.js'
import { Alarm } from '../alarm.js'
import type { Gate } from './gate.js'
import type { Pace } from '../pace.js'
import type { Quiet } from '../quiet.js'
import type { Attempt, Unsettled } from './unsettled.js'

/** Dependencies of a {@link Watch}; all times are waited time. */
export interface WatchDeps {
  clock: Clock
  pace: Pace
  unsettled: Unsettled
  /** The longest time in which nothing is accepted and nothing moves. */
  writeTimeoutMs: number
  /** The time that an acceptance without proof must stay quiet. */
  quiet: Quiet
  /** While it is tripped, the lines that the sink holds are a probe. */
  gate: Pick<Gate, 'isTripped'>
}

/** Result of a look. */
export interface Findings {
  /** These lines were accepted, and nothing has failed since for long enough. */
  readonly quiet: readonly Attempt[]
  /** Lines that the sink holds should have been accepted by now, or have left its own buffers. */
  readonly isLate: boolean
}

/** Times the lines that a sink holds: they must be accepted in time, and an acceptance that stays quiet counts as delivery. */
export class Watch {
  readonly #clock: Clock
  readonly #pace: Pace
  readonly #unsettled: Unsettled
  readonly #writeTimeoutMs: number
  readonly #alarm: Alarm
  readonly #quiet: Quiet
  readonly #gate: Pick<Gate, 'isTripped'>
  /** The waited time at which the sink was given lines while it had none to accept. */
  #busySince = 0
  #consumedAt = 0
  #isProving = false

  /** @param ring - Called when it is time to {@link look} */
  constructor ({ clock, pace, unsettled, quiet, writeTimeoutMs, gate }: WatchDeps, ring: () => void) {
    this.#clock = clock
    this.#pace = pace
    this.#unsettled = unsettled
    this.#writeTimeoutMs = writeTimeoutMs
    this.#quiet = quiet
    this.#gate = gate
    this.#alarm = new Alarm(clock, ring)
  }

  /** The sink itself has proven a delivery. */
  noteProof (): void {
    this.#isProving = true
  }

  /** True if accepted lines will be proven, and not just stay quiet. */
  get expectsProof (): boolean {
    return this.#isProving || this.#quiet.expectsRequests(this.#clock.waited())
  }

  /** Lines have left the sink's own buffers. */
  noteConsumption (): void {
    this.#consumedAt = this.#clock.waited()
  }

  /** The sink is about to be given lines. */
  begin (): void {
    if (!this.#unsettled.hasUnaccepted) this.#busySince = this.#clock.waited()
  }

  /** The lines that the sink holds have changed. Where lines come all the time, a settlement is always due soon: it is lazy. */
  update (): void {
    const [lateAt, settledAt] = [Math.min(this.#acceptanceDue, this.#consumptionDue), this.#settlementDue]
    this.#alarm.setFor(Math.min(lateAt, settledAt), settledAt < lateAt)
  }

  /** Takes out lines that have stayed quiet for long enough, and says whether others are late. */
  look (): Findings {
    const now = this.#clock.waited()
    const quiet = now >= this.#settlementDue ? this.#unsettled.takeConsumedBefore(now - this.#quiet.ms) : []
    return { quiet, isLate: now >= this.#acceptanceDue || now >= this.#consumptionDue }
  }

  stop (): void {
    this.#alarm.stop()
  }

  get #acceptanceDue (): number {
    if (!this.#unsettled.hasUnaccepted) return Infinity
    return Math.max(this.#busySince, this.#pace.lastProgress) + this.#writeTimeoutMs
  }

  /** Lines that a sink has accepted must leave its own buffers in time, too. */
  get #consumptionDue (): number {
    const { oldestHeld } = this.#unsettled
    return oldestHeld === undefined ? Infinity : Math.max(this.#consumedAt, oldestHeld.acceptedAt as number) + this.#writeTimeoutMs
  }

  get #settlementDue (): number {
    const { oldestConsumed } = this.#unsettled
    return oldestConsumed === undefined ? Infinity : this.#quiet.endOf(oldestConsumed.consumedAt as number, this.#gate.isTripped)
  }
}
