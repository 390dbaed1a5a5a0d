// What may be written as options, and what the compiler refuses. Compiled, never run.
import pino from 'pino'
import type { BreakerOptions, FanoutOptions, QueueOptions, TargetOptions } from 'pino-breaker-fanout'
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
    { name: 'console', target: 'pino-pretty', standby: true, breaker: false }
  ],
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

// What pino takes as its own targets is taken as it is.
const pinoTargets = [{ target: 'pino/file', level: 'info', options: { destination: 1 } }, { target: 'pino-pretty', level: 'warn', options: {} }] satisfies pino.TransportTargetOptions[]
export const migrated: FanoutOptions = { targets: pinoTargets }
export const migratedByType = (targets: pino.TransportTargetOptions[]): FanoutOptions => ({ targets })
export const quiet: FanoutOptions = { targets: pinoTargets, diagnostics: false }
export const onStderr: FanoutOptions = { targets: pinoTargets, diagnostics: { to: 'stderr' } }
export const frozen: FanoutOptions = { targets: Object.freeze([...pinoTargets]) }

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
// @ts-expect-error diagnostics are on or `false`
export const diagnostics: FanoutOptions = { targets: pinoTargets, diagnostics: true }

sameType<QueueOptions['overflow'], 'drop-oldest' | 'drop-newest' | 'block' | undefined>()
sameType<TargetOptions['whenOpen'], 'hold' | 'skip' | 'spool' | 'fallback' | undefined>()
sameType<TargetOptions['level'], string | number | undefined>()
sameType<FanoutOptions['targets'], readonly TargetOptions[]>()
