import { isBuiltin } from 'node:module'
import { didYouMean } from './nearest.js'

/** Targets that are there without a package of their own. */
const ownTargets = ['pino/file', 'pino-breaker-fanout/http', 'pino-breaker-fanout/nats']

/**
 * The end of a message about a target that was not found: what to do. Empty if nothing helps for certain.
 *
 * @param places - Where the target was looked for
 */
export function remedyFor (target: string, places: readonly string[]): string {
  // A relative path that was looked for from two places was looked for from resolveFrom too.
  if (/^\.\.?[\\/]/.test(target)) return places.length > 1 ? '' : '; to look beside your code, set resolveFrom: import.meta.url, or __filename'
  const ownTarget = didYouMean(target, ownTargets)
  if (ownTarget !== '') return ownTarget
  return /^(@[\w.-]+\/)?\w[\w.-]*$/.test(target) && !isBuiltin(target) ? '; is its package installed?' : ''
}
