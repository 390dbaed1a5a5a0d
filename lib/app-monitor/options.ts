import { Faults } from '../options/faults.js'
import type { SchemaNode } from '../options/schema-node.js'
import { validate } from '../options/validation.js'
import type { MonitorOptions } from './types.js'

/** Complete options of a monitor. */
export type MonitorSettings = Readonly<Required<MonitorOptions>>

const defaults: MonitorSettings = { snapshotIntervalMs: 1000, answerTimeoutMs: 1000, reopenOnSighup: false }

const schema: SchemaNode = {
  type: 'object',
  additionalProperties: false,
  properties: {
    snapshotIntervalMs: { type: 'integer', minimum: 10, maximum: 2 ** 31 - 1 },
    answerTimeoutMs: { type: 'integer', minimum: 10, maximum: 60000 },
    reopenOnSighup: { type: 'boolean' }
  }
}

/**
 * @param getsSignals - False outside the main thread
 * @throws FanoutError `ERR_FANOUT_OPTIONS` that lists all faults
 */
export function parseMonitorOptions (input: unknown, getsSignals: boolean): MonitorSettings {
  const faults = new Faults()
  const settings = { ...defaults, ...validate(schema, input, '', faults) as MonitorOptions | undefined }
  if (settings.reopenOnSighup && !getsSignals) faults.add('reopenOnSighup', 'signals reach the main thread only, and this is another one')
  faults.throwIfAny()
  return Object.freeze(settings)
}
