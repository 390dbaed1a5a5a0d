/** The terminal that a panel is on. */
export interface PanelTerminal {
  readonly columns?: number
  readonly rows?: number
  write (text: string): unknown
}

const ESC = '\u001B'
const SAVE_CURSOR = `${ESC}7`
const RESTORE_CURSOR = `${ESC}8`
const CLEAR_LINE = `${ESC}[2K`
const CLEAR_TO_END = `${ESC}[J`
/** Lets the whole screen scroll again. This moves the cursor. */
const SCROLL_ALL = `${ESC}[r`
const [NO_WRAP, WRAP] = [`${ESC}[?7l`, `${ESC}[?7h`]
/** The least number of rows that scroll above a panel. */
const MIN_SCROLLING = 4

/**
 * Some lines at the bottom of a terminal that stay there while everything else scrolls above them (by the scrolling region, DECSTBM).
 * So other programs may write to the same terminal: an app to its stderr, or a target to stdout.
 */
export class Panel {
  readonly #terminal: PanelTerminal
  #height = 0
  #rows = 0
  #last: readonly string[] = []

  constructor (terminal: PanelTerminal) {
    this.#terminal = terminal
  }

  /** The most lines that a panel may have here; 0 or less if the terminal is too small. */
  get room (): number {
    return (this.#terminal.rows ?? 24) - MIN_SCROLLING
  }

  /** Shows these lines in place of the last ones. No line may be wider than the terminal. */
  draw (lines: readonly string[]): void {
    const rows = this.#terminal.rows ?? 24
    if (lines.length !== this.#height || rows !== this.#rows) this.#open(lines.length, rows)
    this.#last = lines
    const top = this.#top
    const drawn = lines.map((line, index) => `${ESC}[${top + index};1H${CLEAR_LINE}${line}`).join('')
    // In one piece: another program may write at any time.
    this.#terminal.write(SAVE_CURSOR + NO_WRAP + drawn + WRAP + RESTORE_CURSOR)
  }

  /**
   * Gives the whole terminal back, without the panel.
   *
   * @returns the lines that were shown last
   */
  close (): readonly string[] {
    const last = this.#last
    if (this.#height > 0) this.#terminal.write(this.#closing)
    this.#height = 0
    this.#last = []
    return last
  }

  #open (height: number, rows: number): void {
    const closing = this.#height > 0 ? this.#closing : ''
    this.#height = height
    this.#rows = rows
    // What is on the screen moves up to make room. The cursor stays behind it.
    this.#terminal.write(`${closing}${'\n'.repeat(height)}${ESC}[${height}A${SAVE_CURSOR}${ESC}[1;${rows - height}r${RESTORE_CURSOR}`)
  }

  get #closing (): string {
    return `${SAVE_CURSOR}${SCROLL_ALL}${ESC}[${this.#top};1H${CLEAR_TO_END}${RESTORE_CURSOR}`
  }

  get #top (): number {
    return Math.max(1, this.#rows - this.#height + 1)
  }
}
