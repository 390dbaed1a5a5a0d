import type { SchemaNode } from './schema-node.js'

/** The longest delay of a timer, in ms: Node.js fires a timer with a longer one at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1

/** Keywords that a field of any type may have. */
export type Meaning = Pick<SchemaNode, 'title' | 'description' | 'default' | 'writeOnly' | 'x-default' | 'x-env' | 'x-plausible-from' | 'x-type'>

/** A duration in whole milliseconds. */
export function milliseconds (minimum: number, maximum: number, meaning: Meaning): SchemaNode {
  return { type: 'integer', minimum, maximum, ...meaning }
}

/** An integer >= 1. */
export function count (meaning: Meaning): SchemaNode {
  return { type: 'integer', minimum: 1, ...meaning }
}

/** A share of a whole, above 0. */
export function share (meaning: Meaning): SchemaNode {
  return { type: 'number', exclusiveMinimum: 0, maximum: 1, ...meaning }
}

/** A non-empty text. */
export function text (meaning: Meaning = {}): SchemaNode {
  return { type: 'string', minLength: 1, ...meaning }
}

/** `true` or `false`. */
export function flag (meaning: Meaning = {}): SchemaNode {
  return { type: 'boolean', ...meaning }
}

/** One of several words. */
export function oneOf (words: readonly string[], meaning: Meaning = {}): SchemaNode {
  return { type: 'string', enum: words, ...meaning }
}

/** `false`, where an option takes it beside other values. */
export const off: SchemaNode = { type: 'boolean', const: false }

/** One of several kinds of values. */
export function choice (alternatives: readonly SchemaNode[], meaning: Meaning = {}): SchemaNode {
  return { anyOf: alternatives, ...meaning }
}

/** A level: its number or its label. */
export function level (meaning: Meaning): SchemaNode {
  return choice([{ type: 'number' }, text()], meaning)
}

/** A list of values of one kind. */
export function list (items: SchemaNode, meaning: Meaning & Pick<SchemaNode, 'minItems'> = {}): SchemaNode {
  return { type: 'array', items, ...meaning }
}

/** An object whose keys the user chooses. */
export function dictionary (values: SchemaNode, meaning: Meaning & Pick<SchemaNode, 'minProperties' | 'x-no-undefined'>): SchemaNode {
  return { type: 'object', additionalProperties: values, ...meaning }
}

/** An object that takes no other keys. Fields are optional unless `required` names them; their titles come from their keys. */
export function object (fields: Readonly<Record<string, SchemaNode>>, meaning: Meaning & Pick<SchemaNode, 'required' | 'oneOf' | 'dependencies' | 'minProperties' | 'x-no-undefined' | 'x-extends'> = {}): SchemaNode {
  const properties = Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, { title: titleOf(key), ...field }]))
  return { type: 'object', properties, additionalProperties: false, ...meaning }
}

function titleOf (key: string): string {
  const words = key.replace(/Ms$/, '').replace(/[A-Z]/g, capital => ` ${capital.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1) + (key.endsWith('Ms') ? ' (ms)' : '')
}
