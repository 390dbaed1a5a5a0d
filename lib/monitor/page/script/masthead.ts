import { byId, setAttribute, setText } from './element.js'
import { formatCount, formatCountdown, formatDuration, formatRate, formatTime, readableLine } from './format.js'
import { StateGlyph } from './glyphs.js'
import { waitingLinesOf, lostLinesOf, type CircuitState, type MonitorSnapshot } from './messages.js'
import type { Connection } from './stream.js'
import { verdict, worstState } from './words.js'

const ICON_COLOURS: Readonly<Record<CircuitState | 'stale', string>> = { closed: '#2f9e6e', 'half-open': '#d99a1c', open: '#dc3d2e', stale: '#8a8f98' }
const ICON_SHAPES: Readonly<Record<CircuitState | 'stale', string>> = {
  closed: "<circle cx='8' cy='8' r='6'/>",
  'half-open': "<path d='M8 1L15 8L8 15L1 8Z'/>",
  open: "<path d='M1 1H15V15H1Z'/>",
  stale: "<circle cx='8' cy='8' r='5' fill='none' stroke-width='3' stroke='#8a8f98'/>"
}

/** The head of the page: everything in one sentence, which process it is, the totals, and how the page is connected. */
export class Masthead {
  readonly #glyph = new StateGlyph()
  readonly #retry = byId<HTMLButtonElement>('retry')
  #connection: Connection = { kind: 'connecting' }
  #snapshot: MonitorSnapshot | undefined
  #receivedAt = 0
  #lostSince: number | undefined
  #verdict = ''
  #icon = ''

  /** @param onRetry - Called if the reader does not want to wait */
  constructor (onRetry: () => void) {
    byId('verdict').before(this.#glyph.element)
    this.#retry.addEventListener('click', onRetry)
  }

  /**
   * @param rate - Lines delivered a second by all sinks together
   * @param losing - Names of sinks that are losing lines
   */
  showSnapshot (snapshot: MonitorSnapshot, rate: number, losing: readonly string[]): void {
    this.#snapshot = snapshot
    this.#receivedAt = performance.now()
    const { sinks, hostname, pid, version, upMs } = snapshot
    const worst = worstState(sinks)
    this.#glyph.show(worst)
    this.#verdict = snapshot.hasEnded ? 'The transport has ended' : verdict(sinks, losing)
    setText(byId('verdict'), this.#verdict)
    setText(byId('host'), readableLine(hostname, 80))
    setText(byId('pid'), readableLine(pid, 20))
    setText(byId('version'), version === '' ? '–' : readableLine(version, 40))
    setText(byId('uptime'), formatDuration(upMs))
    setText(byId('total-rate'), snapshot.hasEnded ? '0' : formatRate(rate))
    setText(byId('total-waiting'), formatCount(sinks.reduce((sum, sink) => sum + waitingLinesOf(sink), 0)))
    setText(byId('total-lost'), formatCount(sinks.reduce((sum, sink) => sum + lostLinesOf(sink), 0)))
    setAttribute(byId('total-lost'), 'data-lost', sinks.some(sink => lostLinesOf(sink) > 0))
    setAttribute(document.documentElement, 'data-worst', losing.length > 0 ? 'open' : worst)
    this.#showConnection()
  }

  showConnection (connection: Connection): void {
    if (connection.kind === 'live') this.#lostSince = undefined
    else if (connection.kind !== 'connecting') this.#lostSince ??= Date.now()
    this.#connection = connection
    this.#showConnection()
  }

  /** Counts on what is counted in seconds. */
  tick (): void {
    if (this.#connection.kind === 'lost') this.#showConnection()
  }

  /** True while the counts on the page are those of this moment. */
  get isLive (): boolean {
    return this.#connection.kind === 'live' && this.#snapshot?.hasEnded !== true
  }

  #showConnection (): void {
    const { status, word, text } = this.#described()
    setAttribute(document.documentElement, 'data-connection', status)
    setText(byId('connection-word'), word)
    setText(byId('connection-text'), text)
    setAttribute(this.#retry, 'hidden', status !== 'lost' && status !== 'refused')
    const state = status === 'live' ? worstState(this.#snapshot?.sinks ?? []) : 'stale'
    const head = status === 'live' ? (state === 'closed' ? '' : `${this.#verdict} · `) : `${word} · `
    const host = this.#snapshot === undefined ? '' : `${readableLine(this.#snapshot.hostname, 40)} · `
    const title = `${head}${host}pino-breaker-fanout`
    if (document.title !== title) document.title = title
    this.#showIcon(state)
  }

  #described (): { status: 'connecting' | 'live' | 'lost' | 'refused' | 'ended', word: string, text: string } {
    const connection = this.#connection
    if (this.#snapshot?.hasEnded === true) return { status: 'ended', word: 'Ended', text: `The transport ended at ${formatTime(this.#snapshot.time)}. These are its last counts; a new start will appear here.` }
    if (connection.kind === 'live') return { status: 'live', word: 'Live', text: '' }
    if (connection.kind === 'refused') {
      const text = connection.status === 401
        ? 'This monitor asks for its token. Load the page again, and give the token as the password; any user name will do.'
        : 'This monitor does not answer under this address. Open it by the address that it listens at.'
      return { status: 'refused', word: connection.status === 401 ? 'Token needed' : 'Refused', text }
    }
    if (this.#lostSince === undefined) return { status: 'connecting', word: 'Connecting', text: '' }
    const wait = connection.kind === 'lost' ? `trying again in ${formatCountdown(Math.max(0, connection.retryAt - performance.now()))}` : 'trying again now'
    const age = this.#snapshot === undefined ? '' : ` What you see is ${formatDuration(performance.now() - this.#receivedAt)} old.`
    return { status: 'lost', word: 'Connection lost', text: `The connection was lost at ${formatTime(this.#lostSince)}; ${wait}.${age}` }
  }

  /** The icon of the tab shows the worst state, by colour and shape. */
  #showIcon (state: CircuitState | 'stale'): void {
    if (state === this.#icon) return
    this.#icon = state
    const image = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16' fill='${ICON_COLOURS[state]}'>${ICON_SHAPES[state]}</svg>`
    byId<HTMLLinkElement & HTMLElement>('icon').href = `data:image/svg+xml,${encodeURIComponent(image)}`
  }
}
