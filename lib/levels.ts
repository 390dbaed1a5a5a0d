/** Labels and their values, as `pino.levels.values`. */
export type LevelMap = Readonly<Record<string, number>>

/** The levels that every pino logger has. */
export const standardLevels: LevelMap = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 }

/** The lowest level of a lane that takes every line. */
export const EVERYTHING = Number.NEGATIVE_INFINITY

/**
 * The values of level labels, with `silent`. Later maps win over earlier ones. A label is looked up as it is written first, and
 * then in any case, unless labels of different values differ only in their case.
 */
export class LevelNames {
  readonly #values: ReadonlyMap<string, number>
  /** Values by labels in lower case; `undefined` if labels of different values differ only in their case. */
  readonly #inAnyCase = new Map<string, number | undefined>()

  constructor (...maps: LevelMap[]) {
    this.#values = new Map([['silent', Infinity], ...[standardLevels, ...maps].flatMap(map => Object.entries(map))] as const)
    for (const [label, value] of this.#values) {
      const key = label.toLowerCase()
      this.#inAnyCase.set(key, this.#inAnyCase.has(key) && this.#inAnyCase.get(key) !== value ? undefined : value)
    }
  }

  /** The value of a label, or a number itself; `undefined` for an unknown or ambiguous label, and for anything else. */
  valueOf (level: unknown): number | undefined {
    if (typeof level === 'number') return Number.isNaN(level) ? undefined : level
    if (typeof level === 'string') return this.#values.get(level) ?? this.#inAnyCase.get(level.toLowerCase())
    return undefined
  }

  /** All labels, lowest value first. */
  get labels (): string[] {
    return [...this.#values].sort(([, a], [, b]) => a - b).map(([label]) => label)
  }
}
