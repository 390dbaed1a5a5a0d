import type { LevelNames } from '../levels.js'
import type { LineFacts } from './line-facts.js'

interface Count {
  readonly target: string
  readonly level: number | undefined
  /** The begin of its hour, in ms since the epoch. */
  readonly hour: number | undefined
  lines: number
}

const HOUR_MS = 3600 * 1000
/** Beyond so many hours a table is by days. */
const MOST_HOURS = 48

/** Counts lines by target, level and time, and shows it as a table. */
export class Tally {
  readonly #levels: LevelNames
  readonly #counts = new Map<string, Count>()
  #lines = 0

  constructor (levels: LevelNames) {
    this.#levels = levels
  }

  get lines (): number {
    return this.#lines
  }

  add (target: string, { level, time }: LineFacts): void {
    const hour = time === undefined ? undefined : Math.floor(time / HOUR_MS) * HOUR_MS
    const key = JSON.stringify([target, level, hour])
    const count = this.#counts.get(key)
    if (count === undefined) this.#counts.set(key, { target, level, hour, lines: 1 })
    else count.lines++
    this.#lines++
  }

  /** How many lines each target has. */
  get byTarget (): Map<string, number> {
    const lines = new Map<string, number>()
    for (const count of this.#counts.values()) lines.set(count.target, (lines.get(count.target) ?? 0) + count.lines)
    return lines
  }

  /** A table with a heading, by hours (UTC), or by days if there are many. */
  toString (): string {
    const hours = new Set([...this.#counts.values()].map(({ hour }) => hour))
    const length = hours.size > MOST_HOURS ? 'YYYY-MM-DD'.length : 'YYYY-MM-DDTHH'.length
    const rows = new Map<string, { cells: [target: string, level: string, time: string], order: [string, number, string], lines: number }>()
    for (const { target, level, hour, lines } of this.#counts.values()) {
      const time = hour === undefined ? '-' : presentTime(hour, length)
      const key = JSON.stringify([target, level, time])
      const row = rows.get(key)
      if (row === undefined) rows.set(key, { cells: [target, this.#labelOf(level), time], order: [target, level ?? -Infinity, time], lines })
      else row.lines += lines
    }
    const sorted = [...rows.values()].sort((a, b) => compare(a.order, b.order))
    return toTable([['target', 'level', 'time', 'lines'], ...sorted.map(({ cells, lines }) => [...cells, String(lines)])])
  }

  #labelOf (level: number | undefined): string {
    if (level === undefined) return '-'
    return this.#levels.labels.find(label => this.#levels.valueOf(label) === level) ?? String(level)
  }
}

function presentTime (time: number, length: number): string {
  const text = Number.isFinite(new Date(time).valueOf()) ? new Date(time).toISOString().slice(0, length) : '-'
  return text.includes('T') ? `${text}:00Z` : text
}

function compare (a: readonly [string, number, string], b: readonly [string, number, string]): number {
  if (a[0] !== b[0]) return a[0] < b[0] ? -1 : 1
  if (a[1] !== b[1]) return a[1] - b[1]
  return a[2] < b[2] ? -1 : Number(a[2] > b[2])
}

/** Columns side by side, the last one, of numbers, to the right. */
function toTable (rows: readonly string[][]): string {
  const widths = (rows[0] as string[]).map((_, column) => Math.max(...rows.map(row => (row[column] as string).length)))
  return rows.map(row => row.map((cell, column) => {
    const width = widths[column] as number
    return column === row.length - 1 ? cell.padStart(width) : cell.padEnd(width)
  }).join('  ')).join('\n') + '\n'
}
