import type { CircuitState } from '../breaker.js'
import { durationText, numberText } from './amounts.js'
import { cut, fit, printable, widthOf } from './printable.js'
import type { Rates } from './rates.js'
import { lostLinesOf, waitingLinesOf } from '../metrics.js'
import { errorText, type ShownSink } from './sink-facts.js'
import type { Style, Tone } from './style.js'

/** The least width of a table. */
export const MIN_COLUMNS = 24

/** The content and the look of a table. */
export interface TableView {
  readonly snapshot: { readonly upMs: number, readonly sinks: readonly ShownSink[] }
  readonly rates: Pick<Rates, 'of'>
  /** Stands before the time that the transport has been running. */
  readonly title: string
  /** The width of the terminal, at least {@link MIN_COLUMNS}. */
  readonly columns: number
  /**
   * The most lines that the table may have, at least 3. Sinks that are well are left out first.
   * @default Infinity
   */
  readonly rows?: number
  readonly style: Style
}

interface Column {
  readonly title: string
  readonly side: 'left' | 'right'
  /** A number that says when the column is left out on a narrow terminal: the highest first, 0 never. */
  readonly dispensable: number
  /** A wider text is cut if there is no room for it. */
  readonly minWidth: number
  read (sink: ShownSink, rates: Pick<Rates, 'of'>): string
  tone? (sink: ShownSink): Tone | undefined
}

const GAP = '  '
const STATE_TONES: Readonly<Record<CircuitState, Tone>> = { closed: 'good', open: 'bad', 'half-open': 'warning' }
/** The text of the last error is cut to this width before other columns are left out. */
const ERROR_WIDTH = 16

const columns: readonly Column[] = [
  { title: 'sink', side: 'left', dispensable: 0, minWidth: 6, read: ({ name }) => printable(name) },
  { title: 'state', side: 'left', dispensable: 0, minWidth: 14, read: stateText, tone: ({ state }) => STATE_TONES[state] },
  { title: 'lines/s', side: 'right', dispensable: 3, minWidth: Infinity, read: ({ name }, rates) => numberText(rates.of(name)) },
  { title: 'delivered', side: 'right', dispensable: 5, minWidth: Infinity, read: ({ linesDelivered }) => numberText(linesDelivered) },
  { title: 'backlog', side: 'right', dispensable: 2, minWidth: Infinity, read: sink => numberText(waitingLinesOf(sink)), tone: sink => sink.state !== 'closed' && waitingLinesOf(sink) > 0 ? 'warning' : undefined },
  { title: 'lost', side: 'right', dispensable: 1, minWidth: Infinity, read: sink => numberText(lostLinesOf(sink)), tone: sink => lostLinesOf(sink) > 0 ? 'bad' : undefined },
  { title: 'last error', side: 'left', dispensable: 4, minWidth: ERROR_WIDTH, read: ({ lastError }) => lastError === undefined ? '' : printable(errorText(lastError)), tone: () => 'faint' }
]

const STATE = columns.findIndex(({ title }) => title === 'state')

/** A table of all sinks: a line about the transport, the titles, and a line for each sink. No line is wider than the terminal. */
export function tableOf ({ snapshot: { upMs, sinks }, rates, title, columns: width, rows = Infinity, style }: TableView): string[] {
  const head = style('strong', cut(`${printable(title)}, up ${durationText(upMs)}`, width))
  const shown = choose(sinks, rows - 2)
  const cells = shown.map(sink => columns.map(column => column.read(sink, rates)))
  const widths = layOut(cells, width)
  const line = (texts: readonly string[], paint: (text: string, index: number) => string): string => {
    const kept = [...texts.keys()].filter(index => widths[index] !== 0)
    const last = kept.findLastIndex(index => texts[index] !== '')
    return kept.slice(0, last + 1).map((index, at) => {
      const text = fit(texts[index] as string, widths[index] as number, columns[index]?.side)
      return paint(at === last ? text.trimEnd() : text, index)
    }).join(GAP)
  }
  const lines = shown.map((sink, row) => line(cells[row] as string[], (text, index) => {
    const tone = columns[index]?.tone?.(sink)
    return tone === undefined ? text : style(tone, text)
  }))
  const left = sinks.length - shown.length
  const rest = left === 0 ? [] : [style('faint', cut(`and ${left} more`, width))]
  return [head, line(columns.map(column => column.title), text => style('faint', text)), ...lines, ...rest]
}

/** `closed`, `open 12 s, probes in 18 s`, `half-open 1 s`. */
function stateText ({ state, stateForMs, retryInMs }: ShownSink): string {
  if (state === 'closed') return state
  return `${state} ${durationText(stateForMs)}${state === 'open' && retryInMs > 0 ? `, probes in ${durationText(retryInMs)}` : ''}`
}

/** The sinks that are shown, in their order: those in trouble first, if there is no room for all. */
function choose (sinks: readonly ShownSink[], room: number): readonly ShownSink[] {
  if (sinks.length <= room) return sinks
  const worst = [...sinks].sort((a, b) => troubleOf(b) - troubleOf(a)).slice(0, Math.max(0, room - 1))
  return sinks.filter(sink => worst.includes(sink))
}

function troubleOf (sink: ShownSink): number {
  return (sink.state === 'closed' ? 0 : 4) + (lostLinesOf(sink) > 0 ? 2 : 0) + (waitingLinesOf(sink) > 0 ? 1 : 0)
}

/** The width of each column; 0 for one that is left out. */
function layOut (cells: ReadonlyArray<readonly string[]>, width: number): number[] {
  const wanted = columns.map(({ title }, index) => Math.max(widthOf(title), ...cells.map(row => widthOf(row[index] as string))))
  // A column of which nothing is to be said takes no room.
  const kept = new Set(columns.flatMap((column, index) => column.minWidth === ERROR_WIDTH && cells.every(row => row[index] === '') ? [] : [index]))
  const least = (index: number): number => Math.min(wanted[index] as number, columns[index]?.minWidth as number)
  const total = (of: (index: number) => number): number => [...kept].reduce((sum, index) => sum + of(index), (kept.size - 1) * GAP.length)
  while (total(least) > width) {
    const next = [...kept].reduce((found, index) => (columns[index] as Column).dispensable > (columns[found] as Column).dispensable ? index : found, 0)
    if ((columns[next] as Column).dispensable === 0) break
    kept.delete(next)
  }
  const widths = columns.map((_, index) => kept.has(index) ? least(index) : 0)
  let left = width - total(least)
  // What is left goes to the columns that were cut: to the state first, and to the error last.
  for (const index of [...kept].sort((a, b) => Number(b === STATE) - Number(a === STATE) || a - b)) {
    const more = Math.max(0, Math.min(left, (wanted[index] as number) - (widths[index] as number)))
    widths[index] = (widths[index] as number) + more
    left -= more
  }
  return widths
}
