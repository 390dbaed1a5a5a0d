import type { TransitionEvent } from '../breaker.js'
import type { Clock } from '../clock.js'
import type { ControlListener, Controls } from '../controls.js'
import type { FanoutSnapshot } from '../metrics.js'
import { TransitionReport } from '../reports/transition-report.js'
import { noticeText, transitionText } from './changes.js'
import { Panel, type PanelTerminal } from './panel.js'
import { printable } from './printable.js'
import { Rates } from './rates.js'
import type { Style } from './style.js'
import { MIN_COLUMNS, tableOf } from './table.js'

/** Where and how a run is shown. */
export interface DisplayOptions {
  readonly terminal: PanelTerminal & { readonly isTTY?: boolean }
  readonly clock: Clock
  readonly style: Style
  /** True to tell nothing but the summary. */
  readonly isQuiet: boolean
}

const REDRAW_MS = 500
const TITLE = 'pino-breaker-fanout'
/** The least number of lines of a table: two of its own, and a sink. */
const MIN_LINES = 3

/**
 * Shows a run: on a terminal as a table at its bottom, and changes above it; elsewhere each change on a line. Breakers that open and
 * close all the time make no flood.
 */
export class RunDisplay implements ControlListener {
  readonly #options: DisplayOptions
  readonly #controls: Pick<Controls, 'snapshot'>
  readonly #panel: Panel
  readonly #rates = new Rates()
  readonly #transitions: TransitionReport
  #timer: NodeJS.Timeout | undefined
  #title = TITLE

  constructor (controls: Pick<Controls, 'snapshot'>, options: DisplayOptions) {
    this.#controls = controls
    this.#options = options
    this.#panel = new Panel(options.terminal)
    this.#transitions = new TransitionReport(options.clock, (event, transitions) => this.note(transitionText(event, transitions)))
    this.resume()
  }

  /** Tells that a signal has come. The terminal shows its key before that. */
  noteSignal (text: string): void {
    if (this.#options.terminal.isTTY === true && !this.#options.isQuiet) this.#options.terminal.write('\n')
    this.note(text)
  }

  /** Tells something on a line of its own. */
  note (text: string): void {
    const { terminal, clock, isQuiet } = this.#options
    if (isQuiet) return
    const time = new Date(clock.wallTime())
    const stamp = terminal.isTTY === true ? time.toTimeString().slice(0, 'HH:MM:SS'.length) : `${time.toISOString()} ${TITLE}:`
    terminal.write(`${stamp} ${printable(text)}\n`)
  }

  onTransition (event: TransitionEvent): void {
    this.#transitions.add(event)
  }

  onNotice (notice: Parameters<NonNullable<ControlListener['onNotice']>>[0]): void {
    this.note(noticeText(notice))
  }

  /** The monitor of the transport listens here. */
  onMonitor (address: string): void {
    this.#title = `${TITLE}, ${printable(address)}`
    if (this.#timer === undefined) this.note(`monitor at ${address}`)
  }

  /** Gives the terminal back, until `resume`. */
  suspend (): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#panel.close()
  }

  resume (): void {
    const { terminal, isQuiet } = this.#options
    if (isQuiet || terminal.isTTY !== true) return
    this.#timer ??= setInterval(() => this.#redraw(), REDRAW_MS)
    this.#redraw()
  }

  /** The transport has ended: the last table, and a summary. */
  end (last: FanoutSnapshot, summary: readonly string[]): void {
    const { terminal, isQuiet, style } = this.#options
    this.#transitions.stop()
    const isShown = this.#timer !== undefined
    this.suspend()
    if (isShown && (terminal.columns ?? 80) >= MIN_COLUMNS) for (const line of this.#table(last, Infinity)) terminal.write(`${line}\n`)
    for (const line of summary) terminal.write(isShown || isQuiet ? `${style('warning', printable(line))}\n` : `${TITLE}: ${printable(line)}\n`)
  }

  #redraw (): void {
    const { columns = 80 } = this.#options.terminal
    const snapshot = this.#controls.snapshot()
    this.#rates.add(snapshot)
    if (this.#panel.room < MIN_LINES || columns < MIN_COLUMNS) this.#panel.close()
    else this.#panel.draw(this.#table(snapshot, this.#panel.room))
  }

  #table (snapshot: FanoutSnapshot, rows: number): string[] {
    const { terminal: { columns = 80 }, style } = this.#options
    return tableOf({ snapshot, rates: this.#rates, title: this.#title, columns, rows, style })
  }
}
