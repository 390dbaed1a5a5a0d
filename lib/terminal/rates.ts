import type { ShownSink } from './sink-facts.js'

/** A rate is measured over this time. */
const WINDOW_MS = 3000

interface Sample {
  readonly upMs: number
  readonly delivered: ReadonlyMap<string, number>
}

/** Lines that each sink has delivered in a second, from one snapshot to the next. */
export class Rates {
  #samples: Sample[] = []

  add ({ upMs, sinks }: { readonly upMs: number, readonly sinks: ReadonlyArray<Pick<ShownSink, 'name' | 'linesDelivered'>> }): void {
    const last = this.#samples.at(-1)
    // A transport that has started again counts from zero.
    if (last !== undefined && upMs < last.upMs) this.#samples = []
    this.#samples.push({ upMs, delivered: new Map(sinks.map(({ name, linesDelivered }) => [name, linesDelivered])) })
    const begin = this.#samples.findLastIndex(sample => upMs - sample.upMs >= WINDOW_MS)
    if (begin > 0) this.#samples.splice(0, begin)
  }

  /** Lines per second, 0 until there are two snapshots. */
  of (sink: string): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)]
    if (first === undefined || last === undefined || last.upMs <= first.upMs) return 0
    const lines = (last.delivered.get(sink) ?? 0) - (first.delivered.get(sink) ?? 0)
    return Math.max(0, lines) / (last.upMs - first.upMs) * 1000
  }
}
