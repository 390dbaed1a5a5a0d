import { standbyDefaults, targetDefaults } from './defaults.js'
import type { Draft } from './draft.js'
import type { Faults } from './faults.js'
import { didYouMean } from './nearest.js'
import type { TargetPolicy } from './types.js'

type WhenOpen = NonNullable<TargetPolicy['whenOpen']>

/** The complete option `whenOpen`, with the fallback that it may need. */
export interface OpenPolicy {
  whenOpen: WhenOpen
  /** The name of a standby target, or `'stderr'`. In options without faults it is set if, and only if, `whenOpen` is `'fallback'`. */
  fallback: string | undefined
}

/**
 * The policy of each target while its breaker is not closed. A fallback that is missing, not used, unknown, not standby,
 * or part of a circle is a fault.
 *
 * A standby target always passes on lines that it cannot take, so that no other target loses lines because the standby
 * waits or skips. It does not inherit a fallback: if it is the fallback of all targets at the top level, it would be its
 * own.
 */
export function settleOpenPolicies (draft: Draft, names: readonly string[], faults: Faults): OpenPolicy[] {
  const policies = draft.targets.map((target = {}) => policyOf(target, draft.topLevel))
  for (const [index, { whenOpen, fallback }] of policies.entries()) {
    checkUse(draft, index, whenOpen, fallback, faults)
    if (whenOpen === 'fallback' && fallback !== undefined) checkFallback(draft, index, fallback, names, faults)
  }
  checkTopLevelUse(draft, policies, faults)
  checkCircles(draft, policies, names, faults)
  return policies.map(({ whenOpen, fallback }) => ({ whenOpen, fallback: whenOpen === 'fallback' ? fallback : undefined }))
}

function policyOf (target: TargetPolicy & { standby?: boolean }, topLevel: TargetPolicy): OpenPolicy {
  if (target.standby === true) return { whenOpen: standbyDefaults.whenOpen, fallback: target.fallback ?? standbyDefaults.fallback }
  return { whenOpen: target.whenOpen ?? topLevel.whenOpen ?? targetDefaults.whenOpen, fallback: target.fallback ?? topLevel.fallback }
}

function checkUse (draft: Draft, index: number, whenOpen: WhenOpen, fallback: string | undefined, faults: Faults): void {
  const fallbackAt = draft.pathOf('fallback', index)
  const whenOpenAt = draft.pathOf('whenOpen', index)
  if (faults.concern(fallbackAt) || faults.concern(whenOpenAt)) return
  const own = draft.targets[index] ?? {}
  if (own.standby === true && own.whenOpen !== undefined && own.whenOpen !== 'fallback') {
    faults.add(whenOpenAt, `expected "fallback" for a standby target, got "${own.whenOpen}"`)
  }
  if (whenOpen === 'fallback' && fallback === undefined) {
    faults.add(whenOpenAt, '"fallback" needs a fallback, the name of a standby target or "stderr"')
  }
  // An operator who turns it off with a variable for a while need not touch the fallback.
  if (whenOpen !== 'fallback' && own.fallback !== undefined && !draft.isFromEnvironment('whenOpen', index)) {
    faults.add(fallbackAt, `is used only with whenOpen "fallback", which is "${whenOpen}" here`)
  }
}

function checkTopLevelUse (draft: Draft, policies: readonly OpenPolicy[], faults: Faults): void {
  if (draft.topLevel.fallback === undefined || faults.concern('whenOpen')) return
  const used = draft.targets.some((target, index) => {
    if (target?.standby === true) return false
    return policies[index]?.whenOpen === 'fallback' || draft.isFromEnvironment('whenOpen', index) || faults.concern(draft.pathOf('whenOpen', index))
  })
  if (!used) faults.add(draft.pathOf('fallback'), 'is used only with whenOpen "fallback", which no target has')
}

function checkFallback (draft: Draft, index: number, fallback: string, names: readonly string[], faults: Faults): void {
  if (fallback === 'stderr') return
  const found = names.indexOf(fallback)
  const path = draft.pathOf('fallback', index)
  if (found === -1) {
    const standbys = names.filter((_, other) => draft.targets[other]?.standby === true)
    faults.add(path, `there is no target "${fallback}"${didYouMean(fallback, [...standbys, 'stderr'])}`)
  } else if (draft.targets[found]?.standby !== true && !faults.concern(`targets[${found}].standby`)) {
    faults.add(path, `"${fallback}" is not a standby target; give it standby: true`)
  }
}

/** Only standby targets can be part of a circle, since only they can be fallbacks. */
function checkCircles (draft: Draft, policies: readonly OpenPolicy[], names: readonly string[], faults: Faults): void {
  const next = (index: number) => names.indexOf(policies[index]?.whenOpen === 'fallback' ? policies[index].fallback ?? '' : '')
  for (const start of names.keys()) {
    if (draft.targets[start]?.standby !== true) continue
    const passed = [start]
    let index = next(start)
    while (index !== -1 && !passed.includes(index)) {
      passed.push(index)
      index = next(index)
    }
    // Each circle is reported once, at its first target.
    if (index !== start || Math.min(...passed) !== start) continue
    const circle = [...passed, start].map(member => names[member]).join(' > ')
    faults.add(draft.pathOf('fallback', start), `leads in a circle: ${circle}`)
  }
}
