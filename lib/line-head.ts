import { parseJson } from './parse-json.js'
import { sourceOf } from './regexp.js'

/** Level and time of a line. */
export interface LineHead {
  /** The level as it is in the line, a number or a label; `undefined` if there is none. */
  level: number | string | undefined
  /** Nanoseconds since the epoch, in decimal digits; `undefined` if there is no time, or one that cannot be read. */
  timeNs: string | undefined
}

/** Reads the level and the time of lines. */
export interface HeadReader {
  read (line: string): LineHead
}

/**
 * Creates a reader that recognizes the head that pino writes, `{"level":30,"time":1700000000000,`, without parsing. Only a
 * line with another head is parsed. If a line has a key twice, the first one counts in pino's form, and the last in others.
 */
export function createHeadReader (levelKey: string, timeKey: string): HeadReader {
  const key = (name: string) => sourceOf(JSON.stringify(name))
  const head = new RegExp(`^\\{${key(levelKey)}:(?:(\\d+)|"([^"\\\\]*)"),${key(timeKey)}:(?:(\\d{1,19})|"([^"\\\\]*)")[,}]`)
  return {
    read (line) {
      const match = head.exec(line)
      if (match === null) return parseHead(line, levelKey, timeKey)
      const [, number, label, digits, iso] = match
      return {
        level: number === undefined ? label : Number(number),
        timeNs: digits === undefined ? isoToNs(iso ?? '') : digitsToNs(digits)
      }
    }
  }
}

/** Level and time of a line, by parsing all of it: a damaged line has neither. */
export function parseHead (line: string, levelKey: string, timeKey: string): LineHead {
  const { [levelKey]: level, [timeKey]: time } = parseRecord(line) ?? {}
  return {
    level: typeof level === 'number' || typeof level === 'string' ? level : undefined,
    timeNs: timeToNs(time)
  }
}

/** A time as nanoseconds since the epoch, in digits: a number whose size tells its unit, or a text in ISO 8601. `undefined` for anything else. */
export function timeToNs (time: unknown): string | undefined {
  switch (typeof time) {
    case 'number': return numberToNs(time)
    case 'bigint': return time >= 0n && time < 10n ** 19n ? digitsToNs(String(time)) : undefined
    case 'string': return isoToNs(time)
    default: return undefined
  }
}

/** The fields of a line; `undefined` if it is not a JSON object. */
export function parseRecord (line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const record = parseJson(line)
    return typeof record === 'object' && record !== null && !Array.isArray(record) ? record as Record<string, unknown> : undefined
  } catch {
    return undefined
  }
}

/** Milliseconds since the epoch as nanoseconds, in digits. */
export function msToNs (milliseconds: number): string {
  return digitsOf(Math.trunc(milliseconds), 6)
}

/** The digits of a number as nanoseconds. Guesses its unit, s, ms, µs or ns, from its size, such that the time is between 1973 and 5138. */
export function digitsToNs (digits: string): string {
  return digits === '0' ? digits : digits + '0'.repeat(missingDigits(digits.length))
}

function missingDigits (length: number): number {
  if (length <= 11) return 9
  if (length <= 14) return 6
  return length <= 17 ? 3 : 0
}

function numberToNs (time: number): string | undefined {
  if (!(time >= 0 && time < 1e19)) return undefined
  if (Number.isSafeInteger(time)) return digitsToNs(String(time))
  const whole = Math.floor(time)
  const missing = missingDigits(String(BigInt(whole)).length)
  // Seconds with a fraction are exact to the microsecond, the precision of a number of that size.
  const fraction = missing === 9 ? Math.round((time - whole) * 1e6) * 1e3 : 0
  return String(BigInt(whole) * 10n ** BigInt(missing) + BigInt(fraction))
}

/** A text in ISO 8601 as nanoseconds since the epoch, in digits; `undefined` for any other text. */
export function isoToNs (text: string): string | undefined {
  const milliseconds = Date.parse(text)
  if (Number.isNaN(milliseconds) || milliseconds < 0) return undefined
  const [, fraction] = /\.(\d{1,9})/.exec(text) ?? []
  if (fraction === undefined) return msToNs(milliseconds)
  return digitsOf(Math.floor(milliseconds / 1000), 0) + fraction.padEnd(9, '0')
}

function digitsOf (whole: number, zeros: number): string {
  return whole === 0 ? '0' : String(whole) + '0'.repeat(zeros)
}
