// What may be written as options, and what the compiler refuses. Compiled, never run.
import pino from 'pino'
import type { BreakerOptions, BreakerSettings, DeadLetterOptions, DiagnosticsOptions, FanoutOptions, HealthCheckOptions, MatchOperators, MonitorOptions, PipelineTarget, QueueOptions, SenseOptions, SingleTarget, SpoolOptions, TargetOptions, TargetPolicy, WorkerOptions } from 'pino-breaker-fanout'
import { sameType } from './expect.js'

const everything: FanoutOptions = {
  targets: [
    { target: 'pino/file', options: { destination: 'app.log' } },
    {
      name: 'loki',
      target: 'pino-loki',
      level: 'warn',
      options: { host: 'http://loki:3100' },
      isolation: 'thread',
      worker: { resourceLimits: { maxOldGenerationSizeMb: 64 }, env: { TZ: 'UTC' }, execArgv: ['--no-warnings'] },
      breaker: { failureThreshold: 3, recoveryTimeoutMs: 1000, mode: 'observe' },
      queue: { maxBytes: 1024, maxLines: 10, overflow: 'drop-newest', blockTimeoutMs: 10 },
      whenOpen: 'fallback',
      fallback: 'console',
      writeTimeoutMs: 1,
      startTimeoutMs: 1,
      redelivery: 'at-most-once',
      failureEvents: ['socketError']
    },
    { pipeline: [{ target: './transform.js' }, { target: 'pino/file' }], level: 30 },
    { target: 'pino-seq', whenOpen: 'spool', spool: { dir: 'spool', maxBytes: 1, segmentBytes: 1, syncMs: 1, mode: 'always' }, sense: { console: true } },
    { target: 'pino-socket', healthCheck: { tcp: 'logs:514', intervalMs: 10, timeoutMs: 1 }, deadLetter: { path: 'dead.ndjson', maxBytes: 1 }, sense: false },
    { target: 'pino-syslog', match: { module: ['audit', 'billing'], tenant: { not: 'test' }, url: { prefix: ['/api', '/rpc'], exists: true }, user: null, retries: 0, done: false } },
    { name: 'console', target: 'pino-pretty', standby: true, breaker: false }
  ],
  monitor: { port: { from: 9464, to: 9473 }, host: '::', token: 'secret', actions: true },
  levels: { audit: 35 },
  dedupe: true,
  levelKey: 'severity',
  parallel: false,
  diagnostics: { to: ['console'], level: 'warn' },
  metricsIntervalMs: 1000,
  closeTimeoutMs: 5000,
  maxLineBytes: 1024,
  env: false,
  resolveFrom: import.meta.url,
  level: 'debug',
  breaker: { failureThreshold: 5 },
  queue: { maxLines: 5 },
  whenOpen: 'hold'
}
pino.transport<FanoutOptions>({ target: 'pino-breaker-fanout', options: everything })
// @ts-expect-error pino passes the type of the options on
pino.transport<FanoutOptions>({ target: 'pino-breaker-fanout', options: { targets: [{ target: 'pino/file' }], closeTimeout: 5000 } })

// What pino takes as its own targets is taken as it is.
const pinoTargets = [{ target: 'pino/file', level: 'info', options: { destination: 1 } }, { target: 'pino-pretty', level: 'warn', options: {} }] satisfies pino.TransportTargetOptions[]
export const migrated: FanoutOptions = { targets: pinoTargets }
export const migratedByType = (targets: pino.TransportTargetOptions[]): FanoutOptions => ({ targets })
export const quiet: FanoutOptions = { targets: pinoTargets, diagnostics: false }
export const onStderr: FanoutOptions = { targets: pinoTargets, diagnostics: { to: 'stderr' } }
export const frozen: FanoutOptions = { targets: Object.freeze([...pinoTargets]) }

export const operators: MatchOperators = { not: [1, 'a', null], prefix: 'a', exists: true }
// @ts-expect-error a key within an object cannot be matched
export const matchesWithin: FanoutOptions = { targets: [{ target: 'pino/file', match: { req: { url: '/api' } } }] }
// @ts-expect-error a regular expression is no value of a match
export const matchesRegExp: FanoutOptions = { targets: [{ target: 'pino/file', match: { url: /api/ } }] }
// @ts-expect-error a prefix is a text
export const matchesNumber: FanoutOptions = { targets: [{ target: 'pino/file', match: { url: { prefix: 5 } } }] }
// @ts-expect-error a match belongs to a target
export const matchesAll: FanoutOptions = { targets: pinoTargets, match: { module: 'audit' } }

// @ts-expect-error there must be targets
export const noTargets: FanoutOptions = {}
// @ts-expect-error a target needs a target or a pipeline
export const nothing: TargetOptions = { name: 'nothing' }
// @ts-expect-error it cannot be both
export const both: TargetOptions = { target: 'pino/file', pipeline: [{ target: 'pino/file' }] }
// @ts-expect-error there is no such policy
export const policy: TargetOptions = { target: 'pino/file', whenOpen: 'explode' }
// @ts-expect-error durations are numbers
export const duration: BreakerOptions = { recoveryTimeoutMs: '30s' }
// @ts-expect-error there is no such option
export const misspelt: BreakerOptions = { failureTreshold: 5 }
// @ts-expect-error `true` says nothing about a breaker
export const breaker: TargetOptions = { target: 'pino/file', breaker: true }
// @ts-expect-error a destination is a target's own option
export const misplaced: TargetOptions = { target: 'pino/file', destination: 'app.log' }
// @ts-expect-error a target's name belongs to a target
export const topLevelName: FanoutOptions = { targets: pinoTargets, name: 'all' }
// @ts-expect-error a range of ports has two ends
export const halfRange: MonitorOptions = { port: { from: 9464 } }
// @ts-expect-error diagnostics are on or `false`
export const diagnostics: FanoutOptions = { targets: pinoTargets, diagnostics: true }

// @ts-expect-error a step of a pipeline has its own options
export const pipelineOptions: TargetOptions = { pipeline: [{ target: 'pino/file' }], options: {} }
// @ts-expect-error a step of a pipeline has no policy
export const pipelinePolicy: TargetOptions = { pipeline: [{ target: 'pino/file', level: 'warn' }] }
// @ts-expect-error a spool is an object
export const spool: TargetOptions = { target: 'pino/file', spool: './spool' }
// @ts-expect-error `false` says nothing about a queue
export const queue: TargetOptions = { target: 'pino/file', queue: false }
// @ts-expect-error a level is a number or a label
export const level: TargetPolicy = { level: ['warn'] }
// @ts-expect-error settings of a breaker do not change
export const changed = (settings: BreakerSettings) => { settings.jitter = 1 }

// Lists may be constant, and types may be put together by hand.
export const constant = { targets: [{ target: 'pino/file', worker: { execArgv: ['--no-warnings'] }, failureEvents: ['x'] }], diagnostics: { to: ['file'] } } as const satisfies FanoutOptions
export const assembled = (target: SingleTarget | PipelineTarget, worker: WorkerOptions, spool: SpoolOptions, deadLetter: DeadLetterOptions, healthCheck: HealthCheckOptions, sense: SenseOptions, diagnostics: DiagnosticsOptions): FanoutOptions => (
  { targets: [{ ...target, worker, spool, deadLetter, healthCheck, sense }], diagnostics }
)

sameType<QueueOptions['overflow'], 'drop-oldest' | 'drop-newest' | 'block' | undefined>()
sameType<TargetOptions['whenOpen'], 'hold' | 'skip' | 'spool' | 'fallback' | undefined>()
sameType<TargetOptions['level'], string | number | undefined>()
sameType<FanoutOptions['targets'], readonly TargetOptions[]>()
sameType<FanoutOptions['monitor'], false | MonitorOptions | undefined>()
sameType<FanoutOptions['breaker'], false | BreakerOptions | undefined>()
sameType<BreakerSettings['mode'], 'enforce' | 'observe'>()
sameType<TargetOptions, SingleTarget | PipelineTarget>()
