import { fanoutDefaults, targetDefaults } from './options/defaults.js'
import { settleDeadLetters } from './options/dead-letters.js'
import { Draft } from './options/draft.js'
import { warnOfShortDurations } from './options/durations.js'
import { readEnvironment } from './options/env.js'
import { settleOpenPolicies } from './options/fallbacks.js'
import { Faults } from './options/faults.js'
import { settleHealthChecks } from './options/health-checks.js'
import { nameTargets } from './options/names.js'
import { didYouMean } from './options/nearest.js'
import { settleTarget, type FanoutSettings, type TargetSettings } from './options/settings.js'
import { checkSharedFiles } from './options/shared-files.js'
import { settleSpools } from './options/spools.js'
import { settleSources } from './options/sources.js'
import { checkTargetOptions } from './options/target-options.js'

export type { BreakerOptions, BreakerSettings } from './breaker.js'
export { fanoutSchema } from './options/schema.js'
export type { DeadLetterSettings } from './options/dead-letters.js'
export type { HealthCheckSettings } from './options/health-checks.js'
export type { SpoolSettings } from './options/spools.js'
export type { DiagnosticsSettings, FanoutSettings, QueueSettings, SourceEntry, TargetSettings, TargetSource, WorkerSettings } from './options/settings.js'
export type { FanoutOptions, TargetOptions } from './options/types.js'

/** The outside that options depend on; each part defaults to the real thing. */
export interface OptionsContext {
  env?: NodeJS.ProcessEnv
  cwd?: string
}

/**
 * Turns what a user gave, and what the environment says, into complete settings.
 *
 * @param input what pino hands to a transport: the user's options, and two keys of pino's own
 * @throws FanoutError `ERR_FANOUT_OPTIONS` that tells all faults at once, each on a line with its path
 */
export function parseOptions (input: unknown, { env = process.env, cwd = process.cwd() }: OptionsContext = {}): FanoutSettings {
  const faults = new Faults()
  const { options, pinoWillSendConfig } = withoutPinosKeys(input)
  const draft = new Draft(options, faults)
  const { topLevel } = draft

  const names = nameTargets(draft.targets, faults)
  const environment = topLevel.env === false || faults.concern('env') ? { settings: [], warnings: [] } : readEnvironment(env, names, faults)
  draft.apply(environment.settings)

  const sources = settleSources(draft, cwd, env, faults)
  const openPolicies = settleOpenPolicies(draft, names, faults)
  const healthChecks = settleHealthChecks(draft, faults)
  const deadLetters = settleDeadLetters(draft, cwd, faults)
  const spools = settleSpools(draft, openPolicies, names, cwd, faults)
  const diagnostics = settleDiagnostics(draft, names, faults)
  const targetWarnings = [
    ...checkTargetOptions(draft, sources, faults),
    ...checkSharedFiles(draft, { sources, deadLetters, spools }, cwd, faults)
  ]
  const takers = draft.targets.filter(target => target?.standby !== true).length
  if (takers === 0 && draft.targets.length > 0) faults.add('targets', 'at least one must not be standby')
  faults.throwIfAny()

  const targets = draft.targets.map((target, index) => settleTarget(known(target), topLevel, {
    name: known(names[index]),
    source: known(sources[index]),
    openPolicy: known(openPolicies[index]),
    healthCheck: healthChecks[index],
    deadLetter: deadLetters[index],
    spool: spools[index],
    defaultLevel: takers === 1 ? -Infinity : targetDefaults.level
  }))
  return deepFreeze({
    targets,
    levels: topLevel.levels,
    dedupe: topLevel.dedupe ?? fanoutDefaults.dedupe,
    levelKey: topLevel.levelKey ?? fanoutDefaults.levelKey,
    parallel: topLevel.parallel ?? fanoutDefaults.parallel,
    diagnostics,
    metricsIntervalMs: topLevel.metricsIntervalMs ?? fanoutDefaults.metricsIntervalMs,
    closeTimeoutMs: topLevel.closeTimeoutMs ?? fanoutDefaults.closeTimeoutMs,
    maxLineBytes: topLevel.maxLineBytes ?? fanoutDefaults.maxLineBytes,
    pinoWillSendConfig,
    warnings: [...environment.warnings, ...targetWarnings, ...warnOfShortDurations(draft), ...warningsOf(targets, draft, diagnostics)]
  })
}

function withoutPinosKeys (input: unknown): { options: unknown, pinoWillSendConfig: boolean } {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return { options: input, pinoWillSendConfig: false }
  const { $context, pinoWillSendConfig, ...options } = input as Record<string, unknown>
  return { options: unspread(options), pinoWillSendConfig: pinoWillSendConfig === true }
}

/** pino makes an object of any options: that of a list or a text has its places for keys. */
function unspread (options: Record<string, unknown>): unknown {
  const keys = Object.keys(options)
  if (keys.length === 0 || !keys.every(key => /^\d+$/.test(key))) return options
  const items = Object.values(options)
  return items.every(item => typeof item === 'string' && item.length <= 2) ? items.join('') : items
}

function settleDiagnostics (draft: Draft, names: readonly string[], faults: Faults): FanoutSettings['diagnostics'] {
  if (draft.topLevel.diagnostics === false) return false
  const diagnostics = { ...fanoutDefaults.diagnostics, ...draft.topLevel.diagnostics }
  if (typeof diagnostics.to === 'string') return diagnostics
  for (const [index, name] of diagnostics.to.entries()) {
    if (names.includes(name)) continue
    faults.add(`${draft.placeOf('diagnostics.to')}[${index}]`, `there is no target "${name}"${didYouMean(name, names)}`)
  }
  return diagnostics
}

function warningsOf (targets: readonly TargetSettings[], draft: Draft, diagnostics: FanoutSettings['diagnostics']): string[] {
  const named = new Set(targets.map(({ fallback }) => fallback))
  const addressed = diagnostics === false || typeof diagnostics.to === 'string' ? [] : diagnostics.to
  return targets.flatMap(({ name, standby, isolation, worker, breaker }, index) => {
    const warnings: string[] = []
    const own = draft.targets[index]
    const { recoveryTimeoutMs, maxRecoveryTimeoutMs, backoffMultiplier } = breaker
    if (backoffMultiplier > 1 && maxRecoveryTimeoutMs <= recoveryTimeoutMs) {
      warnings.push(`The backoffMultiplier of the target "${name}" has no effect: its maxRecoveryTimeoutMs, ${maxRecoveryTimeoutMs}, is not above its recoveryTimeoutMs, ${recoveryTimeoutMs}.`)
    }
    if (isolation === 'inline' && own?.sense !== undefined && own.sense !== false) warnings.push(`The sense of the target "${name}" has no effect: it runs inline.`)
    if (standby && !named.has(name) && !addressed.includes(name)) warnings.push(`The standby target "${name}" gets no lines: it is nobody's fallback.`)
    if (standby && own?.level !== undefined) warnings.push(`The level of the standby target "${name}" has no effect: it takes what it is handed.`)
    if (isolation === 'inline' && Object.keys(worker).length > 0) warnings.push(`The worker settings of the target "${name}" have no effect: it runs inline.`)
    return warnings
  })
}

/** Where nothing is wrong, everything is there. */
function known<Value> (value: Value | undefined): Value {
  if (value === undefined) throw new TypeError('a target without faults is incomplete')
  return value
}

/** What is frozen already stays as it is: a source entry is, and so the user's own object in it is never reached. */
function deepFreeze<Value> (value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(deepFreeze)
  }
  return value
}
