import type { LevelNames } from './levels.js'
import { parseRecord } from './line-head.js'

/** The level of a line without a usable one. It is not equal to itself, and neither below nor above any level. */
export const NO_LEVEL = NaN

const QUOTE = 34
const COMMA = 44
const ZERO = 48

/**
 * Reads the level of lines without parsing them, since pino writes the level first (`{"level":30,`). Only a line whose head has
 * another form is parsed.
 */
export class LevelReader {
  /** True if the last level that was read was a label, as `formatters.level` writes it. */
  usesLabels: boolean
  readonly #levels: LevelNames
  readonly #levelKey: string
  readonly #head: Buffer
  readonly #hasUsualKey: boolean

  /** @param levelKey - The key that holds the level */
  constructor (levelKey: string, levels: LevelNames, usesLabels = false) {
    this.usesLabels = usesLabels
    this.#levels = levels
    this.#levelKey = levelKey
    this.#head = Buffer.from(`{${JSON.stringify(levelKey)}:`)
    this.#hasUsualKey = levelKey === 'level'
  }

  /** Looks only for whether this line has a label. */
  lookForLabel (bytes: Buffer, at: number): void {
    this.usesLabels = this.#hasHead(bytes, at) && bytes[at + this.#head.length] === QUOTE
  }

  /** The level of one line, which begins and ends at these bytes, or `NO_LEVEL` if it has no usable level. */
  levelOf (bytes: Buffer, at: number, end: number): number {
    const usual = this.#hasUsualKey ? usualLevel(bytes, at) : NO_LEVEL
    if (!Number.isNaN(usual)) {
      this.usesLabels = false
      return usual
    }
    return this.#findLevel(bytes, at, end)
  }

  #hasHead (bytes: Buffer, at: number): boolean {
    const head = this.#head
    for (let i = 0; i < head.length; i++) if (bytes[at + i] !== head[i]) return false
    return true
  }

  #findLevel (bytes: Buffer, at: number, end: number): number {
    if (this.#hasHead(bytes, at)) {
      const value = at + this.#head.length
      if (bytes[value] === QUOTE) {
        const close = bytes.indexOf(QUOTE, value + 1)
        const level = close === -1 || close > end ? undefined : this.#levels.valueOf(bytes.toString('utf8', value + 1, close))
        if (level !== undefined) {
          this.usesLabels = true
          return level
        }
      } else {
        const level = digits(bytes, value)
        if (!Number.isNaN(level)) {
          this.usesLabels = false
          return level
        }
      }
    }
    return this.#levels.valueOf(parseRecord(bytes.toString('utf8', at, end))?.[this.#levelKey]) ?? NO_LEVEL
  }
}

/** A level of two digits behind `{"level":`, compared byte by byte. Loops for any key and any number cost 8% more time per line. */
function usualLevel (bytes: Buffer, at: number): number {
  const isUsual = bytes[at] === 123 && bytes[at + 1] === 34 && bytes[at + 2] === 108 && bytes[at + 3] === 101 && bytes[at + 4] === 118 &&
    bytes[at + 5] === 101 && bytes[at + 6] === 108 && bytes[at + 7] === 34 && bytes[at + 8] === 58 && bytes[at + 11] === COMMA
  const tens = bytes[at + 9] as number - ZERO
  const ones = bytes[at + 10] as number - ZERO
  return isUsual && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NO_LEVEL
}

/** A whole number up to a comma, or `NO_LEVEL` for anything else. */
function digits (bytes: Buffer, at: number): number {
  let value = 0
  for (let i = at; i < at + 10; i++) {
    const code = bytes[i] as number
    if (code === COMMA && i > at) return value
    const digit = code - ZERO
    if (!(digit >= 0 && digit <= 9)) return NO_LEVEL
    value = value * 10 + digit
  }
  return NO_LEVEL
}
