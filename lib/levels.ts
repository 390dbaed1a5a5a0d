/** Labels and their values, as `pino.levels.values`. */
export type LevelMap = Readonly<Record<string, number>>

/** The levels that every pino logger has. */
export const standardLevels: LevelMap = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 }

/** Takes every line. */
export const EVERYTHING = Number.NEGATIVE_INFINITY

/** The values of labels in any case, `silent` among them, the later maps winning. */
export class LevelNames {
  readonly #values = new Map<string, number>([['silent', Infinity]])

  constructor (...maps: LevelMap[]) {
    for (const map of [standardLevels, ...maps]) {
      for (const [label, value] of Object.entries(map)) this.#values.set(label.toLowerCase(), value)
    }
  }

  /** The value of a label or a number; `undefined` if there is no such label, or it is neither. */
  valueOf (level: unknown): number | undefined {
    if (typeof level === 'number') return Number.isNaN(level) ? undefined : level
    if (typeof level === 'string') return this.#values.get(level.toLowerCase())
    return undefined
  }

  /** All labels, lowest value first. */
  get labels (): string[] {
    return [...this.#values].sort(([, a], [, b]) => a - b).map(([label]) => label)
  }
}
