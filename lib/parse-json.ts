/** Finds keys that are written with an escape. It also finds such texts behind a comma in an array. */
const KEY_WITH_ESCAPE = /[{,]\s*"[^"\\]*\\/
const TEXT_OR_PUNCTUATION = /"(?:[^"\\]|\\.)*"|[{}:]/g
const IN_PAIRS: Readonly<Record<string, string>> = { '{': '{"":[', ':': ',', '}': ']}' }

/**
 * Parses JSON as `JSON.parse()` should. Since Node.js 24 that may take a key that is written with an escape for one that begins like it
 * and that it has read before: after `{"\\":1}`, `{"\u00e9":1}` has the key `\` (nodejs/node#63785).
 *
 * @param revive - Replaces a value that is neither an object nor an array
 * @throws SyntaxError if it is no JSON
 */
export function parseJson (text: string, revive?: (value: unknown) => unknown): unknown {
  if (!text.includes('\\') || !KEY_WITH_ESCAPE.test(text)) return revive === undefined ? JSON.parse(text) : JSON.parse(text, (_, value: unknown) => revive(value))
  // The text in pairs may be JSON where this is not.
  JSON.parse(text)
  return fromPairs(JSON.parse(text.replace(TEXT_OR_PUNCTUATION, token => IN_PAIRS[token] ?? token)), revive)
}

/** Makes objects of those whose one key has a list of keys and values. */
function fromPairs (value: unknown, revive?: (value: unknown) => unknown): unknown {
  if (typeof value !== 'object' || value === null) return revive === undefined ? value : revive(value)
  if (Array.isArray(value)) return value.map(item => fromPairs(item, revive))
  const pairs = (value as { '': unknown[] })['']
  const entries: Array<[string, unknown]> = []
  for (let i = 0; i < pairs.length; i += 2) entries.push([pairs[i] as string, fromPairs(pairs[i + 1], revive)])
  return Object.fromEntries(entries)
}
