import { Type, type Static, type TSchema } from '@sinclair/typebox'

// Keywords of our own begin with `x-` and are left out of the published schema:
// x-default   what the default is, where it is no constant
// x-env       false: cannot be set from the environment, being more than policy
// x-plausible-from   a shorter duration was probably meant in seconds

/** Node fires a timer that is set to more than this at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1

/** What the docs tell of a field, and editors show. */
export interface Meaning { description: string, default?: unknown, writeOnly?: true, 'x-default'?: string, 'x-env'?: false, 'x-plausible-from'?: number }

/** A duration, in whole milliseconds. */
export const milliseconds = (minimum: number, maximum: number, meaning: Meaning) => Type.Integer({ minimum, maximum, ...meaning })

/** A number of things, at least one. */
export const count = (meaning: Meaning) => Type.Integer({ minimum: 1, ...meaning })

/** A text that is not empty. */
export const text = (meaning: Partial<Meaning> = {}) => Type.String({ minLength: 1, ...meaning })

/** One of some words. */
export const oneOf = <const Values extends readonly string[]> (values: Values, meaning: Partial<Meaning> = {}) =>
  Type.Unsafe<Values[number]>({ type: 'string', enum: values, ...meaning })

/** A list, which nobody changes. */
export const list = <Item extends TSchema> (item: Item, meaning: Partial<Meaning> & { minItems?: number } = {}) =>
  Type.Unsafe<ReadonlyArray<Static<Item>>>(Type.Array(item, meaning))

/** An object that takes no other keys; the title of a field is made from its key. */
export function object<Fields extends Record<string, TSchema>> (fields: Fields, meaning: Partial<Meaning> & { title?: string, oneOf?: unknown } = {}) {
  const titled = Object.entries(fields).map(([key, field]) => [key, { title: titleOf(key), ...field }])
  return Type.Object(Object.fromEntries(titled) as Fields, { additionalProperties: false, ...meaning })
}

function titleOf (key: string): string {
  const words = key.replace(/Ms$/, '').replace(/[A-Z]/g, capital => ` ${capital.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1) + (key.endsWith('Ms') ? ' (ms)' : '')
}
