import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isAbsolute, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hostPath } from '#host'

const HTTP_SINK = 'pino-breaker-fanout/http'

/** Where a target was found. */
export interface ResolvedTarget {
  /** An absolute path or a `file://` URL. */
  file: string
  /** Whether it is pino's own file destination. */
  isPinoFile: boolean
}

/** Finds what the names of targets stand for. */
export interface TargetResolver {
  /** The places that it looks at, in order, as they may be told to a user. */
  readonly places: readonly string[]
  /** What a target's name stands for, or `undefined` if there is nothing. */
  resolve (target: string): ResolvedTarget | undefined
  /** Whether a target, by its name or by where it was found, is this package's own HTTP sink. */
  isHttpSink (target: string, file: string): boolean
}

/**
 * A resolver with the rules of pino's `fixTarget()`: absolute paths and `file://` URLs stand for themselves, `pino/file`
 * for pino's own, all else is looked up as `require()` does. Where pino looks from the files that called it, which a
 * worker cannot know, this one looks from `resolveFrom`, the working directory and this package.
 *
 * @param resolveFrom a directory, the path of a file, or a `file://` URL such as `import.meta.url`
 */
export function createTargetResolver (cwd: string, resolveFrom?: string): TargetResolver {
  const given = resolveFrom === undefined ? [] : [toPath(resolveFrom, cwd)]
  const places = [...given, cwd]
  const fromPlaces = [...given.map(lookupBase), cwd + sep].map(base => createRequire(base))
  const fromPackage = createRequire(hostPath)
  // The builds have a package.json each, which knows no exports: what this package itself exports is found from above them.
  const fromOwnRoot = createRequire(resolve(hostPath, '../../../../../package.json'))
  const httpEntries = ['esm', 'cjs'].map(format => resolve(hostPath, '../../../..', format, 'lib/http.js'))
  const pinoFile = find('pino/file', [fromPackage, ...fromPlaces])

  function locate (origin: string): string | undefined {
    if (isPath(origin)) return exists(origin, fromPackage) ? origin : undefined
    if (origin === 'pino/file') return pinoFile
    return find(origin, isRelative(origin) ? fromPlaces : [...fromPlaces, fromPackage, fromOwnRoot])
  }

  return {
    isHttpSink: (target, file) => target === HTTP_SINK || httpEntries.includes(toPath(file, cwd)),
    places: [...places, 'pino-breaker-fanout'],
    resolve (target) {
      const file = locate(bundlerOverride(target) ?? target)
      return file === undefined ? undefined : { file, isPinoFile: target === 'pino/file' || toPath(file, cwd) === pinoFile }
    }
  }
}

/** Whether a target is given as a place in the file system rather than by a name. */
export function isPath (target: string): boolean {
  return isAbsolute(target) || target.startsWith('file://')
}

/** Whether a target is given as a file beside the one that names it. */
export function isRelative (target: string): boolean {
  return /^\.\.?[/\\]/.test(target)
}

/**
 * The path that a `file://` URL or a path, relative to the working directory, means.
 *
 * @throws TypeError for a `file://` URL that means no path
 */
export function toPath (place: string, cwd: string): string {
  return place.startsWith('file://') ? fileURLToPath(place) : resolve(cwd, place)
}

/** `createRequire()` looks from the directory of a file; of a directory it has to be told that it is one. */
function lookupBase (place: string): string {
  try {
    return statSync(place).isDirectory() ? place + sep : place
  } catch {
    // Nothing is there, or it must not be looked at; what is beside it may be found all the same.
    return place
  }
}

function find (name: string, lookups: NodeJS.Require[]): string | undefined {
  for (const lookup of lookups) {
    try {
      const found = lookup.resolve(name)
      // A module of Node.js itself resolves to its bare name, and is no transport.
      if (isAbsolute(found)) return found
    } catch {
      // Not from here; perhaps from the next place.
    }
  }
  return undefined
}

/** Also true of a path without its extension, and of a folder with an index, as for `require()`. */
function exists (origin: string, lookup: NodeJS.Require): boolean {
  try {
    return find(toPath(origin, sep), [lookup]) !== undefined
  } catch {
    // A `file://` URL that means no path.
    return false
  }
}

/** Bundlers that move pino's workers say where they went in a global, as esbuild-plugin-pino does. */
function bundlerOverride (target: string): string | undefined {
  const overrides: unknown = Reflect.get(globalThis, '__bundlerPathsOverrides')
  if (typeof overrides !== 'object' || overrides === null || !Object.hasOwn(overrides, target)) return undefined
  const override: unknown = Reflect.get(overrides, target)
  return typeof override === 'string' ? override : undefined
}
