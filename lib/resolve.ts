import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isAbsolute, resolve, sep } from 'node:path'
import { hostPath } from './child/host-path.js'
import { isBundled } from './child/host-script.js'
import { findNeighbour } from './neighbours.js'
import { isPath, isRelative, toPath } from './paths.js'

/** A delivery sink of this package, by the name of its entry. */
export type OwnSink = 'http' | 'nats'

const OWN_SINKS: readonly OwnSink[] = ['http', 'nats']

/** The module of a target. */
export interface ResolvedTarget {
  /** An absolute path or a `file://` URL; `pino/file` itself in a bundle that has no file of it. */
  file: string
  /** True for pino's own file destination. */
  isPinoFile: boolean
  /** Which of this package's own sinks it is; `undefined` for any other. */
  ownSink: OwnSink | undefined
}

/** Finds the modules of targets. */
export interface TargetResolver {
  /** The places that it searches for a target, in order, as an error message names them. */
  placesOf: (target: string) => readonly string[]
  /** The module that a target names, or `undefined` if there is none. */
  resolve (target: string): ResolvedTarget | undefined
}

/**
 * A resolver with the rules of pino's `fixTarget()`: absolute paths and `file://` URLs are used as they are, `pino/file` is
 * pino's own, and any other name is looked up as `require()` does. Pino looks from the files that called it, which a worker
 * cannot know. This resolver looks from `resolveFrom`, the working directory and this package. In a bundle, the files beside it come first.
 *
 * @param resolveFrom - A directory, the path of a file, or a `file://` URL such as `import.meta.url`
 */
export function createTargetResolver (cwd: string, resolveFrom?: string): TargetResolver {
  const given = resolveFrom === undefined ? [] : [toPath(resolveFrom, cwd)]
  const places = [...given, cwd]
  const fromPlaces = [...given.map(lookupBase), cwd + sep].map(base => createRequire(base))
  const fromPackage = createRequire(hostPath)
  const pinoFile = find('pino/file', [fromPackage, ...fromPlaces])

  function locate (origin: string): string | undefined {
    if (isPath(origin)) return exists(origin, fromPackage) ? origin : undefined
    if (origin === 'pino/file') return pinoFile ?? (isBundled ? origin : undefined)
    return find(origin, isRelative(origin) ? fromPlaces : [...fromPlaces, fromPackage])
  }

  /** Looked for only where a target is another path. */
  function ownSinkAt (file: string): OwnSink | undefined {
    return OWN_SINKS.find(sink => {
      const own = find(nameOf(sink), [fromPackage])
      return own !== undefined && [`esm/${sink}.js`, `cjs/${sink}.cjs`].some(entry => resolve(own, '../..', entry) === file)
    })
  }

  return {
    placesOf: target => isRelative(target) ? places : [...places, 'pino-breaker-fanout'],
    resolve (target) {
      const file = locate(bundlerOverride(target) ?? findNeighbour(target) ?? target)
      if (file === undefined) return undefined
      const isPinoFile = target === 'pino/file' || toPath(file, cwd) === pinoFile
      return { file, isPinoFile, ownSink: OWN_SINKS.find(sink => target === nameOf(sink)) ?? (isPinoFile ? undefined : ownSinkAt(toPath(file, cwd))) }
    }
  }
}

/** The name by which a target names a sink of this package. */
function nameOf (sink: OwnSink): string {
  return `pino-breaker-fanout/${sink}`
}

/**
 * Finds a package of the app, as targets are found: from places of the app first, then from this package.
 *
 * @param places - Directories, paths of files, or `file://` URLs
 * @returns the absolute path of its main module, or `undefined` if it is not installed
 */
export function findPackage (name: string, places: readonly string[]): string | undefined {
  return findNeighbour(name) ?? find(name, [...places.map(place => createRequire(lookupBase(toPath(place, process.cwd())))), createRequire(hostPath)])
}

/** `createRequire()` looks from the directory of a file. A directory needs a separator at its end. */
function lookupBase (place: string): string {
  try {
    return statSync(place).isDirectory() ? place + sep : place
  } catch {
    // Nothing is there, or it may not be read. A target beside it may be found all the same.
    return place
  }
}

function find (name: string, lookups: NodeJS.Require[]): string | undefined {
  for (const lookup of lookups) {
    try {
      const found = lookup.resolve(name)
      // A module of Node.js resolves to its bare name. It is no transport.
      if (isAbsolute(found)) return found
    } catch {
      // The next place may have it.
    }
  }
  return undefined
}

/** Also true for a path without its extension, and for a folder with an index, as with `require()`. */
function exists (origin: string, lookup: NodeJS.Require): boolean {
  try {
    return find(toPath(origin, sep), [lookup]) !== undefined
  } catch {
    // A `file://` URL that names no path.
    return false
  }
}

/** The new place of a module that a bundler has moved. Bundlers for pino, such as esbuild-plugin-pino, set it in a global. */
function bundlerOverride (target: string): string | undefined {
  const overrides: unknown = Reflect.get(globalThis, '__bundlerPathsOverrides')
  if (typeof overrides !== 'object' || overrides === null || !Object.hasOwn(overrides, target)) return undefined
  const override: unknown = Reflect.get(overrides, target)
  return typeof override === 'string' ? override : undefined
}
