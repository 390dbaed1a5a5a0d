import { LevelNames } from '../levels.js'
import type { Draft, TargetFields } from './draft.js'
import { fanoutSchema } from './schema.js'
import { propertiesOf, type SchemaNode } from './schema-node.js'
import type { FanoutSettings, TargetSettings } from './settings.js'

/** Warns of options that have no effect beside the others, each in a sentence. */
export function warnOfNoEffect (targets: readonly TargetSettings[], draft: Draft, diagnostics: FanoutSettings['diagnostics']): string[] {
  const levels = new LevelNames(draft.topLevel.levels ?? {})
  const named = new Set(targets.map(({ fallback }) => fallback))
  const addressed = diagnostics === false || typeof diagnostics.to === 'string' ? [] : diagnostics.to
  const { monitor } = draft.topLevel
  const ofMonitor = monitor !== false && monitor?.socket !== undefined && monitor.host !== undefined ? ['The host of the monitor has no effect: it listens on a socket.'] : []
  const ofTargets = targets.flatMap(({ name, level, standby, isolation, worker, breaker, queue: { protectLevel } }, index) => {
    const warnings: string[] = []
    const own = draft.targets[index]
    const { recoveryTimeoutMs, maxRecoveryTimeoutMs, backoffMultiplier } = breaker
    if (backoffMultiplier > 1 && maxRecoveryTimeoutMs <= recoveryTimeoutMs) {
      warnings.push(`The backoffMultiplier of the target "${name}" has no effect: its maxRecoveryTimeoutMs, ${maxRecoveryTimeoutMs}, is not above its recoveryTimeoutMs, ${recoveryTimeoutMs}.`)
    }
    if (isolation === 'inline' && own?.sense !== undefined && own.sense !== false) warnings.push(`The sense of the target "${name}" has no effect: it runs inline.`)
    if (standby && !named.has(name) && !addressed.includes(name)) warnings.push(`The standby target "${name}" gets no lines: it is nobody's fallback.`)
    if (standby && own?.level !== undefined) warnings.push(`The level of the standby target "${name}" has no effect: it takes what it is handed.`)
    if (standby && own?.match !== undefined) warnings.push(`The match of the standby target "${name}" has no effect: it takes what it is handed.`)
    if (isolation === 'inline' && Object.keys(worker).length > 0) warnings.push(`The worker settings of the target "${name}" have no effect: it runs inline.`)
    if (isolation === 'thread' && own?.worker?.maxRssMb !== undefined) warnings.push(`The worker.maxRssMb of the target "${name}" has no effect: it runs in a thread; only isolation: "process" has such a limit.`)
    const [lowest, protectedFrom] = [levels.valueOf(level), levels.valueOf(protectLevel)]
    if (own?.queue?.protectLevel !== undefined && lowest !== undefined && protectedFrom !== undefined && protectedFrom <= lowest) {
      warnings.push(`The queue.protectLevel of the target "${name}" has no effect: it protects every line that the target takes.`)
    }
    if (own?.queue?.protectLevel !== undefined && protectedFrom === Infinity) warnings.push(`The queue.protectLevel of the target "${name}" has no effect: no line has the level "silent".`)
    return warnings
  })
  return [...ofMonitor, ...ofTargets]
}

/**
 * Warns of durations so short that they were probably meant in seconds: each in a sentence with its path, or with the
 * environment variable that set it. 0 is never one of them: it turns something off.
 */
export function warnOfShortDurations (draft: Draft): string[] {
  const topLevel = propertiesOf(fanoutSchema)
  const target = propertiesOf(topLevel['targets']?.items ?? {})
  return [
    ...shortIn(topLevel, draft.topLevel, '', draft),
    ...draft.targets.flatMap((fields, index) => shortIn(target, fields ?? {}, `targets[${index}].`, draft))
  ]
}

function shortIn (properties: Readonly<Record<string, SchemaNode>>, values: object | TargetFields, prefix: string, draft: Draft): string[] {
  return Object.entries(values).flatMap(([key, value]: [string, unknown]) => {
    const node = properties[key]
    if (node === undefined) return []
    if (typeof value === 'object' && value !== null) return shortIn(propertiesOf(node), value, `${prefix}${key}.`, draft)
    const { 'x-plausible-from': plausible } = node
    if (plausible === undefined || typeof value !== 'number' || value === 0 || value >= plausible) return []
    return [`${draft.placeOf(prefix + key)} is ${value} ms; did you mean ${value * 1000}?`]
  })
}
