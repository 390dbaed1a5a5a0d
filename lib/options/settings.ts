import { breakerDefaults, type BreakerSettings } from '../breaker.js'
import type { ResolvedTarget } from '../resolve.js'
import { pinoFileDefaults, targetDefaults } from './defaults.js'
import type { DeadLetterSettings } from './dead-letters.js'
import type { OpenPolicy } from './fallbacks.js'
import type { HealthCheckSettings } from './health-checks.js'
import type { SpoolSettings } from './spools.js'
import type { QueueSettings, TargetFields, TargetPolicy, WorkerSettings } from './schema.js'

/** What to load, and what to hand to it. */
export interface SourceEntry extends ResolvedTarget {
  /** The user's own object, handed on as it is. */
  options: unknown
}

/** What a sink is made from. */
export type TargetSource =
  | { kind: 'target', entry: SourceEntry }
  | { kind: 'pipeline', entries: readonly SourceEntry[] }

/** The complete settings of one target. */
export interface TargetSettings {
  /** Unique among the targets. */
  name: string
  source: TargetSource
  /** The lowest level taken: a number, a label that may only be known later, or `-Infinity` for everything. */
  level: number | string
  isolation: 'thread' | 'inline'
  /** Without the defaults for a sink that has no thread to itself. */
  worker: WorkerSettings
  breaker: BreakerSettings
  queue: QueueSettings
  whenOpen: 'hold' | 'skip' | 'spool' | 'fallback'
  /** The name of a standby target, or `'stderr'`; set if, and only if, `whenOpen` is `'fallback'`. */
  fallback: string | undefined
  standby: boolean
  writeTimeoutMs: number
  startTimeoutMs: number
  redelivery: 'at-least-once' | 'at-most-once'
  /** `false` where the sink has no thread to itself. */
  sense: false | { console: boolean }
  healthCheck: HealthCheckSettings | undefined
  /** Where lines go that the sink refuses for good; `undefined`: they are dropped. */
  deadLetter: DeadLetterSettings | undefined
  /** The queue on disk; set if, and only if, `whenOpen` is `'spool'`. */
  spool: SpoolSettings | undefined
  failureEvents: readonly string[]
}

/** The complete settings of the transport, deeply frozen but for the targets' own options. */
export interface FanoutSettings {
  targets: readonly TargetSettings[]
  /** `undefined`: those of the logger's configuration. */
  levels: Readonly<Record<string, number>> | undefined
  dedupe: boolean
  levelKey: string
  parallel: boolean
  diagnostics: false | DiagnosticsSettings
  metricsIntervalMs: number
  closeTimeoutMs: number
  maxLineBytes: number
  /** Whether pino will send its configuration after the start. */
  pinoWillSendConfig: boolean
  /** What is no fault, but not what somebody meant either: each a sentence. */
  warnings: readonly string[]
}

/** Where diagnostic records go. */
export interface DiagnosticsSettings {
  to: 'others' | 'stderr' | readonly string[]
  level: string | number
}

/** What has been found out about a target before its settings are put together. */
export interface TargetFacts {
  name: string
  source: TargetSource
  openPolicy: OpenPolicy
  healthCheck: HealthCheckSettings | undefined
  deadLetter: DeadLetterSettings | undefined
  spool: SpoolSettings | undefined
  /** What it takes if no level is given and it is not standby. */
  defaultLevel: number | string
}

/** A target's own options, those of the top level and the defaults, in this order, as one complete value. */
export function settleTarget (own: TargetFields, topLevel: TargetPolicy, { name, source, openPolicy, healthCheck, deadLetter, spool, defaultLevel }: TargetFacts): TargetSettings {
  const isPinoFile = source.kind === 'target' && source.entry.isPinoFile
  const queueDefaults = isPinoFile ? { ...targetDefaults.queue, overflow: pinoFileDefaults.overflow } : targetDefaults.queue
  const isolation = own.isolation ?? topLevel.isolation ?? (isPinoFile ? pinoFileDefaults.isolation : targetDefaults.isolation)
  return {
    name,
    source,
    level: own.standby === true ? -Infinity : own.level ?? topLevel.level ?? defaultLevel,
    isolation,
    worker: settleWorker(isolation === 'thread' ? targetDefaults.worker : {}, own.worker, topLevel.worker),
    breaker: settleBreaker(own.breaker, topLevel.breaker),
    queue: { ...queueDefaults, ...topLevel.queue, ...own.queue },
    ...openPolicy,
    standby: own.standby ?? targetDefaults.standby,
    writeTimeoutMs: own.writeTimeoutMs ?? topLevel.writeTimeoutMs ?? targetDefaults.writeTimeoutMs,
    startTimeoutMs: own.startTimeoutMs ?? topLevel.startTimeoutMs ?? targetDefaults.startTimeoutMs,
    redelivery: own.redelivery ?? topLevel.redelivery ?? targetDefaults.redelivery,
    // A file tells itself of each write.
    sense: isolation === 'thread' && !isPinoFile && settleSense(own.sense ?? topLevel.sense ?? targetDefaults.sense),
    healthCheck,
    deadLetter,
    spool,
    failureEvents: [...new Set([...targetDefaults.failureEvents, ...own.failureEvents ?? topLevel.failureEvents ?? []])]
  }
}

function settleBreaker (own: TargetPolicy['breaker'], topLevel: TargetPolicy['breaker']): BreakerSettings {
  // A target that says what its breaker is like wants one, also where there is none by default.
  const given = own === false || (own === undefined && topLevel === false) ? { enabled: false } : { ...topLevel || {}, ...own }
  const successThreshold = given.halfOpenMaxCalls ?? breakerDefaults.successThreshold
  return { ...breakerDefaults, successThreshold, ...given }
}

function settleSense (given: boolean | { console?: boolean }): TargetSettings['sense'] {
  return given !== false && { console: given !== true && given.console === true }
}

function settleWorker (defaults: WorkerSettings, own: WorkerSettings = {}, topLevel: WorkerSettings = {}): WorkerSettings {
  const resourceLimits = { ...defaults.resourceLimits, ...topLevel.resourceLimits, ...own.resourceLimits }
  return { ...topLevel, ...own, ...Object.keys(resourceLimits).length > 0 && { resourceLimits } }
}
