const NAME = Buffer.from('@timestamp')
const ESCAPE = Buffer.from('\\u00')
const TWO = 0x32
const SEVEN = 0x37

/**
 * Finds the lines that have an `@timestamp` of their own. The bytes are searched from one place to the next, and not line by line.
 * Only a line is parsed that has the name, or an escape of a visible ASCII character, which may spell it.
 */
export class TimestampSearch {
  readonly #bytes: Buffer
  /** Where the name is found next; the end of the bytes if nowhere. */
  #name = -1
  /** Where such an escape is found next. */
  #escape = -1

  constructor (bytes: Buffer) {
    this.#bytes = bytes
  }

  /**
   * Whether the JSON object in these bytes has an `@timestamp`, not only an object in it. Asked for one line after another.
   */
  hasTimestamp (start: number, end: number): boolean {
    if (this.#name < start) this.#name = this.#find(NAME, start)
    if (this.#escape < start) this.#escape = this.#findEscape(start)
    if (this.#name >= end && this.#escape >= end) return false
    const line = this.#bytes.toString('utf8', start, end)
    try {
      return Object.hasOwn(JSON.parse(line) as object, '@timestamp')
    } catch {
      return line.includes('"@timestamp":')
    }
  }

  #find (needle: Buffer, from: number): number {
    const at = this.#bytes.indexOf(needle, from)
    return at < 0 ? this.#bytes.length : at
  }

  #findEscape (from: number): number {
    let at = this.#find(ESCAPE, from)
    while (at < this.#bytes.length) {
      const digit = this.#bytes[at + ESCAPE.length]
      if (digit !== undefined && digit >= TWO && digit <= SEVEN) return at
      at = this.#find(ESCAPE, at + ESCAPE.length)
    }
    return at
  }
}
