import type { Cursor } from './cursor.js'
import { element, foreign, setAttribute, setText } from './element.js'
import { formatBytes, formatCount, formatCountdown, formatDuration, formatLevel, formatRate, formatShare, formatTime, readableLine } from './format.js'
import { StateGlyph } from './glyphs.js'
import { waitingLinesOf, lostLinesOf, type SinkSnapshot } from './messages.js'
import type { Series } from './series.js'
import { SinkDetails } from './sink-details.js'
import type { Span } from './spans.js'
import { Sparkline } from './sparkline.js'
import { errorLine, knownState, lossWords, reasonWords, stateMeanings, stateWords } from './words.js'

/** What a row needs besides its snapshot. */
export interface RowNow {
  readonly series: Series
  readonly spans: readonly Span[]
  /** When the present outage began. */
  readonly outageSince: number | undefined
  readonly isLosing: boolean
  readonly hasEnded: boolean
  readonly now: number
}

/** The two rows of one sink in the table: what matters at a glance, and the details, which are folded away at first. */
export class SinkRow {
  readonly main: HTMLTableRowElement
  readonly more: HTMLTableRowElement
  readonly #details: SinkDetails
  readonly #glyph = new StateGlyph()
  readonly #word = element('strong', { class: 'word' })
  readonly #time = element('span', { class: 'time' })
  readonly #why = element('span', { class: 'note' })
  readonly #since = element('span')
  readonly #probe = element('span')
  readonly #level = element('span', { class: 'note' })
  readonly #throughput: Sparkline
  readonly #backlog: Sparkline
  readonly #queue = new Fill('queue')
  readonly #spool = new Fill('spool')
  readonly #lost = element('span', { class: 'value' })
  readonly #losing = element('span', { class: 'badge' }, 'losing lines')
  readonly #reasons = element('ul', { class: 'reasons' })
  readonly #counts = { received: element('dd'), delivered: element('dd'), restarts: element('dd') }
  readonly #error = element('button', { type: 'button', class: 'error', 'aria-expanded': 'false' })
  readonly #noError = element('span', { class: 'none' }, 'none')
  readonly #toggle: HTMLButtonElement

  constructor (name: string, index: number, cursor: Cursor) {
    const id = `sink-${index}`
    this.#throughput = new Sparkline({ cursor, format: formatRate, unit: 'lines/s', label: 'Lines delivered a second' })
    this.#backlog = new Sparkline({ cursor, format: formatCount, unit: 'lines', label: 'Lines that wait' })
    this.#details = new SinkDetails()
    this.#toggle = element('button', { type: 'button', class: 'toggle', 'aria-expanded': 'false', 'aria-controls': id }, foreign(readableLine(name, 120)))
    for (const button of [this.#toggle, this.#error]) button.addEventListener('click', () => this.#fold())
    const cell = (label: string, className: string, ...children: Array<Node | string>): HTMLElement =>
      element('td', { role: 'cell', class: className, 'data-label': label }, ...children)
    const { received, delivered, restarts } = this.#counts
    this.main = element('tr', { role: 'row', class: 'sink' },
      element('th', { role: 'rowheader', scope: 'row', class: 'name' }, this.#toggle, this.#level),
      cell('State', 'state', element('span', { class: 'headline' }, this.#glyph.element, this.#word, ' ', this.#time), this.#why, element('span', { class: 'note outlook' }, this.#since, ' ', this.#probe)),
      cell('Delivered', 'throughput', this.#throughput.element),
      cell('Waiting', 'backlog', this.#backlog.element, element('div', { class: 'fills' }, this.#queue.element, this.#spool.element)),
      cell('Lost', 'lost', element('span', { class: 'figure' }, this.#lost, this.#losing), this.#reasons),
      cell('Since start', 'totals', element('dl', {}, element('dt', {}, 'received'), received, element('dt', {}, 'delivered'), delivered, element('dt', {}, 'restarts'), restarts)),
      cell('Last error', 'last-error', this.#error, this.#noError))
    this.more = element('tr', { role: 'row', id, class: 'more', hidden: true }, element('td', { role: 'cell', colspan: 7 }, this.#details.element))
  }

  /** Where buttons of actions go. */
  get actionsPlace (): HTMLElement {
    return this.#details.actionsPlace
  }

  update (sink: SinkSnapshot, { series, spans, outageSince, isLosing, now, hasEnded }: RowNow): void {
    const state = knownState(sink.state)
    for (const row of [this.main, this.more]) setAttribute(row, 'data-state', state)
    this.#glyph.show(state)
    setText(this.#word, stateWords[state])
    setText(this.#time, formatDuration(sink.stateForMs))
    setText(this.#why, whyText(sink))
    setText(this.#since, outageSince === undefined ? '' : `outage since ${formatTime(outageSince)}`)
    setText(this.#probe, hasEnded ? '' : probeText(sink))
    setText(this.#level, levelText(sink.level))
    this.#throughput.update(series.rates, hasEnded ? 0 : series.rate, spans, now)
    this.#backlog.update(series.backlog, waitingLinesOf(sink), spans, now)
    this.#queue.update(sink.queueBytes, sink.queueMaxBytes)
    this.#spool.update(sink.spoolBytes, sink.spoolMaxBytes)
    this.#showLosses(sink, isLosing)
    setText(this.#counts.received, formatCount(sink.linesReceived))
    setText(this.#counts.delivered, formatCount(sink.linesDelivered))
    setText(this.#counts.restarts, formatCount(sink.restarts))
    setAttribute(this.#error, 'hidden', sink.lastError === undefined)
    setAttribute(this.#noError, 'hidden', sink.lastError !== undefined)
    if (sink.lastError !== undefined) setText(this.#error, errorLine(sink.lastError))
    this.#details.update(sink)
  }

  #showLosses (sink: SinkSnapshot, isLosing: boolean): void {
    const lost = lostLinesOf(sink)
    setText(this.#lost, formatCount(lost))
    setAttribute(this.#losing, 'hidden', !isLosing)
    setAttribute(this.main, 'data-losing', isLosing)
    setAttribute(this.main, 'data-lost', lost > 0)
    const reasons = Object.entries({ skipped: sink.linesSkipped, ...sink.linesDropped }).filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a)
    const texts = reasons.map(([reason, count]) => reasons.length === 1 ? lossWords(reason) : `${lossWords(reason)} ${formatCount(count)}`)
    showList(this.#reasons, texts)
  }

  #fold (): void {
    const isFolded = !this.more.hidden
    this.more.hidden = isFolded
    for (const button of [this.#toggle, this.#error]) setAttribute(button, 'aria-expanded', String(!isFolded))
  }
}

/** How full a queue or a spool is. */
class Fill {
  readonly element: HTMLElement
  readonly #what: string
  readonly #bar = element('span', { class: 'bar' })
  readonly #share = element('span')

  constructor (what: string) {
    this.#what = what
    this.element = element('span', { class: 'fill' }, element('span', { class: 'track', 'aria-hidden': 'true' }, this.#bar), this.#share)
  }

  update (bytes: number, maxBytes: number): void {
    setAttribute(this.element, 'hidden', !(maxBytes > 0))
    if (!(maxBytes > 0)) return
    const share = Math.min(1, bytes / maxBytes)
    this.#bar.style.inlineSize = `${(share * 100).toFixed(1)}%`
    setAttribute(this.element, 'data-full', share >= 0.9 ? 'full' : share >= 0.5 ? 'half' : false)
    setText(this.#share, `${this.#what} ${formatShare(share)}`)
    setAttribute(this.element, 'title', `${this.#what}: ${formatBytes(bytes)} of ${formatBytes(maxBytes)}`)
  }
}

function showList (list: HTMLElement, texts: readonly string[]): void {
  if (list.childElementCount === texts.length && texts.every((text, i) => list.children[i]?.textContent === text)) return
  list.replaceChildren(...texts.map(text => element('li', {}, foreign(text))))
}

function whyText ({ state, stateReason }: SinkSnapshot): string {
  const known = knownState(state)
  return known === 'closed' || stateReason === undefined ? stateMeanings[known] : reasonWords(stateReason)
}

function probeText ({ state, retryInMs }: SinkSnapshot): string {
  if (knownState(state) !== 'open') return ''
  return retryInMs > 0 ? `probe in ${formatCountdown(retryInMs)}` : 'probe due'
}

function levelText (level: SinkSnapshot['level']): string {
  if (level === 'all') return 'all levels'
  return level === 'silent' ? 'silent: takes no line' : `${readableLine(formatLevel(level), 40)} and above`
}
