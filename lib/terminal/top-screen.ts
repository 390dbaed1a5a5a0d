import type { Terminal } from '../cli/command.js'
import { cut, printable } from './printable.js'
import { Rates } from './rates.js'
import type { ShownSnapshot } from './monitor-snapshot.js'
import type { Style } from './style.js'
import { MIN_COLUMNS, tableOf } from './table.js'

const ESC = '\u001B'
/** Another screen, so that what was on the terminal is there again afterwards; without a cursor, and without wrapping. */
const [ENTER, LEAVE] = [`${ESC}[?1049h${ESC}[?25l${ESC}[?7l`, `${ESC}[?7h${ESC}[?25h${ESC}[?1049l`]
const [HOME, CLEAR_REST_OF_LINE, CLEAR_REST] = [`${ESC}[H`, `${ESC}[K`, `${ESC}[J`]
/** The most changes that are kept: as many as a monitor has. */
const MAX_CHANGES = 200

/** A change of a sink, and when it happened, in ms since the epoch. */
export interface Change {
  readonly time: number
  readonly text: string
}

/** The table of a monitor, its last changes below, and what is wrong with the connection. */
export class TopScreen {
  readonly #terminal: Terminal
  readonly #style: Style
  readonly #address: string
  readonly #rates = new Rates()
  #snapshot: ShownSnapshot | undefined
  #changes: Change[] = []
  #trouble = ''
  #isOpen = false

  constructor (terminal: Terminal, address: string, style: Style) {
    this.#terminal = terminal
    this.#address = address
    this.#style = style
  }

  open (): void {
    this.#isOpen = true
    this.#terminal.write(ENTER)
    this.draw()
  }

  close (): void {
    if (this.#isOpen) this.#terminal.write(LEAVE)
    this.#isOpen = false
  }

  show (snapshot: ShownSnapshot): void {
    this.#snapshot = snapshot
    this.#trouble = snapshot.hasEnded ? 'the transport has ended' : ''
    this.#rates.add(snapshot)
    this.draw()
  }

  /** @param isHistory - These are all changes that the monitor knows, in place of those that were shown */
  add (changes: readonly Change[], isHistory = false): void {
    const all = isHistory ? [...changes] : [...this.#changes, ...changes]
    this.#changes = all.sort((a, b) => a.time - b.time).slice(-MAX_CHANGES)
    this.draw()
  }

  /** Tells what is wrong with the connection, until the next snapshot. */
  warn (text: string): void {
    this.#trouble = text
    this.draw()
  }

  draw (): void {
    if (!this.#isOpen) return
    const { rows = 24 } = this.#terminal
    const lines = this.lines(rows)
    this.#terminal.write(HOME + lines.map(line => line + CLEAR_REST_OF_LINE).join('\r\n') + CLEAR_REST)
  }

  /** The lines of the screen, no more than there are rows. */
  lines (rows: number): string[] {
    const columns = Math.max(MIN_COLUMNS, this.#terminal.columns ?? 80)
    const style = this.#style
    const table = this.#snapshot === undefined ? [] : this.#table(this.#snapshot, columns, Math.max(3, rows - 2))
    const trouble = this.#trouble === '' ? [] : [style('warning', cut(printable(this.#trouble), columns))]
    const room = Math.max(0, rows - table.length - trouble.length - 1)
    const changes = room === 0 ? [] : this.#changes.slice(-room).reverse().map(({ time, text }) => `${style('faint', new Date(time).toTimeString().slice(0, 'HH:MM:SS'.length))} ${cut(text, columns - 9)}`)
    return [...table, ...trouble, ...changes.length > 0 ? ['', ...changes] : []].slice(0, rows)
  }

  #table (snapshot: ShownSnapshot, columns: number, rows: number): string[] {
    const { hostname, pid } = snapshot
    const title = `${this.#address}${hostname === '' ? '' : `, ${hostname}`}${pid === 0 ? '' : `, pid ${pid}`}`
    return tableOf({ snapshot, rates: this.#rates, title, columns, rows, style: this.#style })
  }
}
