import type { WorkerOptions as NodeWorkerOptions } from 'node:worker_threads'
import { breakerDefaults, type BreakerSettings } from '../breaker.js'
import type { BatchSettings } from '../batching.js'
import type { Match } from '../match/match.js'
import type { ResolvedTarget } from '../resolve.js'
import { httpSinkDefaults, pinoFileDefaults, targetDefaults } from './defaults.js'
import type { DeadLetterSettings } from './dead-letters.js'
import type { TargetFields } from './draft.js'
import type { OpenPolicy } from './fallbacks.js'
import type { HealthCheckSettings } from './health-checks.js'
import { settleMatch } from './match.js'
import type { MonitorSettings } from './monitor.js'
import type { SpoolSettings } from './spools.js'
import type { DiagnosticsOptions, FanoutOptions, FlushOptions, QueueOptions, SenseOptions, TargetPolicy, WorkerOptions } from './types.js'

/** A module to load, and its options. */
export interface SourceEntry extends ResolvedTarget {
  /** The target as the user has named it. */
  target: string
  /** The user's own object, handed on unchanged. */
  options: unknown
}

/** The modules that a sink is made from. */
export type TargetSource =
  | { kind: 'target', entry: SourceEntry }
  | { kind: 'pipeline', entries: readonly SourceEntry[] }

/** The complete option `queue`. Without a `protectLevel`, all lines are alike. */
export type QueueSettings = Readonly<Required<Omit<QueueOptions, 'protectLevel'>> & Pick<QueueOptions, 'protectLevel'>>

/** The option `worker`: what Node.js takes, and what only a process has. */
export type WorkerSettings = Pick<NodeWorkerOptions, Exclude<keyof WorkerOptions, 'maxRssMb'>> & Pick<WorkerOptions, 'maxRssMb'>

/** Options that a target's settings have unchanged, each complete. */
type PlainPolicy = Pick<Required<TargetPolicy>, 'isolation' | 'writeTimeoutMs' | 'startTimeoutMs' | 'redelivery' | 'failureEvents'>

/** The complete settings of one target. */
export interface TargetSettings extends PlainPolicy, OpenPolicy {
  /** Unique among the targets. */
  name: string
  source: TargetSource
  /** The lowest level taken: a number, a label whose number may be known only later, or `-Infinity` for all levels. */
  level: number | string
  /** Conditions for the content of its lines; `undefined` for none. */
  match: Match | undefined
  /** Without defaults for a sink that runs inline. */
  worker: WorkerSettings
  breaker: BreakerSettings
  queue: QueueSettings
  batch: BatchSettings
  standby: boolean
  /** `false` for a sink that runs inline. */
  sense: false | Required<SenseOptions>
  healthCheck: HealthCheckSettings | undefined
  /** `undefined`: lines that the sink refuses for good are dropped. */
  deadLetter: DeadLetterSettings | undefined
  /** Set if, and only if, `whenOpen` is `'spool'`. */
  spool: SpoolSettings | undefined
}

/** Options of the transport that its settings have unchanged, each complete. */
type PlainOptions = Pick<Required<FanoutOptions>, 'dedupe' | 'levelKey' | 'parallel' | 'metricsIntervalMs' | 'closeTimeoutMs' | 'maxLineBytes'>

/** The complete settings of the transport, deeply frozen except for the targets' own options. */
export interface FanoutSettings extends PlainOptions {
  targets: readonly TargetSettings[]
  /** `undefined`: those of the logger's configuration. */
  levels: Readonly<Record<string, number>> | undefined
  diagnostics: false | DiagnosticsSettings
  /** `undefined`: there is no monitor. */
  monitor: MonitorSettings | undefined
  flush: FlushSettings
  /** Whether pino sends its configuration after the start. */
  pinoWillSendConfig: boolean
  /** Sentences about options that work, but probably not as they were meant. */
  warnings: readonly string[]
}

/** The complete option `diagnostics`. */
export type DiagnosticsSettings = Required<DiagnosticsOptions>

/** The complete option `flush`. */
export type FlushSettings = Required<FlushOptions>

/** Facts about a target that its settings are made from. */
export interface TargetFacts {
  name: string
  source: TargetSource
  openPolicy: OpenPolicy
  healthCheck: HealthCheckSettings | undefined
  deadLetter: DeadLetterSettings | undefined
  spool: SpoolSettings | undefined
  /** The level of a target that has no level option and is not standby. */
  defaultLevel: number | string
}

/** Combines a target's own options, those of the top level and the defaults, in this order, into complete settings. */
export function settleTarget (own: TargetFields, topLevel: TargetPolicy, { name, source, openPolicy, healthCheck, deadLetter, spool, defaultLevel }: TargetFacts): TargetSettings {
  const isPinoFile = source.kind === 'target' && source.entry.isPinoFile
  const isHttpSink = source.kind === 'target' && source.entry.ownSink === 'http'
  const queueDefaults = isPinoFile ? { ...targetDefaults.queue, overflow: pinoFileDefaults.overflow } : targetDefaults.queue
  const isolation = own.isolation ?? topLevel.isolation ?? (isPinoFile ? pinoFileDefaults.isolation : targetDefaults.isolation)
  return {
    name,
    source,
    level: own.standby === true ? -Infinity : own.level ?? topLevel.level ?? defaultLevel,
    match: own.standby === true ? undefined : settleMatch(own.match),
    isolation,
    worker: settleWorker(isolation !== 'inline' ? targetDefaults.worker : {}, own.worker, topLevel.worker),
    breaker: settleBreaker(own.breaker, topLevel.breaker),
    batch: { ...targetDefaults.batch, ...isHttpSink && httpSinkDefaults.batch, ...topLevel.batch, ...own.batch },
    queue: { ...queueDefaults, ...topLevel.queue, ...own.queue },
    ...openPolicy,
    standby: own.standby ?? targetDefaults.standby,
    writeTimeoutMs: own.writeTimeoutMs ?? topLevel.writeTimeoutMs ?? targetDefaults.writeTimeoutMs,
    startTimeoutMs: own.startTimeoutMs ?? topLevel.startTimeoutMs ?? targetDefaults.startTimeoutMs,
    redelivery: own.redelivery ?? topLevel.redelivery ?? targetDefaults.redelivery,
    // A file reports each of its writes.
    sense: isolation !== 'inline' && !isPinoFile && settleSense(own.sense ?? topLevel.sense ?? targetDefaults.sense),
    healthCheck,
    deadLetter,
    spool,
    failureEvents: [...new Set([...targetDefaults.failureEvents, ...own.failureEvents ?? topLevel.failureEvents ?? []])]
  }
}

function settleBreaker (own: TargetPolicy['breaker'], topLevel: TargetPolicy['breaker']): BreakerSettings {
  // A target with settings for its breaker wants one, even if the top level turns breakers off.
  const given = own === false || (own === undefined && topLevel === false) ? { enabled: false } : { ...topLevel || {}, ...own }
  const successThreshold = given.halfOpenMaxCalls ?? breakerDefaults.successThreshold
  return { ...breakerDefaults, successThreshold, ...given }
}

function settleSense (given: NonNullable<TargetPolicy['sense']>): TargetSettings['sense'] {
  return given !== false && { console: given !== true && given.console === true }
}

function settleWorker (defaults: Pick<WorkerOptions, 'resourceLimits'>, own: WorkerOptions = {}, topLevel: WorkerOptions = {}): WorkerSettings {
  const resourceLimits = { ...defaults.resourceLimits, ...topLevel.resourceLimits, ...own.resourceLimits }
  return { ...topLevel, ...own, ...Object.keys(resourceLimits).length > 0 && { resourceLimits } } as WorkerSettings
}
