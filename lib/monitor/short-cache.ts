import type { Clock } from '../clock.js'

const TTL_MS = 100

/** Keeps what was made last for a tenth of a second, so that many requests for the same cost one. */
export class ShortCache<Value> {
  readonly #clock: Clock
  readonly #make: (key: string) => Value
  #last: { key: string, value: Value, madeAt: number } | undefined

  constructor (clock: Clock, make: (key: string) => Value) {
    this.#clock = clock
    this.#make = make
  }

  get (key = ''): Value {
    const now = this.#clock.now()
    if (this.#last?.key !== key || now - this.#last.madeAt >= TTL_MS) this.#last = { key, value: this.#make(key), madeAt: now }
    return this.#last.value
  }

  /** Makes the value anew with the next {@link get}: it has changed. */
  forget (): void {
    this.#last = undefined
  }
}
