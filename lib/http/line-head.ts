/** What of a line a backend asks for beside the line. */
export interface LineHead {
  /** The level as it stands there: a number or a label; `undefined` if there is none. */
  level: number | string | undefined
  /** Nanoseconds of the epoch, in digits; `undefined` if there is no time, or none that can be read. */
  timeNs: string | undefined
}

/** Reads the level and the time of lines. */
export interface HeadReader {
  read (line: string): LineHead
}

/**
 * A reader that knows the head as pino writes it, `{"level":30,"time":1700000000000,`, by a look at that place. Only a
 * line whose head has another form is parsed. Of a key that a line bears twice the first counts in that form, the last
 * in others.
 */
export function createHeadReader (levelKey: string, timeKey: string): HeadReader {
  const key = (name: string) => JSON.stringify(name).replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  const head = new RegExp(`^\\{${key(levelKey)}:(?:(\\d+)|"([^"\\\\]*)"),${key(timeKey)}:(?:(\\d{1,19})|"([^"\\\\]*)")[,}]`)
  return {
    read (line) {
      const match = head.exec(line)
      if (match === null) return parse(line, levelKey, timeKey)
      const [, number, label, digits, iso] = match
      return {
        level: number === undefined ? label : Number(number),
        timeNs: digits === undefined ? isoToNs(iso ?? '') : digitsToNs(digits)
      }
    }
  }
}

/** Milliseconds of the epoch as nanoseconds, in digits. */
export function msToNs (milliseconds: number): string {
  return digitsOf(Math.trunc(milliseconds), 6)
}

function parse (line: string, levelKey: string, timeKey: string): LineHead {
  let record: unknown
  try {
    record = JSON.parse(line)
  } catch {
    // What is no JSON is a line all the same.
  }
  if (typeof record !== 'object' || record === null) return { level: undefined, timeNs: undefined }
  const { [levelKey]: level, [timeKey]: time } = record as Record<string, unknown>
  return {
    level: typeof level === 'number' || typeof level === 'string' ? level : undefined,
    timeNs: typeof time === 'number' ? numberToNs(time) : typeof time === 'string' ? isoToNs(time) : undefined
  }
}

/** By its size, a number is in seconds, milliseconds, microseconds or nanoseconds: what it means is between 1973 and 5138. */
function digitsToNs (digits: string): string {
  return digits === '0' ? digits : digits + '0'.repeat(missingDigits(digits.length))
}

function missingDigits (length: number): number {
  if (length <= 11) return 9
  if (length <= 14) return 6
  return length <= 17 ? 3 : 0
}

function numberToNs (time: number): string | undefined {
  if (!(time >= 0 && time < 1e19)) return undefined
  const whole = Math.floor(time)
  const missing = missingDigits(String(BigInt(whole)).length)
  // Seconds with a fraction, as some write them: exact to the microsecond, which is what a number of that size holds.
  const fraction = missing === 9 ? Math.round((time - whole) * 1e6) * 1e3 : 0
  return String(BigInt(whole) * 10n ** BigInt(missing) + BigInt(fraction))
}

function isoToNs (text: string): string | undefined {
  const milliseconds = Date.parse(text)
  if (Number.isNaN(milliseconds) || milliseconds < 0) return undefined
  const [, fraction] = /\.(\d{1,9})/.exec(text) ?? []
  if (fraction === undefined) return msToNs(milliseconds)
  return digitsOf(Math.floor(milliseconds / 1000), 0) + fraction.padEnd(9, '0')
}

function digitsOf (whole: number, zeros: number): string {
  return whole === 0 ? '0' : String(whole) + '0'.repeat(zeros)
}
