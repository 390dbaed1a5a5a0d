import type { BreakerSettings } from './settings.js'
import { AttemptWindow, type AttemptCounts } from './window.js'

/** Why a share of its attempts trips a breaker, as fields of its transition. */
export type RateTrip =
  | { readonly reason: 'failure-rate', readonly attempts: number, readonly failureRate: number }
  | { readonly reason: 'slow', readonly attempts: number, readonly slowRate: number, readonly tookMs: number }

/** This many slow attempts, which together take half of the window, are enough to trip it. */
const FEWEST_SLOW = 2
const BUSY_SHARE = 0.5

/**
 * Decides when a closed breaker trips by what share of its recent attempts failed, or was slow.
 *
 * There must have been `minimumAttempts`. For slowness, fewer are enough if slow ones took half of the window: a sink that
 * takes one batch at a time makes the fewer attempts the slower it is.
 */
export class Rates {
  readonly #failureRate: number
  readonly #slowMs: number
  readonly #slowRate: number
  readonly #minimumAttempts: number
  readonly #busyMs: number
  readonly #window: AttemptWindow

  private constructor ({ failureRate = Infinity, slowMs = Infinity, slowRate, windowMs, minimumAttempts }: BreakerSettings) {
    this.#failureRate = failureRate
    this.#slowMs = slowMs
    this.#slowRate = slowRate
    this.#minimumAttempts = minimumAttempts
    this.#busyMs = windowMs * BUSY_SHARE
    this.#window = new AttemptWindow(windowMs)
  }

  /** `undefined` if no share of attempts trips the breaker: then nothing is counted. */
  static of (settings: BreakerSettings): Rates | undefined {
    const isOn = settings.enabled && (settings.failureRate !== undefined || settings.slowMs !== undefined)
    return isOn ? new Rates(settings) : undefined
  }

  /** @param tookMs - How long an attempt took that succeeded; `undefined` if that is not known */
  isSlow (tookMs: number | undefined): tookMs is number {
    return tookMs !== undefined && tookMs > this.#slowMs
  }

  /** Counts an attempt that succeeded; returns why it trips the breaker, if it does. */
  succeed (now: number, tookMs: number | undefined): RateTrip | undefined {
    if (!this.isSlow(tookMs)) {
      this.#window.add(now, 'fast')
      return undefined
    }
    const counts = this.#window.add(now, 'slow', tookMs)
    const { attempts, slow, slowlyBusyMs } = counts
    const isBusy = slow >= FEWEST_SLOW && slowlyBusyMs >= this.#busyMs
    if (slow / attempts < this.#slowRate || !(isBusy || this.#areEnough(counts))) return undefined
    return { reason: 'slow', attempts, slowRate: rounded(slow / attempts), tookMs: Math.round(tookMs) }
  }

  /** Counts an attempt that failed; returns why it trips the breaker, if it does. */
  fail (now: number): RateTrip | undefined {
    const counts = this.#window.add(now, 'failure')
    const { attempts, failures } = counts
    if (failures / attempts < this.#failureRate || !this.#areEnough(counts)) return undefined
    return { reason: 'failure-rate', attempts, failureRate: rounded(failures / attempts) }
  }

  /** Forgets all attempts. */
  clear (): void {
    this.#window.clear()
  }

  #areEnough ({ attempts }: Readonly<AttemptCounts>): boolean {
    return attempts >= this.#minimumAttempts
  }
}

/** A share for a reader. */
function rounded (share: number): number {
  return Math.round(share * 1000) / 1000
}
