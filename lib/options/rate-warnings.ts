import type { Draft } from './draft.js'
import type { TargetSettings } from './settings.js'

/** Options that say how `failureRate` and `slowMs` count, and do nothing by themselves. */
const COMPANIONS = ['slowRate', 'windowMs', 'minimumAttempts'] as const

/** Warns of options for the rates of a breaker that have no effect beside the others, each in a sentence. */
export function warnOfRates (targets: readonly TargetSettings[], draft: Draft): string[] {
  const ofTopLevel = idleIn(draft.topLevel.breaker, targets).map(key => `The ${key} of the breaker has no effect: no target has ${key === 'slowRate' ? 'a slowMs' : 'a failureRate or a slowMs'}.`)
  return [...ofTopLevel, ...targets.flatMap((target, index) => target.breaker.enabled ? ofTarget(target, draft.targets[index]?.breaker) : [])]
}

function ofTarget (target: TargetSettings, given: object | false | undefined): string[] {
  const { name, breaker: { failureRate, slowMs, windowMs, minimumAttempts }, batch, writeTimeoutMs } = target
  const warnings = idleIn(given, [target]).map(key => `The ${key} of the target "${name}" has no effect: its breaker has no ${key === 'slowRate' ? 'slowMs' : 'failureRate and no slowMs'}.`)
  if (slowMs !== undefined && slowMs >= writeTimeoutMs) {
    warnings.push(`The slowMs of the target "${name}", ${slowMs}, is not below its writeTimeoutMs, ${writeTimeoutMs}: an attempt that takes so long fails before it is slow.`)
  }
  // A batch that has failed is sent again without gathering.
  if (failureRate !== undefined && minimumAttempts * batch.maxMs * (1 - failureRate) > windowMs) {
    warnings.push(`The failureRate of the target "${name}" may have no effect: it gathers lines for ${batch.maxMs} ms (batch.maxMs), and ${windowMs} ms (windowMs) are too short for ${minimumAttempts} attempts (minimumAttempts).`)
  }
  return warnings
}

/** The given companions of rates that none of the targets has. */
function idleIn (given: object | false | undefined, targets: readonly TargetSettings[]): string[] {
  if (given === undefined || given === false) return []
  const breakers = targets.map(({ breaker }) => breaker).filter(({ enabled }) => enabled)
  const hasSlowMs = breakers.some(({ slowMs }) => slowMs !== undefined)
  const hasAny = hasSlowMs || breakers.some(({ failureRate }) => failureRate !== undefined)
  return COMPANIONS.filter(key => Object.hasOwn(given, key) && !(key === 'slowRate' ? hasSlowMs : hasAny))
}
