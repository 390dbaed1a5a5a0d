import type { Clock } from '../clock.js'
import type { Lane } from '../lane.js'

/** Why somebody does not wait any longer. */
export type Verdict = 'holds' | 'stalled' | 'stopped'

/** What a patience depends on. */
export interface PatienceOptions {
  clock: Clock
  /** For how long nothing may be delivered or refused, in ms of waited time: a command that was suspended has not waited. */
  timeoutMs: number
  /** Aborted when the user has had enough. */
  stop: AbortSignal
}

/** A signal wakes nobody who waits for a lane. */
const LOOK_MS = 100

/** Waits for a lane as long as it gets somewhere. */
export class Patience {
  readonly #lane: Lane
  readonly #options: PatienceOptions
  #settledLines = 0
  #movedAt: number
  /** Since when nothing has happened but that proof is awaited, of so many lines. */
  #awaiting: { since: number, lines: number } | undefined

  constructor (lane: Lane, options: PatienceOptions) {
    this.#lane = lane
    this.#options = options
    this.#movedAt = options.clock.waited()
  }

  /** Settles when the condition holds, or when nothing has been delivered or refused for too long, or at the signal. */
  async until (holds: () => boolean): Promise<Verdict> {
    const { clock, timeoutMs, stop } = this.#options
    // Waited time advances only while somebody waits.
    const cancel = clock.whenWaited(Infinity, () => {})
    try {
      for (;;) {
        if (stop.aborted) return 'stopped'
        if (holds()) return 'holds'
        this.#look()
        const left = this.#movedAt + timeoutMs - clock.waited()
        if (left <= 0) return 'stalled'
        await this.#lane.until(holds, clock.now() + Math.min(left, LOOK_MS))
      }
    } finally {
      cancel()
    }
  }

  /**
   * Waits until its sink has all lines, and no more is to be learned by waiting: they have come to their end, or what has
   * been accepted has been quiet for `settleMs`, so that only the end of the sink can tell.
   */
  async untilTaken (settleMs: number): Promise<Verdict> {
    return await this.until(() => {
      const { queueLines, unsettledLines, spoolLines } = this.#lane.snapshot()
      return queueLines + unsettledLines + spoolLines === 0 || this.#isQuiet(unsettledLines, settleMs)
    })
  }

  #isQuiet (unsettledLines: number, settleMs: number): boolean {
    const now = this.#options.clock.waited()
    if (!this.#lane.awaitsProof) this.#awaiting = undefined
    else if (this.#awaiting?.lines !== unsettledLines) this.#awaiting = { since: now, lines: unsettledLines }
    return this.#awaiting !== undefined && now - this.#awaiting.since >= settleMs
  }

  #look (): void {
    const { linesDelivered, linesDeadLettered } = this.#lane.snapshot()
    if (linesDelivered + linesDeadLettered === this.#settledLines) return
    this.#settledLines = linesDelivered + linesDeadLettered
    this.#movedAt = this.#options.clock.waited()
  }
}
