import type { SinkHistory } from './messages.js'

/** What charts show: the last ten minutes. */
export const WINDOW_MS = 600_000

/** The counts of a sink at a time. */
export interface Sample {
  readonly time: number
  /** Lines delivered and lost since the start. */
  readonly delivered: number
  readonly lost: number
  readonly backlog: number
}

/** A value at a time. */
export interface Point {
  readonly time: number
  readonly value: number
}

/** A rate is taken over this time, so that its number is steady enough to be read. */
const RATE_MS = 4000

/** The samples of one sink in the last ten minutes. */
export class Series {
  readonly #stepMs: number
  #samples: Sample[] = []

  /** @param stepMs - Samples that follow one another more closely replace each other. */
  constructor (stepMs: number) {
    this.#stepMs = stepMs
  }

  /** The samples of a history. What is no number is left out. */
  static of (times: readonly number[], { delivered, lost, backlog }: SinkHistory, stepMs: number): Series {
    const series = new Series(stepMs)
    for (const [i, time] of times.entries()) {
      const sample = { time, delivered: delivered[i] as number, lost: lost[i] as number, backlog: backlog[i] as number }
      if (Object.values(sample).every(Number.isFinite)) series.add(sample)
    }
    return series
  }

  /** Adds a sample. One that is not later than the last is ignored. */
  add (sample: Sample): void {
    const last = this.#samples.at(-1)
    const before = this.#samples.at(-2)
    if (last !== undefined && sample.time <= last.time) return
    if (last !== undefined && before !== undefined && sample.time - before.time <= this.#stepMs) this.#samples.pop()
    this.#samples.push(sample)
    const oldest = sample.time - WINDOW_MS - 2 * this.#stepMs
    if ((this.#samples[0] as Sample).time < oldest) this.#samples = this.#samples.filter(({ time }) => time >= oldest)
  }

  get backlog (): Point[] {
    return this.#samples.map(({ time, backlog }) => ({ time, value: backlog }))
  }

  /** Lines delivered a second, between each sample and the one before. */
  get rates (): Point[] {
    return this.#samples.slice(1).map((sample, i) => ({ time: sample.time, value: rateBetween(this.#samples[i] as Sample, sample) }))
  }

  /** Lines delivered a second, lately. */
  get rate (): number {
    const last = this.#samples.at(-1)
    if (last === undefined) return 0
    const first = this.#samples.findLast(({ time }) => time <= last.time - RATE_MS) ?? this.#samples[0] as Sample
    return rateBetween(first, last)
  }

  /** True if lines were lost within a time before the last sample. */
  hasLost (withinMs: number): boolean {
    const last = this.#samples.at(-1)
    const first = this.#samples.find(({ time }) => last !== undefined && time >= last.time - withinMs)
    return last !== undefined && first !== undefined && last.lost > first.lost
  }
}

/** A counter that is smaller than before belongs to another start. */
function rateBetween (first: Sample, last: Sample): number {
  const ms = last.time - first.time
  return ms <= 0 ? 0 : Math.max(0, last.delivered - first.delivered) * 1000 / ms
}

/** The value at a time: that of the point next to it, if it is not farther away than `withinMs`. */
export function valueAt (points: readonly Point[], time: number, withinMs: number): number | undefined {
  let nearest: Point | undefined
  for (const point of points) {
    if (nearest === undefined || Math.abs(point.time - time) < Math.abs(nearest.time - time)) nearest = point
  }
  return nearest !== undefined && Math.abs(nearest.time - time) <= withinMs ? nearest.value : undefined
}
