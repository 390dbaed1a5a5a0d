/** The shortest time between two remembered moments. */
const GRAIN_MS = 25

/** Remembers the bytes that a sink had accepted a while ago. Marks are cumulative bytes. */
export class MarkHistory {
  #moments: Array<{ at: number, mark: number }> = []

  /** Remembers the bytes accepted by now. */
  note (now: number, mark: number): void {
    const last = this.#moments.at(-1)
    const isClose = this.#moments.length > 1 && now - (this.#moments.at(-2)?.at ?? 0) < GRAIN_MS
    if (last?.mark === mark) return
    if (isClose) this.#moments.pop()
    this.#moments.push({ at: now, mark })
  }

  /** A lower bound for the bytes accepted by that time. Forgets all moments before it. */
  at (time: number): number {
    let n = 0
    while (n < this.#moments.length && (this.#moments[n] as { at: number }).at <= time) n++
    if (n === 0) return 0
    this.#moments = this.#moments.slice(n - 1)
    return this.#moments[0]?.mark ?? 0
  }
}
