/** A value that the value of a key is compared with. */
export type MatchValue = string | number | boolean | null

/** Conditions for the value of one top-level key. All that are set must hold. */
export interface MatchCondition {
  readonly key: string
  /** The value is one of these. */
  readonly is?: readonly MatchValue[]
  /** The value is none of these, or the line does not have the key. */
  readonly not?: readonly MatchValue[]
  /** The value is a text that begins with one of these. */
  readonly prefix?: readonly string[]
  /** `true`: the line has the key, whatever its value. `false`: it does not. */
  readonly exists?: boolean
}

/** Conditions for a line. All of them must hold. Equal matches have equal JSON. */
export type Match = readonly MatchCondition[]

/** The fields of a line; `undefined` for a line that is not a JSON object, and so has no keys. */
export type LineFields = Readonly<Record<string, unknown>> | undefined

/** True if a line with these fields meets all conditions. */
export function meets (fields: LineFields, match: Match): boolean {
  return match.every(condition => meetsCondition(fields, condition))
}

/** True if a line meets the condition without having its key. */
export function holdsWithoutKey (condition: MatchCondition): boolean {
  return meetsCondition(undefined, condition)
}

function meetsCondition (fields: LineFields, { key, is, not, prefix, exists }: MatchCondition): boolean {
  const hasKey = fields !== undefined && Object.hasOwn(fields, key)
  // An object or an array equals no value of a match.
  const value = hasKey ? fields[key] as MatchValue : undefined
  return (is === undefined || (value !== undefined && is.includes(value))) &&
    (not === undefined || value === undefined || !not.includes(value)) &&
    (prefix === undefined || (typeof value === 'string' && prefix.some(text => value.startsWith(text)))) &&
    (exists === undefined || exists === hasKey)
}
