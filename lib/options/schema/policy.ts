import { targetDefaults } from '../defaults.js'
import { MAX_TIMER_MS, choice, level, list, milliseconds, object, off, oneOf, text } from '../fields.js'
import { breakerSchema } from './breaker.js'
import { deadLetterSchema, spoolSchema } from './disk.js'
import { batchSchema, queueSchema } from './queue.js'
import { healthCheckSchema, senseSchema, workerSchema } from './sink.js'

/** The fields that a target and the top level both have. */
export const policyFields = {
  level: level({
    description: 'Lowest level that the target takes, as a number or a label.',
    'x-default': '`\'info\'`; all levels, if no other target takes lines (standby targets aside); a standby target takes every line that it is given'
  }),
  isolation: oneOf(['thread', 'inline', 'process'], {
    description: 'Where the sink runs. `\'thread\'`: in a thread of its own. `\'inline\'`: in that of the transport. `\'process\'`: in a process of its own.',
    'x-default': '`\'thread\'`; `\'inline\'` for `pino/file`'
  }),
  worker: workerSchema,
  breaker: choice([off, breakerSchema], {
    title: 'Breaker',
    description: 'The circuit breaker. `false` is short for `{ enabled: false }`.',
    'x-default': 'on, with the defaults of its settings'
  }),
  queue: queueSchema,
  batch: batchSchema,
  whenOpen: oneOf(['hold', 'skip', 'spool', 'fallback'], {
    description: 'Decides about lines while the breaker is not closed. `\'hold\'`: they wait in the queue. `\'skip\'`: they are dropped and counted. `\'spool\'`: they go to disk, and from there to the sink once it is back; so do lines that a full queue has no room for, even while the breaker is closed. `\'fallback\'`: they go to `fallback`.',
    'x-default': '`\'hold\'`; always `\'fallback\'` for a standby target'
  }),
  fallback: text({
    description: 'Who takes the lines with `whenOpen: \'fallback\'`: the name of a target with `standby: true`, or `\'stderr\'`. A standby target may name another standby target in turn.',
    'x-default': 'none; `\'stderr\'` for a standby target'
  }),
  writeTimeoutMs: milliseconds(1, MAX_TIMER_MS, {
    description: 'A batch that the sink has not accepted is a failure once the sink has made no progress for this time.',
    default: targetDefaults.writeTimeoutMs,
    'x-plausible-from': 100
  }),
  startTimeoutMs: milliseconds(1, MAX_TIMER_MS, {
    description: 'An import or a factory of the sink that has not settled after this time is a failure.',
    default: targetDefaults.startTimeoutMs,
    'x-plausible-from': 100
  }),
  redelivery: oneOf(['at-least-once', 'at-most-once'], {
    description: 'Decides about lines that a sink was given before it failed, and that are not known to have arrived. `\'at-least-once\'`: they are sent again, so some may arrive twice. `\'at-most-once\'`: they are not, so some may be lost.',
    default: targetDefaults.redelivery
  }),
  sense: senseSchema,
  healthCheck: healthCheckSchema,
  deadLetter: deadLetterSchema,
  spool: spoolSchema,
  failureEvents: list(text(), {
    description: 'Further events of the sink\'s stream that count as failures, in addition to `error` and the default ones.',
    'x-default': targetDefaults.failureEvents.map(event => `\`'${event}'\``).join(', ')
  })
}

/** Options of a target that the top level takes too. */
export const policySchema = object(policyFields, {
  description: 'Options of a target. The top level takes them too, as the default for every target.',
  'x-type': 'TargetPolicy'
})
