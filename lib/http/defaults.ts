/** The defaults of the HTTP sink. */
export const httpDefaults = {
  format: 'ndjson',
  gzip: false,
  /** zlib's fastest level: log lines are so repetitive that higher levels gain little and cost much. */
  gzipLevel: 1,
  levelLabel: 'level',
  levelKey: 'level',
  timeKey: 'time',
  timeoutMs: 8000,
  concurrency: 1,
  scheme: 'Bearer',
  rejectUnauthorized: true,
  elasticsearch: { opType: 'create', ids: false },
  traceKeys: { traceId: 'trace_id', spanId: 'span_id', traceFlags: 'trace_flags' }
} as const

/** The scheme of a token in Splunk's own `authorization` header. */
export const SPLUNK_SCHEME = 'Splunk'
