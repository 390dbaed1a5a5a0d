import type { TransitionEvent } from './breaker.js'
import type { Clock } from './clock.js'

/** Reports some transitions of a sink by the last of them and their number. */
export type TellTransition = (last: TransitionEvent, transitions: number) => void

/** A sink may have this many transitions within this time that are reported one by one. */
const MOST = 10
const WITHIN_MS = 20000
const SUMMARY_MS = 10000
/** After a summary of at most this many, transitions come slowly enough to be reported one by one again. */
const FEW = MOST * SUMMARY_MS / WITHIN_MS

/** The state of the report on one sink. */
interface Told {
  /** When the latest single transitions were reported. */
  times: number[]
  last: TransitionEvent | undefined
  /** The number of transitions that have not been reported yet. */
  transitions: number
  timer: NodeJS.Timeout | undefined
}

/**
 * Reports each transition, without a flood: once a sink has had ten transitions within 20 s, the next ones are reported together
 * every 10 s.
 */
export class TransitionReport {
  readonly #clock: Clock
  readonly #tell: TellTransition
  readonly #bySink = new Map<string, Told>()

  constructor (clock: Clock, tell: TellTransition) {
    this.#clock = clock
    this.#tell = tell
  }

  add (event: TransitionEvent): void {
    const told = this.#toldOf(event.sink)
    const now = this.#clock.now()
    if (told.timer === undefined) {
      told.times = told.times.filter(time => now - time < WITHIN_MS)
      if (told.times.length < MOST) {
        told.times.push(now)
        this.#tell(event, 1)
        return
      }
      told.timer = setInterval(() => this.#summarize(told), SUMMARY_MS).unref()
    }
    told.last = event
    told.transitions++
  }

  /** Reports now what has not been reported. */
  flush (): void {
    for (const told of this.#bySink.values()) this.#tellRest(told)
  }

  /** As {@link flush}, and ends the summaries. */
  stop (): void {
    this.flush()
    for (const { timer } of this.#bySink.values()) clearInterval(timer)
    this.#bySink.clear()
  }

  #summarize (told: Told): void {
    const areFew = told.transitions <= FEW
    this.#tellRest(told)
    if (!areFew) return
    clearInterval(told.timer)
    told.timer = undefined
  }

  #tellRest (told: Told): void {
    const { last, transitions } = told
    told.last = undefined
    told.transitions = 0
    if (last !== undefined) this.#tell(last, transitions)
  }

  #toldOf (sink: string): Told {
    let told = this.#bySink.get(sink)
    if (told === undefined) this.#bySink.set(sink, told = { times: [], last: undefined, transitions: 0, timer: undefined })
    return told
  }
}
