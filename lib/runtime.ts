import type { TargetSettings } from './options.js'

/** The names of runtimes other than Node.js, by the key that each has in `process.versions`. */
const others: Readonly<Record<string, string>> = { bun: 'Bun', deno: 'Deno' }

/**
 * Warns of what this runtime cannot do for these targets, each in a sentence. Nothing on Node.js.
 *
 * @param versions - As `process.versions`
 */
export function warnOfRuntime (versions: Readonly<Record<string, string | undefined>>, targets: readonly TargetSettings[]): string[] {
  const found = Object.entries(others).find(([key]) => versions[key] !== undefined)
  if (found === undefined) return []
  const [key, name] = found
  const blind = targets.filter(({ sense, source }) => sense !== false && !(source.kind === 'target' && source.entry.ownSink !== undefined)).map(({ name }) => `"${name}"`)
  const apart = key === 'bun' ? targets.filter(({ isolation }) => isolation === 'process').map(({ name }) => `"${name}"`) : []
  return [
    ...apart.length === 0 ? [] : [`${name} cannot run a sink in a process of its own: ${apart.join(', ')} will get no lines; use isolation: "thread".`],
    ...blind.length === 0 ? [] : [`${name} does not show the requests of a sink: a failure that the transport of ${blind.join(', ')} hides will not be noticed.`],
    ...key === 'deno' ? ['Deno runs no exit handlers when an app crashes: lines from right before a crash may be lost.'] : []
  ]
}
