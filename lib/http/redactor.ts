import { Decoded, escapings } from './decoded.js'

const HIDDEN = '[hidden]'
const MIN_HIDDEN_LENGTH = 4
type TextRange = [start: number, end: number]

/** How many nested encodings are decoded. */
const MAX_DEPTH = 2
const BASE64 = /[A-Za-z0-9+/_-]{6,}={0,2}/g
/** Words of headers that are not secret. If they were hidden, many answers would be unreadable. */
const COMMON_WORDS = new Set(['apikey', 'basic', 'bearer', 'digest', 'gzip', 'httponly', 'json', 'path', 'samesite', 'secure', 'splunk', 'token', 'utf-8'])

/**
 * Hides secrets in texts that are shown. A backend may send back what it was sent: unchanged, in another case, escaped for
 * JSON, HTML or a URL, in base64, or with several of these nested.
 */
export class Redactor {
  readonly #always: readonly string[]
  #needles: readonly string[]

  /** @param always - Texts that are always hidden, in addition to those passed to {@link hide}. */
  constructor (always: readonly string[] = []) {
    this.#always = always
    this.#needles = needlesOf(always)
  }

  /**
   * Sets the texts to hide, replacing those of an earlier call. Also hidden are each word of a text, and each value of a list
   * or a cookie. Anything shorter than four characters is not hidden, since that would make texts unreadable.
   */
  hide (texts: readonly string[]): void {
    this.#needles = needlesOf([...this.#always, ...texts])
  }

  /** Returns the text with `[hidden]` in place of each secret. */
  redact (text: string): string {
    const ranges = this.#find(text, MAX_DEPTH).sort(([a], [b]) => a - b)
    let shown = ''
    let from = 0
    for (const [start, end] of ranges) {
      if (start >= from) shown += text.slice(from, start) + HIDDEN
      from = Math.max(from, end)
    }
    return shown + text.slice(from)
  }

  /** Finds the secrets in a text. */
  #find (text: string, depth: number): TextRange[] {
    return this.#needles.length === 0 ? [] : this.#findIn(new Decoded(text), depth)
  }

  #findIn (level: Decoded, depth: number): TextRange[] {
    const ranges: TextRange[] = []
    const folded = fold(level.text)
    for (const needle of this.#needles) {
      for (let at = folded.indexOf(needle); at >= 0; at = folded.indexOf(needle, at + 1)) ranges.push(level.rangeOf(at, at + needle.length))
    }
    if (depth === 0) return ranges
    for (const { 0: run, index } of level.text.matchAll(BASE64)) {
      if (this.#isSecret(run, depth - 1)) ranges.push(level.rangeOf(index, index + run.length))
    }
    for (const escaping of Object.values(escapings)) {
      const next = level.decode(escaping)
      if (next !== undefined) ranges.push(...this.#findIn(next, depth - 1))
    }
    return ranges
  }

  /** Whether a run of characters contains a secret in base64. Up to three characters before the base64 are skipped. */
  #isSecret (run: string, depth: number): boolean {
    return [0, 1, 2, 3].some(skipped => {
      const bytes = Buffer.from(run.slice(skipped), 'base64')
      return this.#find(bytes.toString(), depth).length > 0 || this.#find(bytes.toString('latin1'), depth).length > 0
    })
  }
}

function needlesOf (texts: readonly string[]): string[] {
  const parts = texts.flatMap(text => [text, ...text.split(/[\s,;]+/)]).flatMap(part => {
    const bare = part.trim().replace(/^(["'])(.*)\1$/s, '$2')
    const value = bare.slice(bare.indexOf('=') + 1)
    return [part, bare, value, value.replace(/^(["'])(.*)\1$/s, '$2')]
  })
  // Decoding finds base64, but not if its case was changed or characters are missing: so the encoded form is searched for too.
  const forms = parts.flatMap(part => {
    const base64 = Buffer.from(part).toString('base64').replace(/=+$/, '')
    return part.length < MIN_HIDDEN_LENGTH ? [part] : [part, base64, base64.replaceAll('+', '-').replaceAll('/', '_')]
  })
  const known = forms.map(form => fold(form)).filter(form => form.length >= MIN_HIDDEN_LENGTH && !COMMON_WORDS.has(form))
  return [...new Set(known)]
}

/** A text in lower case, character by character. */
function fold (text: string): string {
  return text.replace(/[A-Z\u00c0-\u00de]/g, letter => letter.toLowerCase())
}
