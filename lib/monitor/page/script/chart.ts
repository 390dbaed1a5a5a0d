import type { Point } from './series.js'

/** What part of time and of values a chart shows, and its size in units of its own. */
export interface Frame {
  readonly from: number
  readonly to: number
  readonly max: number
  readonly width: number
  readonly height: number
}

/** Points farther apart than this are not connected. */
const GAP_MS = 15_000

/** The path of a line through points, for `d` of an SVG path: broken where samples are missing. */
export function linePath (points: readonly Point[], frame: Frame): string {
  return runsOf(points, frame).map(run => run.map((point, i) => `${i === 0 ? 'M' : 'L'}${place(point, frame)}`).join('')).join('')
}

/** The path of the area between the points and the bottom. */
export function areaPath (points: readonly Point[], frame: Frame): string {
  return runsOf(points, frame).map(run => {
    const [first, last] = [run[0] as Point, run.at(-1) as Point]
    return `M${xOf(first.time, frame)} ${frame.height}${run.map(point => `L${place(point, frame)}`).join('')}L${xOf(last.time, frame)} ${frame.height}Z`
  }).join('')
}

/** Where a time is on the chart, within its edges. */
export function xOf (time: number, { from, to, width }: Omit<Frame, 'max' | 'height'>): number {
  return round(Math.min(1, Math.max(0, (time - from) / (to - from))) * width)
}

/** The smallest of 1, 2, 5, 10, 20 … that is not below the largest value: a scale that rests while values move. */
export function scaleFor (points: readonly Point[], least = 1): number {
  const largest = points.reduce((max, { value }) => Math.max(max, value), 0)
  if (largest <= least) return least
  const power = 10 ** Math.floor(Math.log10(largest))
  return [1, 2, 5, 10].map(step => step * power).find(step => step >= largest) as number
}

function runsOf (points: readonly Point[], { from, to }: Frame): Point[][] {
  const runs: Point[][] = []
  let before: Point | undefined
  for (const point of points) {
    if (point.time < from || point.time > to) continue
    if (before === undefined || point.time - before.time > GAP_MS) runs.push([])
    runs.at(-1)?.push(point)
    before = point
  }
  return runs
}

function place (point: Point, frame: Frame): string {
  const { max, height } = frame
  return `${xOf(point.time, frame)} ${round(height - Math.min(1, Math.max(0, point.value / max)) * height)}`
}

function round (number: number): number {
  return Math.round(number * 10) / 10
}
