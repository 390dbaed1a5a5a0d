import fc from 'fast-check'

/** A line without its newline: JSON or any other text, with characters of one to four bytes. */
export const line: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 200, size: 'max' }) },
  { weight: 1, arbitrary: fc.constantFrom('', 'é', '€', '𝄞', '\r', '\u2028') }
).map(text => text.replaceAll('\n', ' '))

/** A line that does not end with a carriage return, since that would count as part of its newline. */
export const bareLine: fc.Arbitrary<string> = line.map(text => text.replace(/\r+$/, ''))

/** Joins lines to a text, each with its newline. */
export function textOf (lines: readonly string[]): string {
  return lines.map(line => `${line}\n`).join('')
}

/** A line that pino could write: an object with level and time in either order, or without them. */
export const pinoLine: fc.Arbitrary<string> = fc.record({
  head: fc.constantFrom({ level: 30, time: 1700000000123 }, { level: 'warn', time: '2024-05-05T12:00:00.000Z' }, { time: 1700000000, level: 35 }, { level: 50 }, {}),
  rest: fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 })
}).map(({ head, rest }) => JSON.stringify({ ...head, ...rest }))
