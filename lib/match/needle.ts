const ASCII_WITHOUT_CONTROLS = /^[ -\x7F]*$/
/** The character that the decoder puts in place of an invalid byte. */
const REPLACEMENT = '\uFFFD'
const TWO = 0x32
const SEVEN = 0x37

/** How often each byte occurs in a sample of some lines. */
export type ByteCounts = Uint16Array

/** Bytes that are searched for in lines. */
export class Needle {
  /** Equal needles have equal names. */
  readonly name: string
  readonly #bytes: Buffer
  /** The needle from each of its bytes on, except for the last one. */
  readonly #tails: readonly Buffer[]
  /** True if only a digit from 2 to 7 may follow. */
  readonly #precedesDigit: boolean

  constructor (text: string, precedesDigit = false) {
    this.name = text
    this.#bytes = Buffer.from(text)
    this.#tails = Array.from({ length: Math.max(1, this.#bytes.length - 1) }, (_, from) => this.#bytes.subarray(from))
    this.#precedesDigit = precedesDigit
  }

  /**
   * The place in the needle of the byte that is rarest. Node.js looks for the first byte of what it searches for, and for the
   * rest only behind that, which costs some 10 ns each time. Searching for `"url"` costs four times as much as for `url"`,
   * since JSON is full of quotes.
   */
  rarestByte (counts: ByteCounts): number {
    let rarest = 0
    const countAt = (i: number): number => counts[this.#bytes[i] as number] as number
    for (let i = 1; i < this.#tails.length; i++) if (countAt(i) < countAt(rarest)) rarest = i
    return rarest
  }

  /**
   * The first place at or after `from` where it stands in these bytes; `Infinity` if there is none.
   *
   * @param rarest - Result of {@link rarestByte}
   */
  find (bytes: Buffer, from: number, rarest: number): number {
    const tail = this.#tails[rarest] as Buffer
    for (let at = bytes.indexOf(tail, from + rarest); at !== -1; at = bytes.indexOf(tail, at + 1)) {
      if (this.#standsAt(bytes, at - rarest, rarest)) return at - rarest
    }
    return Infinity
  }

  #standsAt (bytes: Buffer, at: number, length: number): boolean {
    for (let i = 0; i < length; i++) if (bytes[at + i] !== this.#bytes[i]) return false
    const next = bytes[at + this.#bytes.length] as number
    return !this.#precedesDigit || (next >= TWO && next <= SEVEN)
  }
}

const ANY_ESCAPE = new Needle('\\u')
/** The escape of a character from U+0020 to U+007F. No JavaScript writes one, but it writes `\u001b` and the like. */
const ASCII_ESCAPE = new Needle('\\u00', true)
const SLASH_ESCAPE = new Needle('\\/')

/**
 * Needles of which at least one stands in each line that has this text as a JSON string, or a string that begins with it: the
 * text as `JSON.stringify` writes it, and the escapes without which it cannot be written in another way.
 */
export function needlesOf (text: string, isPrefix = false): Needle[] {
  const [searched = '', ...rest] = text.split(REPLACEMENT)
  const isWhole = !isPrefix && rest.length === 0
  // A line does not escape the first half of a character whose second half follows.
  const safe = isWhole ? searched : searched.replace(/[\uD800-\uDBFF]$/, '')
  const json = JSON.stringify(safe)
  return [
    new Needle(isWhole ? json : json.slice(0, -1)),
    ASCII_WITHOUT_CONTROLS.test(safe) ? ASCII_ESCAPE : ANY_ESCAPE,
    ...safe.includes('/') ? [SLASH_ESCAPE] : []
  ]
}
