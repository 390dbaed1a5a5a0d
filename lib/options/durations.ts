import type { Draft, TargetFields } from './draft.js'
import { fanoutSchema } from './schema.js'
import { propertiesOf, type SchemaNode } from './schema-node.js'

/**
 * Durations so short that they were probably meant in seconds, each in a sentence with its path, or with the variable of
 * the environment that set it. 0 is never one: it turns something off.
 */
export function warnOfShortDurations (draft: Draft): string[] {
  const topLevel = propertiesOf(fanoutSchema)
  const target = propertiesOf(topLevel['targets']?.items ?? {})
  return [
    ...shortIn(topLevel, draft.topLevel, '', draft),
    ...draft.targets.flatMap((fields, index) => shortIn(target, fields ?? {}, `targets[${index}].`, draft))
  ]
}

function shortIn (properties: Readonly<Record<string, SchemaNode>>, values: object | TargetFields, prefix: string, draft: Draft): string[] {
  return Object.entries(values).flatMap(([key, value]: [string, unknown]) => {
    const node = properties[key]
    if (node === undefined) return []
    if (typeof value === 'object' && value !== null) return shortIn(propertiesOf(node), value, `${prefix}${key}.`, draft)
    const { 'x-plausible-from': plausible } = node
    if (plausible === undefined || typeof value !== 'number' || value === 0 || value >= plausible) return []
    return [`${draft.placeOf(prefix + key)} is ${value} ms; did you mean ${value * 1000}?`]
  })
}
