import { areaPath, linePath, scaleFor, xOf } from './chart.js'
import type { Cursor } from './cursor.js'
import { setAttribute, setText, svg, element } from './element.js'
import { valueAt, WINDOW_MS, type Point } from './series.js'
import type { Span } from './spans.js'

const WIDTH = 600
const HEIGHT = 40
const NEAR_MS = 5000

/** How a sparkline looks, and what it tells. */
export interface SparklineOptions {
  readonly cursor: Cursor
  /** Writes a value: `1,240`. */
  format (value: number): string
  /** Writes the unit after it: `lines/s`. */
  unit: string
  /** Describes what is drawn: `Lines delivered a second`. */
  label: string
}

/** A small chart of the last ten minutes, with the value of now, or of the moment that the reader points at. */
export class Sparkline {
  readonly element: HTMLElement
  readonly #options: SparklineOptions
  readonly #value = element('span', { class: 'value' })
  readonly #peak = element('span', { class: 'peak' })
  readonly #bands = svg('g')
  readonly #area = svg('path', { class: 'area' })
  readonly #line = svg('path', { class: 'line' })
  readonly #mark = svg('path', { class: 'mark', hidden: true })
  readonly #chart: SVGSVGElement
  #points: readonly Point[] = []
  #now = 0
  #current = 0

  constructor (options: SparklineOptions) {
    this.#options = options
    this.#chart = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', class: 'chart' }, this.#bands, this.#area, this.#line, this.#mark)
    this.element = element('div', { class: 'spark' },
      element('div', { class: 'figure' }, this.#value, element('span', { class: 'unit' }, ` ${options.unit}`), this.#peak),
      this.#chart)
    options.cursor.follow(this.#chart)
    options.cursor.onMove(() => this.#point())
  }

  /** @param current - The value of now, which may be steadier than the last point. */
  update (points: readonly Point[], current: number, spans: readonly Span[], now: number): void {
    this.#points = points
    this.#now = now
    this.#current = current
    const { format, unit, label } = this.#options
    const frame = { from: now - WINDOW_MS, to: now, width: WIDTH, height: HEIGHT - 2, max: scaleFor(points) }
    setAttribute(this.#area, 'd', areaPath(points, frame))
    const peak = points.reduce((max, { time, value }) => time < frame.from ? max : Math.max(max, value), 0)
    // A line along the bottom says nothing that the axis does not say.
    setAttribute(this.#line, 'd', peak > 0 ? linePath(points, frame) : '')
    setText(this.#peak, peak > 0 ? `peak ${format(peak)}` : '')
    setAttribute(this.#chart, 'aria-label', `${label}, last ten minutes: now ${format(current)} ${unit}, at most ${format(peak)}`)
    this.#bands.replaceChildren(...spans.filter(({ state }) => state !== 'closed').map(({ state, from, to }) => {
      const x = xOf(from, frame)
      return svg('rect', { class: state, x, y: 0, width: Math.max(1, xOf(to, frame) - x), height: HEIGHT })
    }))
    this.#point()
  }

  #point (): void {
    const { cursor: { share }, format } = this.#options
    setAttribute(this.#mark, 'hidden', share === undefined)
    if (share === undefined) return setText(this.#value, format(this.#current))
    setAttribute(this.#mark, 'd', `M${Math.round(share * WIDTH)} 0V${HEIGHT}`)
    const value = valueAt(this.#points, this.#now - WINDOW_MS * (1 - share), NEAR_MS)
    setText(this.#value, value === undefined ? '–' : format(value))
  }
}
