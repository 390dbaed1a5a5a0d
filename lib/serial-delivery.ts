import type { AppThread } from './app-thread.js'
import type { Batch } from './batch.js'
import type { Clock } from './clock.js'

/** How often to check whether the app's thread still turns while a lane is awaited. */
const CHECK_MS = 100

/** A lane, as serial delivery sees it. */
interface SerialLane {
  offer (batch: Batch): void
  /** Resolves to `true` once the lane has settled, or to `false` at the deadline. */
  settle (deadline: number): Promise<boolean>
}

/** A seat, as serial delivery sees it. */
interface SerialSeat<Lane> {
  lane: Lane
  target: { writeTimeoutMs: number }
}

/**
 * Delivers to one lane after another, for `parallel: false`: the next lane gets its batch once the one before has settled,
 * or once the `writeTimeoutMs` of that one is over.
 */
export class SerialDelivery<Lane extends SerialLane> {
  readonly #seats: readonly SerialSeat<Lane>[]
  readonly #clock: Clock
  readonly #app: AppThread
  #batches: Array<{ lanes: readonly Lane[], batch: Batch }> = []

  constructor (seats: readonly SerialSeat<Lane>[], clock: Clock, app: AppThread) {
    this.#seats = seats
    this.#clock = clock
    this.#app = app
  }

  /** Adds a batch that the next {@link run} delivers. */
  add (lanes: readonly Lane[], batch: Batch): void {
    this.#batches.push({ lanes, batch })
  }

  /** Delivers all batches that have been added. */
  async run (): Promise<void> {
    for (const { lanes, batch } of this.#batches.splice(0)) {
      for (const { lane, target } of this.#seats) {
        if (!lanes.includes(lane)) continue
        lane.offer(batch)
        await this.#settle(lane, target.writeTimeoutMs)
      }
    }
  }

  /** Waits for a lane to settle. Stops when the app's thread stands still, since that may be waiting for this one. */
  async #settle (lane: Lane, timeoutMs: number): Promise<void> {
    const deadline = this.#clock.now() + timeoutMs
    for (let now = this.#clock.now(); now < deadline && this.#app.isTurning; now = this.#clock.now()) {
      if (await lane.settle(Math.min(deadline, now + CHECK_MS))) return
    }
  }
}
