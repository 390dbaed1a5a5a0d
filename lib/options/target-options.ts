import { didYouMean } from './nearest.js'
import { targetDefaults, pinoFileDefaults } from './defaults.js'
import type { Draft } from './draft.js'
import { showKind, type Faults } from './faults.js'
import type { SourceEntry, TargetSource } from './settings.js'
import { pathOf } from './validation.js'

/** The options of `pino/file`: its own `destination`, and those that it passes to SonicBoom. */
const pinoFileKeys = [
  'append', 'contentMode', 'dest', 'destination', 'fd', 'fsync', 'maxLength', 'maxWrite', 'minLength', 'mkdir', 'mode', 'periodicFlush', 'retryEAGAIN', 'sync'
]
/** Options of a target that no transport has under the same name. */
const policyKeys = [
  'breaker', 'deadLetter', 'failureEvents', 'fallback', 'healthCheck', 'isolation', 'redelivery', 'spool', 'standby', 'startTimeoutMs', 'whenOpen', 'writeTimeoutMs'
]

/**
 * Checks the `options` of targets, as far as they are known: those of `pino/file`, and functions, which cannot be handed
 * to a thread. Other targets check their options themselves.
 *
 * @returns warnings of options that were probably meant otherwise, each a sentence with its path
 */
export function checkTargetOptions (draft: Draft, sources: ReadonlyArray<TargetSource | undefined>, faults: Faults): string[] {
  return sources.flatMap((source, index) => {
    if (source === undefined) return []
    const isInline = isInlineTarget(draft, index, source)
    return entriesOf(source, `targets[${index}]`).flatMap(({ entry, path }) => {
      if (!isInline) checkFunctions(entry.options, path, faults)
      return checkEntry(entry, path, faults)
    })
  })
}

function isInlineTarget (draft: Draft, index: number, source: TargetSource): boolean {
  const byDefault = source.kind === 'target' && source.entry.isPinoFile ? pinoFileDefaults.isolation : targetDefaults.isolation
  return (draft.targets[index]?.isolation ?? draft.topLevel.isolation ?? byDefault) === 'inline'
}

function entriesOf (source: TargetSource, path: string): Array<{ entry: SourceEntry, path: string }> {
  if (source.kind === 'target') return [{ entry: source.entry, path: `${path}.options` }]
  return source.entries.map((entry, step) => ({ entry, path: `${path}.pipeline[${step}].options` }))
}

function checkEntry ({ options, isPinoFile }: SourceEntry, path: string, faults: Faults): string[] {
  if (options === undefined) return []
  if (!isObject(options)) {
    if (isPinoFile) faults.add(path, `expected an object, such as { destination: "app.log" }, got ${showKind(options)}`)
    return []
  }
  if (isPinoFile) checkDestination(options['destination'], `${path}.destination`, faults)
  return Object.keys(options).flatMap(key => {
    const at = pathOf(path, key)
    if (policyKeys.includes(key)) return [`${at} has no effect there: move it out of the options, beside "target"`]
    if (isPinoFile && !pinoFileKeys.includes(key)) return [`${at} has no effect: pino/file has no such option${key === 'path' || key === 'file' ? '; did you mean "destination"?' : didYouMean(key, pinoFileKeys)}`]
    return []
  })
}

function checkDestination (destination: unknown, path: string, faults: Faults): void {
  // As in pino, an empty destination means stdout.
  if (!destination || typeof destination === 'string' || typeof destination === 'number') return
  faults.add(path, `expected the path of a file or a file descriptor, got ${showKind(destination)}${destination instanceof URL ? '; write its path: fileURLToPath(url)' : ''}`)
}

/** A function cannot be cloned, so the thread of a sink could not start with it. */
function checkFunctions (options: unknown, path: string, faults: Faults): void {
  const seen = new Set<object>()
  const visit = (value: unknown, at: string): void => {
    if (typeof value === 'function' || typeof value === 'symbol') {
      faults.add(at, `a ${typeof value} cannot be handed to a sink in a thread or a process of its own; give the target isolation: "inline", or a file of its own that makes it`)
    } else if (typeof value === 'object' && value !== null && !seen.has(value)) {
      seen.add(value)
      if (Array.isArray(value)) value.forEach((item, index) => visit(item, `${at}[${index}]`))
      else if (isPlain(value)) for (const [key, item] of Object.entries(value)) visit(item, pathOf(at, key))
    }
  }
  visit(options, path)
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Objects of a class, such as ports, are cloned by rules of their own. */
function isPlain (value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
