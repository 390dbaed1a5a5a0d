import type { Clock } from '../clock.js'

/** What is written to: `process.stderr` is one. */
export interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write (text: string): unknown
}

/** How far a replay has come. */
export interface ProgressCounts {
  /** Lines that are to be sent. */
  total: number
  sent: number
  delivered: number
  refused: number
}

const TERMINAL_MS = 1000
const LOG_MS = 5000
/** The pace is that of the last so many looks. */
const SAMPLES = 10
const CLEAR_LINE = '\r\u001B[K'

/** Tells how far a replay has come: on a terminal by one line that is written anew, elsewhere by a line now and then. */
export class Progress {
  readonly #terminal: Terminal
  readonly #clock: Clock
  readonly #read: () => ProgressCounts
  readonly #samples: Array<{ time: number, done: number }> = []
  #timer: NodeJS.Timeout | undefined
  #isShown = false

  constructor (terminal: Terminal, clock: Clock, read: () => ProgressCounts) {
    this.#terminal = terminal
    this.#clock = clock
    this.#read = read
  }

  start (): void {
    this.#sample(this.#read())
    this.#timer = setInterval(() => this.#show(), this.#terminal.isTTY === true ? TERMINAL_MS : LOG_MS).unref()
  }

  /** Writes something else, on a line of its own. */
  note (text: string): void {
    this.#clear()
    this.#terminal.write(`${text}\n`)
  }

  stop (): void {
    clearInterval(this.#timer)
    this.#clear()
  }

  #show (): void {
    const counts = this.#read()
    this.#sample(counts)
    const text = progressText(counts, this.#linesPerSecond)
    this.#isShown = this.#terminal.isTTY === true
    this.#terminal.write(this.#isShown ? CLEAR_LINE + text.slice(0, (this.#terminal.columns ?? 80) - 1) : `${text}\n`)
  }

  #clear (): void {
    if (this.#isShown) this.#terminal.write(CLEAR_LINE)
    this.#isShown = false
  }

  #sample ({ delivered, refused }: ProgressCounts): void {
    this.#samples.push({ time: this.#clock.now(), done: delivered + refused })
    if (this.#samples.length > SAMPLES) this.#samples.shift()
  }

  get #linesPerSecond (): number {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.time === first.time) return 0
    return (last.done - first.done) / (last.time - first.time) * 1000
  }
}

/** How far it has come, in words. */
export function progressText ({ total, sent, delivered, refused }: ProgressCounts, linesPerSecond: number): string {
  const left = Math.max(0, total - delivered - refused)
  const eta = linesPerSecond > 0 ? `, ${presentDuration(left / linesPerSecond)} to go` : ''
  return `sent ${sent}, delivered ${delivered}, refused ${refused}, left ${left}, ${Math.round(linesPerSecond)} lines/s${eta}`
}

function presentDuration (seconds: number): string {
  const whole = Math.ceil(seconds)
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const twoDigits = (n: number): string => String(n).padStart(2, '0')
  return h > 0 ? `${h}:${twoDigits(m)}:${twoDigits(s)}` : `${m}:${twoDigits(s)}`
}
