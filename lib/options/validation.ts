import { show, showKind, type Faults } from './faults.js'
import { didYouMean } from './nearest.js'
import { alternativesOf, propertiesOf, type SchemaNode } from './schema-node.js'

/** Ends the message of a fault with what to write instead; returns an empty text where it knows nothing. */
export interface Advice {
  /**
   * For a key that is unknown in the object at this path.
   *
   * @param suggestion what the schema itself suggests: a similar key, or a key one level below; may be empty
   */
  forKey (path: string, key: string, suggestion: string): string
  /** For a value that the node at this path does not allow. */
  forValue (node: SchemaNode, path: string, value: unknown): string
}

const noAdvice: Advice = { forKey: (_path, _key, suggestion) => suggestion, forValue: () => '' }

/**
 * Checks a value against a schema, and returns a copy of its valid part. Invalid values are left out, and added to
 * `faults`. A value that the schema leaves open (a target's own options) is neither copied nor checked.
 *
 * A JSON Schema validator would know neither similar keys nor keys one level below, nor which values are secret.
 */
export function validate (node: SchemaNode, value: unknown, path: string, faults: Faults, advice = noAdvice): unknown {
  const alternatives = alternativesOf(node)
  const structured = alternatives.find(alternative => isStructured(alternative) && isOfType(alternative, value))
  if (structured?.type === 'object' && Object.keys(value as object).length >= (structured.minProperties ?? 0)) {
    return validateObject(structured, value as Record<string, unknown>, path, faults, advice)
  }
  if (structured?.type === 'array' && (value as unknown[]).length >= (structured.minItems ?? 0)) {
    return (value as unknown[]).map((item, index) => validate(structured.items ?? {}, item, `${path}[${index}]`, faults, advice))
  }
  if (alternatives.some(alternative => !isStructured(alternative) && admits(alternative, value))) return value

  const shown = node.writeOnly === true ? showKind(value) : show(value)
  faults.add(path === '' ? 'options' : path, `expected ${expectationOf(node)}, got ${shown}${advice.forValue(node, path, value)}`)
  return undefined
}

function validateObject (node: SchemaNode, value: Record<string, unknown>, path: string, faults: Faults, advice: Advice): Record<string, unknown> {
  const valid: [string, unknown][] = []
  for (const [key, item] of Object.entries(value)) {
    const property = propertyOf(node, key)
    const itemPath = pathOf(path, key)
    if (property === undefined) {
      faults.add(itemPath, `unknown option${advice.forKey(path, key, suggestionFor(node, key))}`)
    } else if (item !== undefined || node['x-no-undefined'] === true) {
      const secret = node.writeOnly === true ? { ...property, writeOnly: true } : property
      const validItem = validate(secret, item, itemPath, faults, advice)
      if (validItem !== undefined) valid.push([key, validItem])
    }
  }
  for (const key of node.required ?? []) {
    if (value[key] === undefined) faults.add(pathOf(path, key), `expected ${expectationOf(propertyOf(node, key) ?? {})}, got nothing`)
  }
  return Object.fromEntries(valid)
}

function propertyOf (node: SchemaNode, key: string): SchemaNode | undefined {
  if (node.properties !== undefined && Object.hasOwn(node.properties, key)) return node.properties[key]
  return node.additionalProperties === false ? undefined : node.additionalProperties
}

function suggestionFor (node: SchemaNode, key: string): string {
  const properties = node.properties ?? {}
  // Options of the breaker or the queue are often written one level too high.
  const holder = Object.keys(properties).find(name => Object.hasOwn(propertiesOf(properties[name] ?? {}), key))
  return holder === undefined ? didYouMean(key, Object.keys(properties)) : `; did you mean "${holder}.${key}"?`
}

/** The path of a key in the object at `path`. */
export function pathOf (path: string, key: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `${path}[${show(key)}]`
  return path === '' ? key : `${path}.${key}`
}

function isStructured ({ type }: SchemaNode): boolean {
  return type === 'object' || type === 'array'
}

function isOfType ({ type }: SchemaNode, value: unknown): boolean {
  switch (type) {
    case undefined: return true
    case 'object': return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'array': return Array.isArray(value)
    case 'integer': return Number.isSafeInteger(value)
    case 'number': return Number.isFinite(value)
    default: return typeof value === type // eslint-disable-line valid-typeof
  }
}

function admits (node: SchemaNode, value: unknown): boolean {
  if (node.const !== undefined) return value === node.const
  if (!isOfType(node, value)) return false
  if (node.enum !== undefined) return node.enum.includes(value as string)
  if (typeof value === 'string') return value.length >= (node.minLength ?? 0)
  if (typeof value !== 'number') return true
  return value >= (node.minimum ?? -Infinity) && value <= (node.maximum ?? Infinity) && value > (node.exclusiveMinimum ?? -Infinity)
}

/** The values that a node allows, in words. */
export function expectationOf (node: SchemaNode): string {
  return listOf(alternativesOf(node).flatMap(expectations))
}

function expectations (node: SchemaNode): string[] {
  if (node.const !== undefined) return [show(node.const)]
  if (node.enum !== undefined) return node.enum.map(show)
  switch (node.type) {
    case 'integer': return [`an integer${rangeOf(node)}`]
    case 'number': return [`a number${rangeOf(node)}`]
    case 'string': return [node.minLength === undefined ? 'a string' : 'a non-empty string']
    case 'boolean': return ['true or false']
    case 'array': return [`${node.minItems === undefined ? 'an' : 'a non-empty'} array of ${node.items?.type ?? 'value'}s`]
    case 'object': return [node.minProperties === undefined ? 'an object' : 'a non-empty object']
    default: return ['any value']
  }
}

function rangeOf ({ minimum, exclusiveMinimum, maximum }: SchemaNode): string {
  if (exclusiveMinimum !== undefined) return ` > ${exclusiveMinimum}${maximum === undefined ? '' : ` and <= ${maximum}`}`
  if (minimum === undefined) return ''
  return maximum === undefined ? ` >= ${minimum}` : ` from ${minimum} to ${maximum}`
}

function listOf (words: string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}
