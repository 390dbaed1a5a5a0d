import fc from 'fast-check'
import type { TargetOptions } from '#lib/options/types'

/** The option `match`. */
export type GivenMatch = NonNullable<TargetOptions['match']>

type Value = string | number | boolean | null

/** Texts that are keys and values, both of lines and of matches: plain ones, and all that JSON writes in several ways. */
const texts = ['module', 'module', 'a', 'audit', '', '__proto__', 'constructor', '0', 'length', 'é', '𝄞', 'a/b', '/', 'a"b', '"', '\\', '\\u0061', 'n\n', '\u0001', '\x7F', '\uD800', 'x\uD834', '\uFFFD', 'a\uFFFDb', '\u2028']
const text = fc.constantFrom(...texts)
const value: fc.Arbitrary<Value> = fc.oneof({ weight: 4, arbitrary: text }, { weight: 2, arbitrary: fc.constantFrom(0, -0, 1, 1.5, -1, 1e21, 5e-324, true, false, null) })
const oneOrMore = <One>(one: fc.Arbitrary<One>): fc.Arbitrary<One | One[]> => fc.oneof(one, fc.array(one, { minLength: 1, maxLength: 3 }))
const prefix = text.chain(text => fc.nat(text.length).map(length => text.slice(0, length))).filter(text => text !== '')

/** The option `match` of a target. */
export const givenMatch: fc.Arbitrary<GivenMatch> = fc.array(fc.tuple(text, fc.oneof(
  { weight: 3, arbitrary: oneOrMore(value) },
  { weight: 3, arbitrary: fc.record({ not: oneOrMore(value), prefix: oneOrMore(prefix), exists: fc.boolean() }, { requiredKeys: [] }).filter(operators => Object.keys(operators).length > 0) }
)), { minLength: 1, maxLength: 2 }).map(entries => Object.fromEntries(entries))

/** A text as a JSON string, in any of the ways in which that can be written. */
const spelled = (text: string): fc.Arbitrary<string> => {
  const ways = Array.from(text, character => {
    const hex = character.split('').map(unit => unit.charCodeAt(0).toString(16).padStart(4, '0'))
    const escapes = [hex, hex.map(digits => digits.toUpperCase())].map(units => units.map(digits => `\\u${digits}`).join(''))
    return fc.oneof(
      { weight: 12, arbitrary: fc.constant(JSON.stringify(character).slice(1, -1)) },
      { weight: 1, arbitrary: fc.constantFrom(...escapes, ...character === '/' ? ['\\/'] : []) }
    )
  })
  return fc.tuple(...ways).map(parts => `"${parts.join('')}"`)
}

const string = fc.oneof(...texts.map(spelled))
const space = fc.constantFrom('', '', '', '', ' ', '\t', '\r ')
const number = fc.constantFrom('0', '-0', '1', '1.0', '10e-1', '1.5', '-1', '1e21', '1000000000000000000000', '1e400', '5e-324', '1e-400')

/** JSON of any value, with the keys of matches at every depth. */
const { json } = fc.letrec<{ json: string, object: string, member: string }>(tie => ({
  json: fc.oneof({ depthSize: 'small' },
    { weight: 5, arbitrary: string },
    { weight: 2, arbitrary: number },
    { weight: 1, arbitrary: fc.constantFrom('true', 'false', 'null') },
    { weight: 2, arbitrary: tie('object') },
    { weight: 1, arbitrary: fc.array(tie('json'), { maxLength: 3 }).map(items => `[${items.join(',')}]`) }),
  member: fc.tuple(space, string, space, space, tie('json'), space).map(([a, key, b, c, value, d]) => `${a}${key}${b}:${c}${value}${d}`),
  object: fc.tuple(space, fc.array(tie('member'), { maxLength: 5 }), space).map(([before, members, after]) => `${before}{${members.join(',')}}${after}`)
}))
const object = fc.tuple(
  fc.constantFrom('', '"level":30,', '"level":50,', '"level":"warn",'),
  fc.array(fc.tuple(string, space, json).map(([key, space, value]) => `${key}${space}:${value}`), { minLength: 1, maxLength: 5 }),
  fc.constantFrom('', '\r')
).map(([head, members, end]) => `{${head}${members.join(',')}}${end}`)

/** A line without its newline that a match may hold for: mostly an object, else another value, or no JSON. */
export const matchedLine: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: object },
  { weight: 1, arbitrary: json },
  { weight: 1, arbitrary: fc.tuple(object, fc.nat(80)).map(([line, length]) => line.slice(0, length)) }
)

const AS_ARRAYS: Readonly<Record<string, string>> = { '{': '[', ':': ',', '}': ']' }

/**
 * The keys of a line and their values; `undefined` if it is no object. Since Node.js 24, JSON.parse() may take a key that is written
 * with an escape for an earlier one that begins like it (nodejs/node#63785). So objects are parsed as arrays of keys and values.
 */
function fieldsOf (line: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(line)
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined
    const asArrays = line.replaceAll(/"(?:[^"\\]|\\.)*"|[{:}]/g, token => AS_ARRAYS[token] ?? token)
    const flat = JSON.parse(asArrays) as unknown[]
    return Object.fromEntries(flat.flatMap((key, i) => i % 2 === 0 ? [[key as string, flat[i + 1]]] : []))
  } catch {
    // A line that is no JSON has no keys.
    return undefined
  }
}

/** True if a line meets a match, found in the plainest way. */
export function meetsGiven (line: string, match: GivenMatch): boolean {
  const fields = fieldsOf(line)
  return Object.entries(match).every(([key, wanted]) => {
    const hasKey = fields !== undefined && Object.hasOwn(fields, key)
    const value = hasKey ? fields?.[key] : undefined
    const isAnyOf = (values: unknown): boolean => hasKey && [values].flat().some(each => each === value)
    if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted)) return isAnyOf(wanted)
    const { not, prefix, exists } = wanted as { not?: Value | Value[], prefix?: string | string[], exists?: boolean }
    if (not !== undefined && isAnyOf(not)) return false
    if (prefix !== undefined && ![prefix].flat().some(text => typeof value === 'string' && value.startsWith(text))) return false
    return exists === undefined || exists === hasKey
  })
}
