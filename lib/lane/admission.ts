import type { AppThread } from '../app-thread.js'
import { cutLines, type Lines } from '../batch.js'
import type { Clock } from '../clock.js'
import type { QueueSettings } from '../options.js'
import type { LineQueue, NewLines } from '../queue.js'
import { Shedding, type Shed } from '../shedding.js'
import type { Outlet } from './outlet.js'

/** Decision about new lines: they get a place in the queue, the app is held back until there is one, or lines are dropped. */
export type Verdict = 'admit' | 'hold-back' | 'shed'

/** A push-back ends after this waited time, even if lines still move. */
const MAX_PUSHBACK_MS = 4000
/** A shorter silence says nothing: a healthy sink may not have been given the processor for so long. */
const SHORTEST_SILENCE_MS = 250
/** The same for a sink that has not taken anything yet: it may have to connect, and to load its client. */
const FIRST_SILENCE_MS = 500
/** A sink that moves reports progress at least once per this many bytes. */
const PORTION_BYTES = 1024 * 1024

/**
 * Decides what becomes of new lines that find a full queue. The app is held back as long as the pace of the outlet promises
 * that this helps; then lines are dropped by the policy. All times are waited time.
 */
export class Admission {
  readonly #settings: QueueSettings
  readonly #queue: LineQueue
  readonly #clock: Clock
  readonly #app: AppThread

  /** @param queue - The queue whose amounts decide. */
  constructor (settings: QueueSettings, queue: LineQueue, clock: Clock, app: AppThread) {
    this.#settings = settings
    this.#queue = queue
    this.#clock = clock
    this.#app = app
  }

  /**
   * Decides about new lines, with no older ones waiting for a place.
   *
   * @param pressingSince - When the app began to be held back
   */
  decide (lines: NewLines, outlet: Outlet, pressingSince: number): Verdict {
    const { bytes, count } = lines
    if (this.fits(bytes.length, count, outlet) || this.#isAlone(count, outlet)) return 'admit'
    if (!outlet.isTaking || !this.#app.isTurning) return 'shed'
    const now = this.#clock.waited()
    if (now - pressingSince >= MAX_PUSHBACK_MS) return 'shed'
    return this.#isMoving(outlet, now) ? 'hold-back' : 'shed'
  }

  /** True if new lines are within the limits, or are going to leave memory at once. */
  fits (bytes: number, lines: number, outlet: Outlet): boolean {
    return this.#queue.fits(bytes, lines, outlet.held) || (this.#queue.isEmpty && outlet.mayExceed(bytes))
  }

  /** Cuts off as many lines as there is room for. `head` is `undefined` if there is no room for one. */
  cutToRoom (lines: Lines, outlet: Outlet): { head: Lines | undefined, rest: Lines | undefined } {
    const room = this.#queue.room(outlet.held)
    const [head, rest] = cutLines(lines, room.bytes, room.lines)
    return this.fits(head.bytes.length, head.count, outlet) ? { head, rest } : { head: undefined, rest: lines }
  }

  /** Drops lines by the policy, so that the rest of the new ones fits. */
  shed (lines: Lines, outlet: Outlet): Shed {
    const fits = ({ bytes, count }: Lines): boolean => this.fits(bytes.length, count, outlet)
    return new Shedding(lines, { queue: this.#queue, settings: this.#settings, held: outlet.held, fits })
  }

  /** True for a single line that is taken next: its size does not matter. */
  #isAlone (count: number, outlet: Outlet): boolean {
    return count === 1 && this.#queue.isEmpty && outlet.held.bytes === 0 && outlet.isTaking
  }

  /** True if the outlet takes lines fast enough for waiting to help. */
  #isMoving (outlet: Outlet, now: number): boolean {
    const { overflow, blockTimeoutMs } = this.#settings
    const { pace, unacceptedBytes } = outlet
    const stillForMs = now - pace.lastProgress
    if (overflow === 'block') return stillForMs < blockTimeoutMs
    if (stillForMs >= this.#patienceMs(outlet)) return false
    return !pace.hasMoved || pace.msFor(this.#queue.bytes + unacceptedBytes, now) <= blockTimeoutMs
  }

  /**
   * How long the outlet may be silent. Its unaccepted bytes must be accepted within their share of `blockTimeoutMs`. Lines
   * logged while the app is held back pile up in the app, so a sink that hangs must be recognized soon.
   */
  #patienceMs ({ pace, unacceptedBytes }: Outlet): number {
    const { blockTimeoutMs } = this.#settings
    // A sink that was given nothing is still starting.
    if (unacceptedBytes === 0) return blockTimeoutMs
    const share = Math.min(PORTION_BYTES, unacceptedBytes) / (this.#queue.bytes + unacceptedBytes)
    const shortest = pace.hasMoved ? SHORTEST_SILENCE_MS : FIRST_SILENCE_MS
    return Math.min(blockTimeoutMs, Math.max(shortest, share * blockTimeoutMs))
  }
}
