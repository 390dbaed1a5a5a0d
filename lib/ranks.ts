import type { TargetSettings } from './options.js'

/** The settings by which targets are ranked. */
export type RankedTarget = Pick<TargetSettings, 'name' | 'fallback' | 'isolation' | 'source'>

/**
 * The rank of each target, by its name. Lanes end rank by rank, lowest first: a standby target ends after every target
 * whose lines it may get, and files end last, since the last diagnostics go to them.
 */
export function ranksOf (targets: readonly RankedTarget[]): ReadonlyMap<string, number> {
  const byName = new Map(targets.map(target => [target.name, target]))
  const ranks = new Map(targets.map(({ name }) => [name, 0]))
  const rankOf = (name: string): number => ranks.get(name) as number
  const fallbackOf = ({ fallback }: RankedTarget): RankedTarget | undefined => fallback === undefined ? undefined : byName.get(fallback)
  for (const target of targets) {
    let next = fallbackOf(target)
    for (let depth = 1; next !== undefined; depth++) {
      ranks.set(next.name, Math.max(rankOf(next.name), depth))
      next = fallbackOf(next)
    }
  }
  const last = Math.max(...ranks.values()) + 1
  for (const target of targets) {
    if (rankOf(target.name) === 0 && target.fallback === undefined && isInlineFile(target)) ranks.set(target.name, last)
  }
  return ranks
}

function isInlineFile ({ isolation, source }: RankedTarget): boolean {
  return isolation === 'inline' && source.kind === 'target' && source.entry.isPinoFile
}
