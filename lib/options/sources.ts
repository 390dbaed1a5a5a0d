import { checkHttpOptions } from '../http/check-options.js'
import { checkNatsOptions } from '../nats/check-options.js'
import { toPath } from '../paths.js'
import { createTargetResolver, type OwnSink, type TargetResolver } from '../resolve.js'
import type { Draft, TargetFields } from './draft.js'
import { show, type Faults } from './faults.js'
import { remedyFor } from './missing-target.js'
import type { SourceEntry, TargetSource } from './settings.js'

/** Checks the options of this package's own sinks, given the environment that they will have. */
const check: Readonly<Record<OwnSink, (options: unknown, env: NodeJS.ProcessEnv) => Faults>> = { http: checkHttpOptions, nats: checkNatsOptions }

/** The source of each target; `undefined` for a target with faults. */
export function settleSources (draft: Draft, cwd: string, env: NodeJS.ProcessEnv, faults: Faults): (TargetSource | undefined)[] {
  const resolver = createResolver(draft.topLevel.resolveFrom, cwd, faults)
  return draft.targets.map((fields, index) => {
    const path = `targets[${index}]`
    const { target, options, pipeline } = fields ?? {}
    if (target !== undefined && pipeline !== undefined) faults.add(path, 'expected either a target or a pipeline, got both')
    if (target !== undefined) {
      const entry = settleEntry({ target, options }, path, resolver, faults)
      if (entry?.ownSink !== undefined) faults.adopt(`${path}.options`, check[entry.ownSink](options, envOf(fields, draft, env)))
      return entry && { kind: 'target', entry }
    }
    if (pipeline !== undefined) {
      if (options !== undefined) faults.add(`${path}.options`, 'belong to an entry of the pipeline')
      const entries = pipeline.map((entry, step) => {
        const settled = settleEntry(entry, `${path}.pipeline[${step}]`, resolver, faults)
        if (settled?.ownSink !== undefined) {
          faults.add(`${path}.pipeline[${step}].target`, 'a delivery sink is no stream, and cannot stand in a pipeline: give it a target of its own')
          faults.adopt(`${path}.pipeline[${step}].options`, check[settled.ownSink](settled.options, envOf(fields, draft, env)))
        }
        return settled
      })
      return { kind: 'pipeline', entries: Object.freeze(entries.filter(entry => entry !== undefined)) }
    }
    if (fields !== undefined && !faults.concern(`${path}.target`) && !faults.concern(`${path}.pipeline`)) {
      faults.add(path, 'expected a target or a pipeline, got neither')
    }
    return undefined
  })
}

/** The environment of a sink's thread. */
function envOf (fields: TargetFields | undefined, { topLevel }: Draft, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = fields?.worker?.env ?? topLevel.worker?.env
  return typeof own === 'object' ? own as NodeJS.ProcessEnv : env
}

function settleEntry (entry: { target?: string, options?: unknown } | undefined, path: string, resolver: TargetResolver, faults: Faults): SourceEntry | undefined {
  if (entry?.target === undefined) return undefined
  const resolved = resolver.resolve(entry.target)
  if (resolved === undefined) {
    const places = resolver.placesOf(entry.target)
    faults.add(`${path}.target`, `cannot be resolved: ${show(entry.target)} (looked from ${places.join(', ')})${remedyFor(entry.target, places)}`)
    return undefined
  }
  // Frozen here so that the deep freeze of all settings stops before the user's own object.
  return Object.freeze({ ...resolved, target: entry.target, options: entry.options })
}

function createResolver (resolveFrom: string | undefined, cwd: string, faults: Faults): TargetResolver {
  try {
    if (resolveFrom !== undefined) toPath(resolveFrom, cwd)
    return createTargetResolver(cwd, resolveFrom)
  } catch {
    faults.add('resolveFrom', `expected a path or a file:// URL, got ${show(resolveFrom)}`)
    return createTargetResolver(cwd)
  }
}
