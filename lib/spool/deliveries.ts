/** Bytes of a segment. */
export interface Range {
  from: number
  to: number
}

/** The delivered bytes of one segment: a prefix, and ranges after it. */
export class Deliveries {
  #prefix: number
  /** In ascending order, with gaps before, and between, the ranges. */
  readonly #beyond: Range[] = []

  /** @param prefix - How many bytes at the start have been delivered already. */
  constructor (prefix = 0) {
    this.#prefix = prefix
  }

  /** Everything before this offset has been delivered. */
  get prefix (): number {
    return this.#prefix
  }

  add (from: number, to: number): void {
    if (from > this.#prefix) {
      // From the end, since lines are mostly delivered in order.
      const at = this.#beyond.findLastIndex(range => range.to < from) + 1
      let touching = 0
      const merged = { from, to }
      for (let range = this.#beyond[at]; range !== undefined && range.from <= to; range = this.#beyond[at + ++touching]) {
        merged.from = Math.min(merged.from, range.from)
        merged.to = Math.max(merged.to, range.to)
      }
      this.#beyond.splice(at, touching, merged)
      return
    }
    this.#prefix = Math.max(this.#prefix, to)
    for (let next = this.#beyond[0]; next !== undefined && next.from <= this.#prefix; next = this.#beyond[0]) {
      this.#prefix = Math.max(this.#prefix, next.to)
      this.#beyond.shift()
    }
  }

  /** The first undelivered byte at or after `offset`. */
  skip (offset: number): number {
    if (offset < this.#prefix) return this.skip(this.#prefix)
    return this.#beyond.find(({ from, to }) => from <= offset && offset < to)?.to ?? offset
  }

  /** The start of the first delivered range, beyond the prefix, at or after `offset`; `Infinity` if there is none. */
  nextFrom (offset: number): number {
    return this.#beyond.find(({ from }) => from >= offset)?.from ?? Infinity
  }

  /** The ranges among the first bytes, as many as given, that have not been delivered. */
  gapsIn (bytes: number): Range[] {
    const starts = [this.#prefix, ...this.#beyond.map(({ to }) => to)]
    const ends = [...this.#beyond.map(({ from }) => from), bytes]
    return starts.map((from, index) => ({ from, to: ends[index] as number })).filter(({ from, to }) => from < to)
  }
}
