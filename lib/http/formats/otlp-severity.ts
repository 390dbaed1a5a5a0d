import { LevelNames, standardLevels } from '../../levels.js'
import type { PinoConfig } from '../../pino-config.js'

const MAX_LEVELS = 1024
/** The first severity of TRACE is 1, that of DEBUG 5, and so on to FATAL, 21 to 24. */
const SEVERITIES_PER_LEVEL = 4
const LEVEL_STEP = 10
const MAX_SEVERITY = 24

/**
 * The severity number of a level. A level of pino has the lowest number of its range. Levels between two of them have the
 * numbers between: 35 is INFO3, 11. All below `trace` are TRACE, and from 70 on all are FATAL4.
 */
export function severityOf (level: number): number {
  const severity = Math.floor((level - LEVEL_STEP) * SEVERITIES_PER_LEVEL / LEVEL_STEP) + 1
  return Math.min(MAX_SEVERITY, Math.max(1, severity))
}

/** Encodes levels as severities of OTLP. */
export class SeverityEncoder {
  readonly #names: LevelNames
  readonly #labels: ReadonlyMap<number, string>
  readonly #known = new Map<unknown, string>()

  constructor (levels: PinoConfig['levels']) {
    this.#names = new LevelNames(levels?.values ?? {})
    const own = Object.entries(levels?.labels ?? {}).map(([value, label]): [number, string] => [Number(value), label])
    this.#labels = new Map([...Object.entries(standardLevels).map(([label, value]): [number, string] => [value, label]), ...own])
  }

  /**
   * The fields `severityNumber` and `severityText` of a level, each with a comma after it; `undefined` for a value that is
   * neither a number nor a label. A label without a number has no `severityNumber`.
   */
  fieldsOf (level: unknown): string | undefined {
    if (typeof level !== 'number' && typeof level !== 'string') return undefined
    const known = this.#known.get(level)
    if (known !== undefined) return known
    if (this.#known.size >= MAX_LEVELS) this.#known.clear()
    const value = this.#names.valueOf(level) ?? NaN
    const text = typeof level === 'string' ? level : this.#labels.get(level) ?? String(level)
    const fields = `${Number.isFinite(value) ? `"severityNumber":${severityOf(value)},` : ''}"severityText":${JSON.stringify(text)},`
    this.#known.set(level, fields)
    return fields
  }
}
