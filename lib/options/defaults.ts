/** The defaults that hold for the transport as a whole. */
export const fanoutDefaults = {
  dedupe: false,
  levelKey: 'level',
  parallel: true,
  diagnostics: { to: 'others', level: 'info' },
  metricsIntervalMs: 0,
  closeTimeoutMs: 5000,
  maxLineBytes: 1024 * 1024,
  env: true
} as const

/** The defaults of every target; those of its breaker are `breakerDefaults`. */
export const targetDefaults = {
  level: 'info',
  isolation: 'thread',
  queue: { maxBytes: 16 * 1024 * 1024, maxLines: 100000, overflow: 'drop-oldest', blockTimeoutMs: 2000 },
  whenOpen: 'hold',
  standby: false,
  // V8's own default of 48 is memory that each busy sink takes, for no time that could be measured.
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

/** Where `pino/file` differs: it is local and pino's own, so it is trusted to run inline and to push back. */
export const pinoFileDefaults = { isolation: 'inline', overflow: 'block' } as const

/** Where a standby target differs: what it cannot take either goes to stderr rather than wait. */
export const standbyDefaults = { whenOpen: 'fallback', fallback: 'stderr' } as const

/** Names that mean a place of their own wherever the name of a target is expected. */
export const reservedNames: readonly string[] = ['stderr', 'others']
