import { advice } from './advice.js'
import type { Faults } from './faults.js'
import { nearest } from './nearest.js'
import { fanoutSchema } from './schema.js'
import { alternativesOf, propertiesOf, type SchemaNode } from './schema-node.js'
import { validate } from './validation.js'

/** Every variable that sets an option begins with this. */
export const variablePrefix = 'PINO_BREAKER_FANOUT_'

/** A setting found in the environment, checked. */
export interface Setting {
  /** The variable that it comes from. */
  variable: string
  /** The target that it is for: its index; `undefined` if it stands at the top level. */
  target: number | undefined
  /** The keys that lead to the option, from the top level or from the target. */
  keys: readonly string[]
  value: unknown
}

/** What the environment says. */
export interface Environment {
  settings: Setting[]
  /** Variables with the prefix that set nothing, each in a sentence. */
  warnings: string[]
}

interface Variable {
  keys: readonly string[]
  node: SchemaNode
  /** `false`: it is more than policy, so it cannot be set from here. */
  settable: boolean
}

type KnownVariables = Map<string, (Variable & { target: number | undefined })[]>

/**
 * Reads the settings of the environment. An empty variable counts as not set; one with a wrong value is a fault, under
 * its own name.
 *
 * @param names of the targets, in order
 */
export function readEnvironment (env: NodeJS.ProcessEnv, names: readonly string[], faults: Faults): Environment {
  const found: Environment = { settings: [], warnings: [] }
  const given = Object.keys(env).filter(variable => variable.startsWith(variablePrefix) && env[variable] !== '').sort()
  // Most often there are none, and then no list of them is needed.
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
      const value = validate(match.node, coerce(match.node, env[variable] ?? ''), variable, faults, advice)
      if (value === undefined) continue
      for (const { target, keys } of matches) found.settings.push({ variable, target, keys, value })
    }
  }
  return found
}

function suggestionFor (variable: string, known: KnownVariables): string {
  const settable = [...known].filter(([, [first]]) => first?.settable).map(([name]) => name)
  // The prefix, which all have in common, would make all of them near.
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

/** Two targets whose names differ only in signs share their variables. */
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

/** A text as the value that the schema asks for; as it is, if it cannot be read so. */
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
