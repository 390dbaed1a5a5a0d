import type { LevelNames } from '../levels.js'
import type { LineFacts } from './filter.js'

/** Lines of one target, level and hour or day. */
interface Count { target: string, level: number | undefined, time: string, lines: number }

/** If lines fall into more hours than this, the table has one row a day. */
const MAX_HOURS = 48

/** Counts lines by target, level and hour (UTC), and shows the counts as a table. */
export class Tally {
  readonly #levels: LevelNames
  readonly #counts = new Map<string, Count>()
  /** How many lines each target has, by its name. */
  readonly byTarget = new Map<string, number>()
  lines = 0

  constructor (levels: LevelNames) {
    this.#levels = levels
  }

  add (target: string, { level, time = NaN }: LineFacts): void {
    const date = new Date(time)
    const hour = Number.isNaN(date.valueOf()) ? '-' : `${date.toISOString().slice(0, 'YYYY-MM-DDTHH'.length)}:00Z`
    count(this.#counts, { target, level, time: hour, lines: 1 })
    this.byTarget.set(target, (this.byTarget.get(target) ?? 0) + 1)
    this.lines++
  }

  toString (): string {
    const isByDay = new Set([...this.#counts.values()].map(({ time }) => time)).size > MAX_HOURS
    const counts = new Map<string, Count>()
    for (const hourly of this.#counts.values()) count(counts, { ...hourly, time: isByDay ? hourly.time.slice(0, 'YYYY-MM-DD'.length) : hourly.time })
    const labelOf = (level: number): string => this.#levels.labels.find(label => this.#levels.valueOf(label) === level) ?? String(level)
    const rows = [...counts.values()]
      .sort((a, b) => compare(a.target, b.target) || compare(a.level ?? -Infinity, b.level ?? -Infinity) || compare(a.time, b.time))
      .map(({ target, level, time, lines }) => [target, level === undefined ? '-' : labelOf(level), time, String(lines)])
    return toTable([['target', 'level', 'time', 'lines'], ...rows])
  }
}

function count (counts: Map<string, Count>, added: Count): void {
  const key = JSON.stringify([added.target, added.level, added.time])
  const lines = counts.get(key)?.lines ?? 0
  counts.set(key, { ...added, lines: lines + added.lines })
}

function compare<T extends string | number> (a: T, b: T): number {
  return a < b ? -1 : Number(a > b)
}

/** Columns side by side, the last one aligned to the right. */
function toTable (rows: readonly string[][]): string {
  const widths = (rows[0] as string[]).map((_, column) => Math.max(...rows.map(row => (row[column] as string).length)))
  const pad = (cell: string, column: number): string => column === widths.length - 1 ? cell.padStart(widths[column] as number) : cell.padEnd(widths[column] as number)
  return rows.map(row => `${row.map(pad).join('  ')}\n`).join('')
}
