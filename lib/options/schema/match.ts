import { choice, dictionary, flag, list, object, text } from '../fields.js'
import type { SchemaNode } from '../schema-node.js'

/** A value that JSON has, and that equals another one if both are written in the same way or mean the same number. */
const value = choice([{ type: 'string' }, { type: 'number' }, flag(), { const: null }])
const values = choice([...value.anyOf ?? [], list(value, { minItems: 1 })])

/** What the value of a key is compared by, if not for equality. */
const operators = object({
  not: {
    ...values,
    description: 'A value, or a list: the value of the key is none of these. Also true for a line without the key.',
    'x-default': 'none'
  },
  prefix: choice([text(), list(text(), { minItems: 1 })], {
    description: 'A text, or a list: the value of the key is a text that begins with one of these.',
    'x-default': 'none'
  }),
  exists: flag({
    description: '`true`: the line has the key, whatever its value, even `null`. `false`: it does not.',
    'x-default': 'none'
  })
}, {
  description: 'What the value of a key must be, beside equality. Everything that is set must hold.',
  minProperties: 1,
  'x-no-undefined': true,
  'x-type': 'MatchOperators'
})

/** The option `match`. */
export const matchSchema: SchemaNode = dictionary(choice([...values.anyOf ?? [], operators]), {
  description: 'Takes only lines in which top-level keys have these values: `{ module: \'audit\' }`. A list: any of its values. An object: `not`, `prefix` and `exists`. All keys must hold, and `level` too.',
  minProperties: 1,
  'x-no-undefined': true,
  'x-default': 'none; a standby target takes every line that it is given',
  'x-env': false
})
