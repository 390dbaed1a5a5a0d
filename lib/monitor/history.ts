import type { TransitionEvent } from '../breaker.js'
import { lostLinesOf, waitingLinesOf, type FanoutSnapshot } from '../metrics.js'
import type { Notice } from '../reports/notice.js'

/** The time between two samples. */
export const STEP_MS = 2000
/** The time that is remembered. */
const SPAN_MS = 10 * 60 * 1000
const SAMPLES = SPAN_MS / STEP_MS
const MAX_EVENTS = 200

/** The numbers of one sink at each of the times. */
export interface SinkHistory {
  /** Lines delivered since the start. */
  delivered: number[]
  /** Lines that wait, in memory or on the disk, and lines that the sink holds. */
  backlog: number[]
  /** Lines skipped or dropped since the start. */
  lost: number[]
}

/** The last ten minutes, oldest first: the data of the event `history`. */
export interface MonitorHistory {
  stepMs: number
  /** Wall times, in ms since the epoch. */
  times: number[]
  sinks: Record<string, SinkHistory>
  /** At most 200. Their errors have no stacks. */
  transitions: TransitionEvent[]
  /** At most 200. */
  notices: Notice[]
}

const SERIES = ['delivered', 'backlog', 'lost'] as const

/** Remembers samples of snapshots, transitions and notices of the last ten minutes, in bounded memory. */
export class History {
  readonly #times = new Float64Array(SAMPLES)
  readonly #sinks = new Map<string, Record<keyof SinkHistory, Float64Array>>()
  readonly #transitions: TransitionEvent[] = []
  readonly #notices: Notice[] = []
  #count = 0

  sample ({ time, sinks }: FanoutSnapshot): void {
    const place = this.#count++ % SAMPLES
    this.#times[place] = time
    for (const sink of sinks) {
      const { delivered, backlog, lost } = this.#seriesOf(sink.name)
      delivered[place] = sink.linesDelivered
      backlog[place] = waitingLinesOf(sink)
      lost[place] = lostLinesOf(sink)
    }
  }

  addTransition (event: TransitionEvent): void {
    // A stack is as long as all else together, and is in the record of the transition.
    add(this.#transitions, event.err === undefined ? event : { ...event, err: withoutStack(event.err) })
  }

  addNotice (notice: Notice): void {
    add(this.#notices, notice)
  }

  /** @param now - Wall time, in ms since the epoch */
  read (now: number): MonitorHistory {
    const isRecent = ({ time }: { time: number }): boolean => time > now - SPAN_MS
    return {
      stepMs: STEP_MS,
      times: this.#inOrder(this.#times),
      sinks: Object.fromEntries([...this.#sinks].map(([name, series]) => [name, Object.fromEntries(SERIES.map(key => [key, this.#inOrder(series[key])])) as unknown as SinkHistory])),
      transitions: this.#transitions.filter(isRecent),
      notices: this.#notices.filter(isRecent)
    }
  }

  #seriesOf (name: string): Record<keyof SinkHistory, Float64Array> {
    const known = this.#sinks.get(name)
    if (known !== undefined) return known
    const series = { delivered: new Float64Array(SAMPLES), backlog: new Float64Array(SAMPLES), lost: new Float64Array(SAMPLES) }
    this.#sinks.set(name, series)
    return series
  }

  #inOrder (ring: Float64Array): number[] {
    if (this.#count <= SAMPLES) return [...ring.subarray(0, this.#count)]
    const oldest = this.#count % SAMPLES
    return [...ring.subarray(oldest), ...ring.subarray(0, oldest)]
  }
}

function add<Item> (items: Item[], item: Item): void {
  items.push(item)
  if (items.length > MAX_EVENTS) items.shift()
}

function withoutStack ({ stack, cause, ...err }: NonNullable<TransitionEvent['err']>): NonNullable<TransitionEvent['err']> {
  return cause === undefined ? err : { ...err, cause: withoutStack(cause) }
}
