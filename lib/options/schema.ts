import { fanoutDefaults } from './defaults.js'
import { MAX_TIMER_MS, choice, dictionary, flag, level, list, milliseconds, object, off, oneOf, text } from './fields.js'
import { monitorSchema } from './schema/monitor.js'
import { policyFields } from './schema/policy.js'
import { targetSchema } from './schema/target.js'

// Half of the longest string that V8 allows, so that a line of this size can still be joined with another.
const MAX_LINE_BYTES = 256 * 1024 * 1024

const diagnosticsSchema = object({
  to: choice([oneOf(['others', 'stderr']), list(text(), { minItems: 1 })], {
    description: '`\'others\'`: every target except the one that a record is about. Otherwise `\'stderr\'`, or a list of target names.',
    default: fanoutDefaults.diagnostics.to
  }),
  level: level({
    description: 'Lowest level of the records, as a number or a label.',
    default: fanoutDefaults.diagnostics.level
  })
}, { description: 'Where the transport\'s own records go.', 'x-type': 'DiagnosticsOptions' })

const flushSchema = object({
  until: oneOf(['accepted', 'delivered'], {
    description: '`\'accepted\'`: until every sink has accepted the lines, and its own `flush` is done. `\'delivered\'`: until it is known that they have arrived, too; for a sink that proves nothing, until its lines count as delivered, which takes `breaker.settleMs` or, in a thread, until it is known that nothing can be seen of it.',
    default: fanoutDefaults.flush.until
  }),
  timeoutMs: milliseconds(1, MAX_TIMER_MS, {
    description: 'Calls back after this time in any case.',
    default: fanoutDefaults.flush.timeoutMs,
    'x-plausible-from': 100
  })
}, {
  title: 'Flush',
  description: 'How long `logger.flush()` waits. Sinks whose breakers are not closed are passed over; for a sink that spools, lines that are synced to the disk are enough.',
  'x-default': 'the defaults of its settings',
  'x-type': 'FlushOptions'
})

/**
 * The one description of the transport's options. Validation, types, `schema.json`, environment variables and the docs
 * are made from it.
 */
export const fanoutSchema = object({
  targets: list(targetSchema, {
    description: 'The targets, in the shape of pino\'s own `targets`.',
    minItems: 1,
    'x-env': false
  }),
  levels: dictionary({ type: 'number' }, {
    description: 'Custom levels: the number of each label.',
    'x-default': 'those of the logger',
    'x-env': false
  }),
  dedupe: flag({
    description: '`true`: a line goes only to the targets with the highest level that it reaches.',
    default: fanoutDefaults.dedupe
  }),
  levelKey: text({
    description: 'Key of the level in a line. Its value may be a number, or a label in upper or lower case.',
    default: fanoutDefaults.levelKey
  }),
  parallel: flag({
    description: '`false`: sinks get a batch one after another. The next gets it once the one before has accepted it or timed out.',
    default: fanoutDefaults.parallel
  }),
  diagnostics: choice([off, diagnosticsSchema], {
    description: 'Where the transport\'s own records go. `false` turns them off.',
    'x-default': 'on, with the defaults of its settings'
  }),
  metricsIntervalMs: milliseconds(0, MAX_TIMER_MS, {
    description: 'How often a metrics snapshot is sent to the app\'s thread. 0 turns snapshots off.',
    default: fanoutDefaults.metricsIntervalMs,
    'x-plausible-from': 20
  }),
  monitor: monitorSchema,
  flush: flushSchema,
  closeTimeoutMs: milliseconds(1, 9000, {
    description: 'Time for everything that happens at the end. Nothing extends it. pino\'s thread-stream waits for 10 s at most.',
    default: fanoutDefaults.closeTimeoutMs,
    'x-plausible-from': 100
  }),
  maxLineBytes: {
    type: 'integer',
    minimum: 1,
    maximum: MAX_LINE_BYTES,
    description: 'Limit for the size of a line. A longer one is dropped as a whole: every target counts it as received, and as dropped (`too-long`).',
    default: fanoutDefaults.maxLineBytes
  },
  env: flag({
    description: '`true`: environment variables set options, too.',
    default: fanoutDefaults.env,
    'x-env': false
  }),
  resolveFrom: text({
    description: 'Directory or file (`import.meta.url`, `__filename`) from which target names are resolved first.',
    'x-default': 'none: they are resolved from the working directory, then from this package',
    'x-env': false
  }),
  ...policyFields
}, {
  title: 'Options of pino-breaker-fanout',
  description: 'The `options` of `pino.transport({ target: \'pino-breaker-fanout\', options })`.',
  required: ['targets'],
  'x-type': 'FanoutOptions',
  'x-extends': 'TargetPolicy'
})
