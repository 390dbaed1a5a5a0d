import type { CircuitState, TransitionEvent, TransitionReason } from '../breaker.js'
import type { Clock } from '../clock.js'

/** How often one transition has happened. */
export interface TransitionCount {
  from: CircuitState
  to: CircuitState
  reason: TransitionReason
  count: number
}

/** The history of a breaker, as part of the snapshot of its sink. */
export interface CircuitHistory {
  /** Time since the last transition, or the start, in whole ms. */
  stateForMs: number
  stateReason?: TransitionReason
  /** The time in which it was not closed, in whole ms. */
  openMs: number
  transitions: TransitionCount[]
}

/** Counts the transitions of one breaker, and the time in which it is not closed. */
export class CircuitStatistics {
  readonly #clock: Clock
  readonly #transitions = new Map<string, TransitionCount>()
  #enteredAt: number
  #trippedAt: number | undefined
  #openMs = 0
  #last: TransitionReason | undefined

  constructor (clock: Clock) {
    this.#clock = clock
    this.#enteredAt = clock.now()
  }

  note ({ from, to, reason }: TransitionEvent): void {
    const now = this.#enteredAt = this.#clock.now()
    this.#last = reason
    const key = `${from} ${to} ${reason}`
    const known = this.#transitions.get(key)
    if (known === undefined) this.#transitions.set(key, { from, to, reason, count: 1 })
    else known.count++
    if (from === 'closed') this.#trippedAt = now
    if (to === 'closed') {
      this.#openMs += this.#sinceTripped(now)
      this.#trippedAt = undefined
    }
  }

  get history (): CircuitHistory {
    const now = this.#clock.now()
    return {
      stateForMs: Math.round(now - this.#enteredAt),
      ...(this.#last !== undefined && { stateReason: this.#last }),
      openMs: Math.round(this.#openMs + this.#sinceTripped(now)),
      transitions: [...this.#transitions.values()].map(count => ({ ...count }))
    }
  }

  #sinceTripped (now: number): number {
    return this.#trippedAt === undefined ? 0 : now - this.#trippedAt
  }
}
