/** The defaults of the transport as a whole. */
export const fanoutDefaults = {
  dedupe: false,
  levelKey: 'level',
  parallel: true,
  diagnostics: { to: 'others', level: 'info' },
  metricsIntervalMs: 0,
  monitor: { host: '127.0.0.1', actions: false },
  flush: { until: 'accepted', timeoutMs: 5000 },
  closeTimeoutMs: 5000,
  maxLineBytes: 1024 * 1024,
  env: true
} as const

/** The defaults of every target; those of its breaker are `breakerDefaults`. */
export const targetDefaults = {
  level: 'info',
  isolation: 'thread',
  queue: { maxBytes: 16 * 1024 * 1024, maxLines: 100000, overflow: 'drop-oldest', blockTimeoutMs: 2000 },
  batch: { maxMs: 0, maxBytes: 512 * 1024 },
  whenOpen: 'hold',
  standby: false,
  // With V8's own default of 48 each busy sink takes more memory, and is not measurably faster.
  worker: { resourceLimits: { maxYoungGenerationSizeMb: 12 } },
  writeTimeoutMs: 10000,
  startTimeoutMs: 10000,
  redelivery: 'at-least-once',
  sense: true,
  healthCheck: { intervalMs: 10000, timeoutMs: 2000 },
  spool: { maxBytes: 1024 * 1024 * 1024, segmentBytes: 16 * 1024 * 1024, syncMs: 1000, mode: 'open' },
  deadLetter: { maxBytes: 64 * 1024 * 1024 },
  failureEvents: ['insertError', 'socketError', 'socketClose', 'reconnectFailure', 'drop']
} as const

/** Defaults of `pino/file`: it is local and pino's own, so it is trusted to run inline and to push back. */
export const pinoFileDefaults = { isolation: 'inline', overflow: 'block' } as const

/** Defaults of this package's own HTTP sink: a request for each line of a quiet app would cost its backend more than the lines. */
export const httpSinkDefaults = { batch: { maxMs: 1000 } } as const

/** Defaults of a standby target: lines that it cannot take go to stderr, and do not wait. */
export const standbyDefaults = { whenOpen: 'fallback', fallback: 'stderr' } as const

/** Names that no target may have: they have a meaning of their own where the name of a target is expected. */
export const reservedNames: readonly string[] = ['stderr', 'others']
