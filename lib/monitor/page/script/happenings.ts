import { element, foreign, setAttribute } from './element.js'
import { formatCount, formatDateTime, formatDuration, formatShare, formatTime, readableLine } from './format.js'
import { StateGlyph } from './glyphs.js'
import type { Notice, TransitionEvent } from './messages.js'
import { errorLine, knownState, noticeWords, reasonWords, stateWords } from './words.js'

/** As many as the server keeps. */
const MAX_ROWS = 200

/** The table of transitions and notices, the latest first. It says in words what the time line shows. */
export class Happenings {
  readonly #body: HTMLElement
  readonly #none: HTMLElement
  readonly #frame: HTMLElement

  /**
   * @param body - Of the table
   * @param none - Shown in place of the table while there is nothing to tell
   */
  constructor (body: HTMLElement, frame: HTMLElement, none: HTMLElement) {
    this.#body = body
    this.#frame = frame
    this.#none = none
  }

  /** Forgets what was shown. */
  reset (transitions: readonly TransitionEvent[], notices: readonly Notice[]): void {
    this.#body.replaceChildren()
    const rows = [
      ...transitions.map(event => ({ time: event.time, add: () => this.addTransition(event) })),
      ...notices.map(notice => ({ time: notice.time, add: () => this.addNotice(notice) }))
    ]
    for (const { add } of rows.sort((a, b) => a.time - b.time)) add()
    this.#showWhether()
  }

  addTransition ({ time, sink, from, to, reason, consecutiveFailures, openForMs, err, attempts = 0, failureRate, slowRate, tookMs }: TransitionEvent): void {
    const state = knownState(to)
    const what = element('td', { role: 'cell', class: 'what', 'data-state': state },
      new StateGlyph(state).element, element('span', { class: 'from' }, `${stateWords[knownState(from)].toLowerCase()} → `), element('strong', {}, stateWords[state].toLowerCase()))
    const facts = [reasonWords(reason)]
    if (state === 'open' && consecutiveFailures > 1) facts.push(`${consecutiveFailures} failures in a row`)
    if (failureRate !== undefined) facts.push(`${formatShare(failureRate)} of ${formatCount(attempts)}`)
    if (slowRate !== undefined) facts.push(`${formatShare(slowRate)} of ${formatCount(attempts)} attempts were slow`)
    if (tookMs !== undefined) facts.push(`${from === 'half-open' ? 'the probe' : 'the last'} took ${formatDuration(tookMs)}`)
    if (state === 'closed' && openForMs > 0) facts.push(`after ${formatDuration(openForMs)}`)
    const why = element('td', { role: 'cell', class: 'why' }, foreign(facts.join(', ')))
    if (err !== undefined) why.append(element('span', { class: 'note' }, foreign(errorLine(err))))
    this.#add(time, sink, what, why)
  }

  addNotice (notice: Notice): void {
    const what = element('td', { role: 'cell', class: 'what notice' }, element('span', { class: 'glyph', 'aria-hidden': 'true' }, '▲'), 'notice')
    this.#add(notice.time, notice.sink, what, element('td', { role: 'cell', class: 'why' }, foreign(noticeWords(notice))))
  }

  #add (time: number, sink: string, ...cells: HTMLElement[]): void {
    this.#body.prepend(element('tr', { role: 'row' },
      element('td', { role: 'cell', class: 'when' }, element('time', { datetime: formatDateTime(time) }, formatTime(time))),
      element('th', { role: 'rowheader', scope: 'row' }, foreign(readableLine(sink, 80))),
      ...cells))
    while (this.#body.childElementCount > MAX_ROWS) this.#body.lastElementChild?.remove()
    this.#showWhether()
  }

  #showWhether (): void {
    const isEmpty = this.#body.childElementCount === 0
    setAttribute(this.#frame, 'hidden', isEmpty)
    setAttribute(this.#none, 'hidden', !isEmpty)
  }
}
