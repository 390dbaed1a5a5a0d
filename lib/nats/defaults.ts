/** The defaults of the NATS sink. */
export const natsDefaults = {
  mode: 'line',
  window: 256,
  timeoutMs: 5000,
  levelKey: 'level',
  storage: 'file',
  replicas: 1,
  discard: 'old'
} as const
