import type { DropReason } from '../metrics.js'

/**
 * A kind of loss: lines dropped for a reason, skipped while the breaker was not closed, or dead-lettered, with the reason of the
 * last one. `protectedLines`: how many of the dropped lines were at or above `queue.protectLevel`, if there is one. `unnamed`: the
 * backend refused lines without saying which, with its words. `warned`: its words, without a loss.
 */
export type Loss = { kind: 'dropped', reason: DropReason, protectedLines?: number } | { kind: 'skipped' } | { kind: 'dead-lettered' | 'unnamed' | 'warned', reason: string }

const SUMMARY_MS = 10000

/** Reports losses without a flood: one report when a loss begins, then a sum at most every 10 s, and at recovery. */
export class LossReport {
  readonly #tell: (loss: Loss, lines: number) => void
  readonly #unreported = new Map<string, { loss: Loss, lines: number }>()
  #timer: NodeJS.Timeout | undefined

  constructor (tell: (loss: Loss, lines: number) => void) {
    this.#tell = tell
  }

  /** @param isDiagnostic - The lost line is a diagnostic: it begins no report, but counts in one that has begun */
  add (loss: Loss, lines: number, isDiagnostic = false): void {
    const key = loss.kind === 'dropped' ? loss.reason : loss.kind
    const entry = this.#unreported.get(key)
    if (entry !== undefined) {
      entry.loss = entry.lines === 0 ? loss : together(entry.loss, loss)
      entry.lines += lines
    } else if (isDiagnostic) {
      return
    } else {
      this.#unreported.set(key, { loss, lines: 0 })
      this.#tell(loss, lines)
    }
    this.#timer ??= setInterval(() => this.#summarize(), SUMMARY_MS).unref()
  }

  /** Reports the sums that are left: the loss is over, or the lane has ended. */
  flush (): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    const entries = [...this.#unreported.values()]
    this.#unreported.clear()
    for (const { loss, lines } of entries) if (lines > 0) this.#tell(loss, lines)
  }

  #summarize (): void {
    for (const [key, entry] of this.#unreported) {
      const { loss, lines } = entry
      if (lines === 0) {
        this.#unreported.delete(key)
      } else {
        entry.lines = 0
        this.#tell(loss, lines)
      }
    }
    if (this.#unreported.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }
}

/** The last of two losses of a kind, with the protected lines of both. */
function together (former: Loss, loss: Loss): Loss {
  if (loss.kind !== 'dropped' || former.kind !== 'dropped' || loss.protectedLines === undefined) return loss
  return { ...loss, protectedLines: (former.protectedLines ?? 0) + loss.protectedLines }
}
