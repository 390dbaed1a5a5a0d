import { show } from './faults.js'
import { fanoutSchema } from './schema.js'
import { alternativesOf, propertiesOf, type SchemaNode } from './schema-node.js'
import type { Advice } from './validation.js'

const topLevelKeys = propertiesOf(fanoutSchema)
const targetKeys = propertiesOf(topLevelKeys['targets']?.items ?? {})

/** Options of `pino.transport()` itself; their place is beside its `options`. */
const pinosKeys = ['caller', 'sync', 'worker']
/** Options of `pino/file` that are often written beside `options` instead of in it, and their names there. */
const destinationKeys: Readonly<Record<string, string>> = { append: 'append', dest: 'destination', destination: 'destination', file: 'destination', minLength: 'minLength', mkdir: 'mkdir', path: 'destination' }
/** Names that other packages have for an option, by the object that holds the option. */
const otherNames: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  breaker: { halfOpenAfter: 'recoveryTimeoutMs', resetTimeout: 'recoveryTimeoutMs' },
  deadLetter: { destination: 'path', dir: 'path', file: 'path' },
  spool: { directory: 'dir', folder: 'dir', path: 'dir' }
}
/** The field that was meant by a text in place of the whole object. */
const mainKeys: Readonly<Record<string, string>> = { deadLetter: 'path', diagnostics: 'to', monitor: 'socket', spool: 'dir' }

/** Names that other tools have for what `match` does with a key. */
const operatorNames: Readonly<Record<string, string>> = { begins: 'prefix', beginsWith: 'prefix', ne: 'not', nin: 'not', present: 'exists', startsWith: 'prefix' }
const equalityNames = ['eq', 'equals', 'in', 'is']

const TARGET = /^targets\[\d+\]$/
const MATCHED_KEY = /^targets\[\d+\]\.match[.[]/
const PIPELINE_ENTRY = /\.pipeline\[\d+\]$/
const SIZE = /^(\d+(?:\.\d+)?) ?([kmg]?)i?b?$/i
const DURATION = /^(\d+(?:\.\d+)?) ?(ms|s|sec|seconds?|m|min|minutes?|h|hours?)$/i
const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60 * 1000, h: 60 * 60 * 1000 }

/** Corrections for common mistakes in the options of the transport. */
export const advice: Advice = {
  forKey (path, key, suggestion) {
    if (path === '' && isOf(targetKeys, key) && !isOf(topLevelKeys, key)) return `; it stands in an entry of "targets": { targets: [{ ${key}: … }] }`
    if (path === '' && pinosKeys.includes(key)) return '; it is an option of pino.transport() itself, and stands beside its "options"'
    if (TARGET.test(path)) return forTargetKey(key, suggestion)
    if (MATCHED_KEY.test(path)) return forOperator(key, suggestion)
    if (PIPELINE_ENTRY.test(path) && isOf(targetKeys, key)) return '; it stands beside "pipeline", for all of it'
    if (lastKeyOf(path) === 'worker' && key === 'autoEnd') return '; it is for the worker of pino.transport() itself'
    const others = otherNames[lastKeyOf(path)] ?? {}
    return isOf(others, key) ? `; did you mean "${others[key]}"?` : suggestion
  },

  forValue (node, path, value) {
    // A hint could show a secret.
    if (node.writeOnly === true) return ''
    if (typeof value === 'function') return isLoaded(path) ? '; a target is loaded by its name: export the function from a file, and write the path of that file' : ''
    if (typeof value === 'string') return forText(node, path, value)
    if (lastKeyOf(path) === 'monitor' && (value === true || typeof value === 'number')) return `; did you mean { port: ${value === true ? 9464 : value} }?`
    if (value === true && alternativesOf(node).some(alternative => alternative.const === false)) return '; leave it out, and it is on'
    if (typeof value !== 'object' || value === null) return ''
    if (value instanceof RegExp) return MATCHED_KEY.test(path) ? '; a regular expression is not supported: "prefix" compares how a text begins' : ''
    if (alternativesOf(node).some(({ type }) => type === 'string') && isUrl(value)) return forUrl(value)
    if (node.items?.type === 'object' && !Array.isArray(value)) return '; it is a list, also with one entry: [{ … }]'
    return ''
  }
}

function forTargetKey (key: string, suggestion: string): string {
  if (isOf(topLevelKeys, key)) return '; it stands at the top level, beside "targets"'
  if (isOf(destinationKeys, key)) return `; an option of what is loaded stands in "options": did you mean "options.${destinationKeys[key]}"?`
  return suggestion === '' ? '; an option of what is loaded stands in "options"' : suggestion
}

function forOperator (key: string, suggestion: string): string {
  if (equalityNames.includes(key)) return '; write the value, or a list of values, in place of the object'
  if (isOf(operatorNames, key)) return `; did you mean "${operatorNames[key]}"?`
  return suggestion === '' ? '; expected "not", "prefix" or "exists": only top-level keys of a line can be matched' : suggestion
}

function forText (node: SchemaNode, path: string, text: string): string {
  if (/bytes$/i.test(path)) return forSize(text)
  if (/(?:Ms|_MS)$/.test(path)) return forDuration(text)
  if (TARGET.test(path) || PIPELINE_ENTRY.test(path)) return `; did you mean { target: ${show(text)} }?`
  const mainKey = lastKeyOf(path) === 'healthCheck' ? (/^https?:/.test(text) ? 'http' : 'tcp') : mainKeys[lastKeyOf(path)]
  return mainKey !== undefined && isOf(propertiesOf(node), mainKey) ? `; did you mean { ${mainKey}: ${show(text)} }?` : ''
}

function forSize (text: string): string {
  const [, number, unit = ''] = SIZE.exec(text) ?? []
  if (number === undefined) return ''
  return `; write the number of bytes: ${Math.round(Number(number) * 1024 ** ['', 'k', 'm', 'g'].indexOf(unit.toLowerCase()))}`
}

function forDuration (text: string): string {
  const [, number, unit = ''] = DURATION.exec(text) ?? []
  if (number === undefined) return ''
  const ms = unit.toLowerCase() === 'ms' ? 1 : MS_PER_UNIT[unit.charAt(0).toLowerCase()] ?? 1
  return `; write the number of milliseconds: ${Math.round(Number(number) * ms)}`
}

/** Not `in`, which finds `constructor` in every object. */
function isOf (holder: object, key: string): boolean {
  return Object.hasOwn(holder, key)
}

/** Options reach a worker by structured clone, which turns a URL object into an empty object. */
function isUrl (value: object): boolean {
  return value instanceof URL || (!Array.isArray(value) && Object.keys(value).length === 0)
}

function forUrl (value: object): string {
  return value instanceof URL ? '; write its text: url.href' : '; if it was a URL object, write its text: url.href'
}

/** Tells whether the path leads to a target, or to the module that it is loaded from. */
function isLoaded (path: string): boolean {
  return TARGET.test(path) || PIPELINE_ENTRY.test(path) || lastKeyOf(path) === 'target'
}

function lastKeyOf (path: string): string {
  return /(\w*)$/.exec(path)?.[1] ?? ''
}
