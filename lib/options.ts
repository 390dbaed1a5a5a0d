import { fanoutDefaults, targetDefaults } from './options/defaults.js'
import { settleDeadLetters } from './options/dead-letters.js'
import { settleDiagnostics } from './options/diagnostics.js'
import { Draft } from './options/draft.js'
import { readEnvironment } from './options/env.js'
import { settleOpenPolicies } from './options/fallbacks.js'
import { Faults } from './options/faults.js'
import { settleHealthChecks } from './options/health-checks.js'
import { settleMonitor } from './options/monitor.js'
import { nameTargets } from './options/names.js'
import { warnOfRates } from './options/rate-warnings.js'
import { settleTarget, type FanoutSettings } from './options/settings.js'
import { checkSharedFiles } from './options/shared-files.js'
import { settleSources } from './options/sources.js'
import { settleSpools } from './options/spools.js'
import { checkTargetOptions } from './options/target-options.js'
import { warnOfNoEffect, warnOfShortDurations } from './options/warnings.js'

export type { BreakerOptions, BreakerSettings } from './breaker.js'
export type { DeadLetterSettings } from './options/dead-letters.js'
export type { HealthCheckSettings } from './options/health-checks.js'
export type { MonitorSettings } from './options/monitor.js'
export { fanoutSchema } from './options/schema.js'
export type { DiagnosticsSettings, FanoutSettings, QueueSettings, SourceEntry, TargetSettings, TargetSource, WorkerSettings } from './options/settings.js'
export type { SpoolSettings } from './options/spools.js'
export type { DeadLetterOptions, DiagnosticsOptions, FanoutOptions, HealthCheckOptions, MatchOperators, MonitorOptions, PipelineEntry, PipelineTarget, PortRange, QueueOptions, ResourceLimits, SenseOptions, SingleTarget, SpoolOptions, TargetOptions, TargetPolicy, WorkerOptions } from './options/types.js'

/** The outside that options depend on; by default that of the process. */
export interface OptionsContext {
  env?: NodeJS.ProcessEnv
  cwd?: string
}

/**
 * Makes complete settings from what a user gave and what the environment says.
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
  const monitor = settleMonitor(draft, cwd, faults)
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
    monitor,
    flush: { ...fanoutDefaults.flush, ...topLevel.flush },
    metricsIntervalMs: topLevel.metricsIntervalMs ?? fanoutDefaults.metricsIntervalMs,
    closeTimeoutMs: topLevel.closeTimeoutMs ?? fanoutDefaults.closeTimeoutMs,
    maxLineBytes: topLevel.maxLineBytes ?? fanoutDefaults.maxLineBytes,
    pinoWillSendConfig,
    warnings: [...environment.warnings, ...targetWarnings, ...warnOfShortDurations(draft), ...warnOfNoEffect(targets, draft, diagnostics), ...warnOfRates(targets, draft)]
  })
}

function withoutPinosKeys (input: unknown): { options: unknown, pinoWillSendConfig: boolean } {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return { options: input, pinoWillSendConfig: false }
  const { $context, pinoWillSendConfig, ...options } = input as Record<string, unknown>
  return { options: unspread(options), pinoWillSendConfig: pinoWillSendConfig === true }
}

/** Undoes what pino does to options that are a list or a text: it spreads them into an object with their indexes as keys. */
function unspread (options: Record<string, unknown>): unknown {
  const keys = Object.keys(options)
  if (keys.length === 0 || !keys.every(key => /^\d+$/.test(key))) return options
  const items = Object.values(options)
  return items.every(item => typeof item === 'string' && item.length <= 2) ? items.join('') : items
}

/** Without faults, nothing is missing. */
function known<Value> (value: Value | undefined): Value {
  if (value === undefined) throw new TypeError('a target without faults is incomplete')
  return value
}

/** Stops at what is frozen already: a source entry is, so the user's own object in it stays as it is. */
function deepFreeze<Value> (value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(deepFreeze)
  }
  return value
}
