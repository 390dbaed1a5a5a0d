const NAMED: Readonly<Record<string, string>> = { amp: '&', apos: '\'', gt: '>', lt: '<', nbsp: '\u00a0', quot: '"', sol: '/', plus: '+', equals: '=', colon: ':', semi: ';', comma: ',', period: '.', excl: '!', num: '#', dollar: '$', percnt: '%', lpar: '(', rpar: ')', ast: '*', commat: '@', quest: '?', lsqb: '[', rsqb: ']', lbrack: '[', rbrack: ']', bsol: '\\', Hat: '^', lowbar: '_', grave: '`', lcub: '{', rcub: '}', lbrace: '{', rbrace: '}', vert: '|', verbar: '|', Tab: '\t', NewLine: '\n' }
const SHORT: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

/** The ways to escape a text. They are decoded separately: what looks like an escape of one may be plain text in another. */
export const escapings = {
  uri: /(?<uri>(?:%[0-9a-f]{2})+)/gi,
  backslash: /\\u(?<unit>[0-9a-f]{4})|\\u\{(?<braced>[0-9a-f]{1,6})\}|\\x(?<byte>[0-9a-f]{2})|\\(?<short>[^ux])/gi,
  html: /&#x0*(?<hex>[0-9a-f]{1,6});?|&#0*(?<decimal>\d{1,7});?|&(?<name>[a-z]+);/gi
} as const

/** A text that was decoded once or more often. It knows the position in the original text of each of its characters. */
export class Decoded {
  readonly text: string
  /** For each UTF-16 unit of `text`, its start and its end in the original. */
  readonly #starts: readonly number[] | undefined
  readonly #ends: readonly number[] | undefined

  constructor (text: string, starts?: readonly number[], ends?: readonly number[]) {
    this.text = text
    this.#starts = starts
    this.#ends = ends
  }

  /** The range in the original from which a part of the text was decoded. */
  rangeOf (start: number, end: number): [start: number, end: number] {
    return [this.#starts?.[start] ?? start, this.#ends?.[end - 1] ?? end]
  }

  /** Decodes one of {@link escapings} in the text. Returns `undefined` if the text has none of its escapes. */
  decode (escaping: RegExp): Decoded | undefined {
    let text = ''
    const starts: number[] = []
    const ends: number[] = []
    const add = (piece: string, from: number, to: number): void => {
      const [start, end] = this.rangeOf(from, to)
      for (let i = 0; i < piece.length; i++) {
        starts.push(start)
        ends.push(end)
      }
      text += piece
    }
    const addPlain = (from: number, to: number): void => {
      for (let i = from; i < to; i++) add(this.text.charAt(i), i, i + 1)
    }
    let done = 0
    for (const match of this.text.matchAll(escaping)) {
      addPlain(done, match.index)
      done = match.index + match[0].length
      const { uri } = match.groups as Record<string, string | undefined>
      if (uri === undefined) add(characterOf(match), match.index, done)
      else for (const { character, at, bytes } of charactersOf(uri)) add(character, match.index + at * 3, match.index + (at + bytes) * 3)
    }
    if (done === 0) return undefined
    addPlain(done, this.text.length)
    return new Decoded(text, starts, ends)
  }
}

function characterOf ({ 0: escape, groups = {} }: RegExpMatchArray): string {
  const { unit, braced, byte, short, hex, decimal, name } = groups
  if (unit !== undefined || byte !== undefined) return String.fromCharCode(Number.parseInt(unit ?? byte ?? '', 16))
  if (short !== undefined) return SHORT[short] ?? short
  if (name !== undefined) return NAMED[name] ?? NAMED[name.toLowerCase()] ?? escape
  const code = decimal === undefined ? Number.parseInt(braced ?? hex ?? '', 16) : Number(decimal)
  return code <= 0x10ffff ? String.fromCodePoint(code) : escape
}

/** The characters of percent-encoded UTF-8. A byte that is not valid UTF-8 is read as Latin-1. */
function * charactersOf (uri: string): Generator<{ character: string, at: number, bytes: number }> {
  const encoded = Buffer.from(uri.replaceAll('%', ''), 'hex')
  for (let at = 0; at < encoded.length;) {
    const first = encoded[at] as number
    const length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    const decoded = encoded.toString('utf8', at, at + length)
    const isWhole = first < 0x80 || (length > 1 && !decoded.includes('\ufffd'))
    yield { character: isWhole ? decoded : String.fromCharCode(first), at, bytes: isWhole ? length : 1 }
    at += isWhole ? length : 1
  }
}
