import fc from 'fast-check'

/** A line without its newline: anything that JSON or somebody careless may write, in characters of one to four bytes. */
export const line: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 200, size: 'max' }) },
  { weight: 1, arbitrary: fc.constantFrom('', 'é', '€', '𝄞', '\r', '\u2028') }
).map(text => text.replaceAll('\n', ' '))

/** The text of lines, each with its newline. */
export function textOf (lines: readonly string[]): string {
  return lines.map(line => `${line}\n`).join('')
}
