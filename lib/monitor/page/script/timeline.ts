import { xOf } from './chart.js'
import type { Cursor } from './cursor.js'
import { element, foreign, setAttribute, setText } from './element.js'
import { formatTime, readableLine } from './format.js'
import type { Notice } from './messages.js'
import { WINDOW_MS } from './series.js'
import { ticksOf, type Span } from './spans.js'
import { noticeWords, stateWords } from './words.js'

const TICK_MS = 120_000

/** What one lane shows. */
export interface LaneNow {
  readonly name: string
  readonly spans: readonly Span[]
  readonly notices: readonly Notice[]
}

/** The states of all sinks in the last ten minutes, one lane each, over a common axis. */
export class Timeline {
  readonly element = element('div', { class: 'timeline' })
  readonly #axis = element('div', { class: 'axis', 'aria-hidden': 'true' })
  readonly #mark = element('div', { class: 'cursor', hidden: true }, element('span'))
  readonly #lanes = new Map<string, Lane>()
  readonly #cursor: Cursor
  #now = 0

  constructor (cursor: Cursor) {
    this.#cursor = cursor
    this.element.append(this.#axis)
    cursor.onMove(() => this.#point())
  }

  update (lanes: readonly LaneNow[], now: number): void {
    this.#now = now
    for (const [name, lane] of this.#lanes) {
      if (lanes.some(other => other.name === name)) continue
      lane.element.remove()
      this.#lanes.delete(name)
    }
    for (const state of lanes) {
      let lane = this.#lanes.get(state.name)
      if (lane === undefined) {
        lane = new Lane(state.name, this.#cursor)
        this.#lanes.set(state.name, lane)
        this.#axis.before(lane.element)
      }
      lane.update(state, now)
    }
    this.#axis.replaceChildren(...ticksOf(now - WINDOW_MS, now, TICK_MS).map(time => {
      const tick = element('span', { class: 'tick' }, formatTime(time).slice(0, 5))
      tick.style.insetInlineStart = percent(time, now)
      return tick
    }), this.#mark)
    this.#point()
  }

  #point (): void {
    const { share } = this.#cursor
    setAttribute(this.#mark, 'hidden', share === undefined)
    if (share === undefined) return
    this.#mark.style.insetInlineStart = `${(share * 100).toFixed(2)}%`
    setText(this.#mark.firstElementChild as Element, formatTime(this.#now - WINDOW_MS * (1 - share)))
  }
}

class Lane {
  readonly element: HTMLElement
  readonly #track = element('div', { class: 'lane-track', role: 'img' })

  constructor (name: string, cursor: Cursor) {
    this.element = element('div', { class: 'lane' }, element('div', { class: 'lane-name' }, foreign(readableLine(name, 120))), this.#track)
    cursor.follow(this.#track)
  }

  update ({ name, spans, notices }: LaneNow, now: number): void {
    this.#track.replaceChildren(
      ...spans.map(({ state, from, to }) => {
        const span = element('span', { class: `span ${state}` })
        span.style.insetInlineStart = percent(from, now)
        span.style.inlineSize = `calc(${percent(to, now)} - ${percent(from, now)})`
        return span
      }),
      ...notices.filter(({ time }) => time > now - WINDOW_MS).map(notice => {
        const mark = element('span', { class: 'notice-mark', title: `${formatTime(notice.time)} ${noticeWords(notice)}` }, '▲')
        mark.style.insetInlineStart = percent(notice.time, now)
        return mark
      }))
    setAttribute(this.#track, 'data-state', spans.at(-1)?.state ?? 'closed')
    setAttribute(this.#track, 'aria-label', `${readableLine(name, 120)}: ${described(spans)}${notices.length > 0 ? `; ${notices.length} ${notices.length === 1 ? 'notice' : 'notices'}` : ''}`)
  }
}

/** Spans as a text that changes only when a state does. */
function described (spans: readonly Span[]): string {
  const parts = spans.filter(({ state }, i) => state !== 'closed' || i === spans.length - 1).slice(-8)
  return parts.length === 0 ? 'not running' : parts.map(({ state, from }) => `${stateWords[state].toLowerCase()} since ${formatTime(from)}`).join(', ')
}

function percent (time: number, now: number): string {
  return `${xOf(time, { from: now - WINDOW_MS, to: now, width: 100 })}%`
}
