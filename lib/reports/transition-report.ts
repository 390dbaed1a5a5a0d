import type { TransitionEvent } from '../breaker.js'
import type { Clock } from '../clock.js'

/** Tells of a transition; of more than one, by the last of them and their number. */
export type TellTransition = (last: TransitionEvent, transitions: number) => void

/** So many transitions of a sink within this time are told one by one. */
const MOST = 10
const WITHIN_MS = 20000
const SUMMARY_MS = 10000
/** In a summary with no more than that, they come slowly enough to be told one by one again. */
const FEW = MOST * SUMMARY_MS / WITHIN_MS

/** What has been told of one sink. */
interface Told {
  /** When each of the latest was told by itself. */
  times: number[]
  last: TransitionEvent | undefined
  /** Not told yet. */
  transitions: number
  timer: NodeJS.Timeout | undefined
}

/**
 * Tells of each transition, but makes no flood: of a sink that has more than ten within 20 s, those that follow are told
 * together every 10 s.
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

  /** Tells now what has not been told. */
  flush (): void {
    for (const told of this.#bySink.values()) this.#tellRest(told)
  }

  /** As {@link flush}, and no more comes by itself. */
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
