import { element, foreign, setAttribute, setText } from './element.js'
import { formatBytes, formatCount, formatDuration, readable, readableLine } from './format.js'
import type { SinkSnapshot } from './messages.js'
import { quantileLimit } from './quantile.js'
import { lossWords, reasonWords } from './words.js'

/** All that is known of one sink: where each line is, what has failed, how long it takes, and the last error in full. */
export class SinkDetails {
  readonly element = element('div', { class: 'details' })
  /** Where buttons of actions go. */
  readonly actionsPlace = element('div', { class: 'actions' })
  readonly #lines = new Facts('Lines since the start')
  readonly #faults = new Facts('Failures and restarts')
  readonly #sink = new Facts('Sink')
  readonly #error = element('pre', { tabindex: 0, role: 'region', 'aria-label': 'Last error' })
  readonly #errorPart = element('section', { class: 'error-part' }, element('h3', {}, 'Last error'), this.#error)

  constructor () {
    this.element.append(this.actionsPlace, this.#lines.element, this.#faults.element, this.#sink.element, this.#errorPart)
  }

  update (sink: SinkSnapshot): void {
    this.#lines.show([
      ['received', formatCount(sink.linesReceived)],
      ['delivered', formatCount(sink.linesDelivered)],
      ['waiting in memory', formatCount(sink.queueLines)],
      ['held by the sink', formatCount(sink.unsettledLines)],
      ['on the disk', formatCount(sink.spoolLines)],
      ['skipped', formatCount(sink.linesSkipped)],
      ...counts(sink.linesDropped, 'dropped: ', lossWords),
      [sink.fallback === undefined ? 'to a fallback' : `to ${readableLine(sink.fallback, 60)}`, formatCount(sink.linesFallback)],
      ['dead-lettered', formatCount(sink.linesDeadLettered)]
    ])
    this.#faults.show([
      ['failures in a row', formatCount(sink.consecutiveFailures)],
      ...counts(sink.failures, '', reasonWords),
      ['restarts', formatCount(sink.restarts)],
      ...counts(sink.restartReasons, 'restarted: ', reasonWords),
      ['late errors', formatCount(sink.lateFaults)]
    ])
    this.#sink.show([
      ['time not closed', formatDuration(sink.openMs)],
      ['outages', formatCount(sink.transitions.filter(({ from }) => from === 'closed').reduce((sum, { count }) => sum + count, 0))],
      ['queue', `${formatBytes(sink.queueBytes)} of ${formatBytes(sink.queueMaxBytes)}`],
      ...(sink.spoolMaxBytes > 0 ? [['spool', `${formatBytes(sink.spoolBytes)} of ${formatBytes(sink.spoolMaxBytes)}`] as const] : []),
      ['attempts, median', limitText(quantileLimit(sink.attempts, 0.5))],
      ['attempts, 95th percentile', limitText(quantileLimit(sink.attempts, 0.95))]
    ])
    setAttribute(this.#errorPart, 'hidden', sink.lastError === undefined)
    if (sink.lastError !== undefined) setText(this.#error, errorText(sink.lastError))
  }
}

type Fact = readonly [string, string]

/** A short list of names and values. */
class Facts {
  readonly element: HTMLElement
  readonly #list = element('dl')
  #shown: readonly Fact[] = []

  constructor (title: string) {
    this.element = element('section', {}, element('h3', {}, title), this.#list)
  }

  show (facts: readonly Fact[]): void {
    if (facts.length !== this.#shown.length || facts.some(([name], i) => name !== this.#shown[i]?.[0])) {
      this.#list.replaceChildren(...facts.map(([name]) => element('div', {}, element('dt', {}, foreign(name)), element('dd'))))
    }
    for (const [i, [, value]] of facts.entries()) {
      const fact = this.#list.children[i] as Element
      setText(fact.lastElementChild as Element, value)
      setAttribute(fact, 'data-zero', value === '0')
    }
    this.#shown = facts
  }
}

function counts (numbers: Readonly<Record<string, number | undefined>>, prefix: string, words: (reason: string) => string): Fact[] {
  return Object.entries(numbers).map(([reason, count = 0]) => [reason, count] as const).filter(([, count]) => count > 0).map(([reason, count]) => [prefix + words(reason), formatCount(count)])
}

function limitText (limitMs: number | undefined): string {
  if (limitMs === undefined) return '–'
  return limitMs === Infinity ? 'more than 10 s' : limitMs < 1000 ? `up to ${limitMs} ms` : `up to ${limitMs / 1000} s`
}

/** The error with its causes, without lines that say the same again. */
function errorText (error: NonNullable<SinkSnapshot['lastError']>): string {
  const parts: string[] = []
  for (let next: typeof error | undefined = error; next !== undefined && parts.length < 6; next = next.cause) {
    const { type, message, code, statusCode, stack } = next
    const facts = [code, statusCode].filter(fact => fact !== undefined).map(fact => readableLine(fact, 60))
    const head = `${readableLine(type, 80)}: ${readable(message)}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`
    const frames = stack === undefined ? '' : readable(stack).split('\n').filter(line => /^\s+at /.test(line)).join('\n')
    parts.push((parts.length === 0 ? '' : 'caused by ') + head + (frames === '' ? '' : `\n${frames}`))
  }
  return parts.join('\n')
}
