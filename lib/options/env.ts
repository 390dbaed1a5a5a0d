import { ownPlatform, type Platform } from '../platform.js'
import { advice } from './advice.js'
import type { Faults } from './faults.js'
import { nearest } from './nearest.js'
import { fanoutSchema } from './schema.js'
import { alternativesOf, propertiesOf, type SchemaNode } from './schema-node.js'
import { validate } from './validation.js'

/** The beginning of every variable that sets an option. */
export const variablePrefix = 'PINO_BREAKER_FANOUT_'

/** A valid setting from the environment. */
export interface Setting {
  /** The variable that set it. */
  variable: string
  /** The index of its target; `undefined` for the top level. */
  target: number | undefined
  /** The keys that lead to the option, from the top level or from the target. */
  keys: readonly string[]
  value: unknown
}

/** Settings that were found in the environment. */
export interface Environment {
  settings: Setting[]
  /** Sentences about variables that have the prefix and set nothing. */
  warnings: string[]
}

interface Variable {
  keys: readonly string[]
  node: SchemaNode
  /** `false`: it is more than policy, so no variable can set it. */
  settable: boolean
}

type KnownVariables = Map<string, (Variable & { target: number | undefined })[]>

/**
 * Reads settings from the environment. An empty variable counts as not set. A wrong value is a fault, under the name of
 * its variable.
 *
 * @param names the names of the targets, in their order
 * @param platform - The system that has these variables
 */
export function readEnvironment (env: NodeJS.ProcessEnv, names: readonly string[], faults: Faults, platform: Platform = ownPlatform): Environment {
  const found: Environment = { settings: [], warnings: [] }
  // Windows does not distinguish upper and lower case in names of variables, and keeps them as they were written.
  const values = new Map(Object.entries(env).map(([variable, value]) => [platform.isWindows ? variable.toUpperCase() : variable, value ?? '']))
  const given = [...values.keys()].filter(variable => variable.startsWith(variablePrefix) && values.get(variable) !== '').sort()
  // Most often there are none: the list of known variables is not needed then.
  if (given.length === 0) return found

  const known = knownVariables(names)
  for (const variable of given) {
    const matches = known.get(variable)
    const match = matches?.[0]
    if (matches === undefined || match === undefined) {
      found.warnings.push(`The variable ${variable} names no option${suggestionFor(variable, known)}`)
    } else if (!match.settable) {
      found.warnings.push(`The variable ${variable} is ignored: ${match.keys.join('.')} cannot be set from the environment.`)
    } else {
      const value = validate(match.node, coerce(match.node, values.get(variable) ?? ''), variable, faults, advice)
      if (value === undefined) continue
      for (const { target, keys } of matches) found.settings.push({ variable, target, keys, value })
    }
  }
  return found
}

function suggestionFor (variable: string, known: KnownVariables): string {
  const settable = [...known].filter(([, [first]]) => first?.settable).map(([name]) => name)
  // With the prefix, which all have in common, every variable would be near.
  const near = nearest(variable.slice(variablePrefix.length), settable.map(name => name.slice(variablePrefix.length)))
  return near === undefined ? '.' : `; did you mean ${variablePrefix}${near}?`
}

/** The name of the variable that sets an option: `['breaker', 'settleMs']` → `PINO_BREAKER_FANOUT_BREAKER__SETTLE_MS`. */
export function variableOf (keys: readonly string[]): string {
  return variablePrefix + keys.map(toConstantCase).join('__')
}

/** `settleMs` → `SETTLE_MS`, `@scope/my-sink` → `SCOPE_MY_SINK`. */
function toConstantCase (word: string): string {
  return word.replace(/([a-z\d])([A-Z])/g, '$1_$2').replace(/[^A-Za-z\d]+/g, '_').replace(/^_|_$/g, '').toUpperCase()
}

/** Targets whose names differ only in signs share their variables. */
function knownVariables (names: readonly string[]): KnownVariables {
  const known: KnownVariables = new Map()
  const add = (prefix: readonly string[], variables: Variable[], target?: number) => {
    for (const variable of variables) {
      const name = variableOf([...prefix, ...variable.keys])
      known.set(name, [...known.get(name) ?? [], { ...variable, target }])
    }
  }
  const { targets, ...topLevel } = propertiesOf(fanoutSchema)
  add([], variablesOf(topLevel))
  const targetVariables = variablesOf(propertiesOf(targets?.items ?? {}))
  for (const [index, name] of names.entries()) add(['targets', name], targetVariables, index)
  return known
}

function variablesOf (properties: Readonly<Record<string, SchemaNode>>, parents: readonly string[] = [], policy = true): Variable[] {
  return Object.entries(properties).flatMap(([key, node]) => {
    const keys = [...parents, key]
    const settable = policy && node['x-env'] !== false
    const plain = alternativesOf(node).filter(({ type }) => type !== 'object')
    const own = plain.length > 0 || !settable ? [{ keys, settable, node: node.anyOf === undefined ? node : { ...node, anyOf: plain } }] : []
    return [...own, ...variablesOf(propertiesOf(node), keys, settable)]
  })
}

/** Turns a text into a value of the type that the schema expects; returns the text if that fails. */
function coerce (node: SchemaNode, text: string): unknown {
  for (const alternative of alternativesOf(node)) {
    const value = read(alternative, text.trim())
    if (value !== undefined) return value
  }
  return text
}

function read (node: SchemaNode, text: string): unknown {
  if (node.enum !== undefined) return node.enum.includes(text) ? text : undefined
  switch (node.type) {
    case 'boolean': {
      const value = readBoolean(text)
      return node.const === undefined || node.const === value ? value : undefined
    }
    case 'integer':
    case 'number': return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined
    case 'array': return text.split(',').map(item => item.trim()).filter(item => item !== '')
    default: return text
  }
}

function readBoolean (text: string): boolean | undefined {
  if (text === 'true' || text === '1') return true
  return text === 'false' || text === '0' ? false : undefined
}
