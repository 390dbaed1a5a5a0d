import { Type, type Static } from '@sinclair/typebox'
import { breakerDefaults } from '../breaker.js'
import { fanoutDefaults, targetDefaults } from './defaults.js'
import { MAX_TIMER_MS, count, list, milliseconds, object, oneOf, text, type Meaning } from './fields.js'

// Half of what V8 allows a string to have, so that such a line can still be joined with another.
const MAX_LINE_BYTES = 256 * 1024 * 1024

const level = (meaning: Meaning) => Type.Union([Type.Number(), text()], meaning)

const breakerSchema = object({
  enabled: Type.Boolean({
    description: '`false`: faults are still contained and the sink still restarted, but nothing is ever skipped.',
    default: breakerDefaults.enabled
  }),
  failureThreshold: count({
    description: 'How many consecutive failures trip it.',
    default: breakerDefaults.failureThreshold
  }),
  recoveryTimeoutMs: milliseconds(1, MAX_TIMER_MS, {
    description: 'How long it stays open before it probes, from the moment it opened; nothing extends it.',
    default: breakerDefaults.recoveryTimeoutMs,
    'x-plausible-from': 100
  }),
  halfOpenMaxCalls: count({
    description: 'How many probes may be in flight at once.',
    default: breakerDefaults.halfOpenMaxCalls
  }),
  successThreshold: count({
    description: 'How many successful probes close it.',
    'x-default': '`halfOpenMaxCalls`'
  }),
  backoffMultiplier: Type.Number({
    description: 'Each failed probe multiplies the wait by this.',
    default: breakerDefaults.backoffMultiplier,
    minimum: 1
  }),
  maxRecoveryTimeoutMs: milliseconds(1, MAX_TIMER_MS, {
    description: 'Where the growth by `backoffMultiplier` ends. It never makes a wait shorter than `recoveryTimeoutMs`.',
    default: breakerDefaults.maxRecoveryTimeoutMs,
    'x-plausible-from': 100
  }),
  jitter: Type.Number({
    description: 'The largest share of the wait that is added to it at random, so that many processes do not probe at once.',
    default: breakerDefaults.jitter,
    minimum: 0,
    maximum: 1
  }),
  settleMs: milliseconds(0, MAX_TIMER_MS, {
    description: 'How long an acceptance that nothing proves must stay quiet to count as a success.',
    default: breakerDefaults.settleMs,
    'x-plausible-from': 100
  }),
  mode: oneOf(['enforce', 'observe'], {
    description: '`\'observe\'`: transitions are reported, and every line still goes.',
    default: breakerDefaults.mode
  })
}, { title: 'Breaker' })

const queueSchema = object({
  maxBytes: count({
    description: 'How many bytes of lines wait or are unsettled at most.',
    default: targetDefaults.queue.maxBytes
  }),
  maxLines: count({
    description: 'How many lines wait or are unsettled at most.',
    default: targetDefaults.queue.maxLines
  }),
  overflow: oneOf(['drop-oldest', 'drop-newest', 'block'], {
    description: 'What a full queue does once it has pushed back in vain: drop its oldest lines, drop the new ones, or go on pushing back as long as there is any progress within `blockTimeoutMs`, and drop then.',
    'x-default': '`\'drop-oldest\'`; `\'block\'` for `pino/file`'
  }),
  blockTimeoutMs: milliseconds(0, MAX_TIMER_MS, {
    description: 'A full queue first pushes back while its sink would empty it within this time at its present pace, so that a burst costs a healthy sink nothing.',
    default: targetDefaults.queue.blockTimeoutMs,
    'x-plausible-from': 20
  })
}, { title: 'Queue', description: 'The bounds of what waits for a sink, and what happens beyond them.' })

const megabytes = (description: string, byDefault?: number) => Type.Number({ exclusiveMinimum: 0, description, ...byDefault !== undefined && { default: byDefault } })

const workerSchema = object({
  resourceLimits: Type.Optional(object({
    maxOldGenerationSizeMb: Type.Optional(megabytes('Size of its heap.')),
    maxYoungGenerationSizeMb: Type.Optional(megabytes('Size of the heap of its recent objects.', targetDefaults.worker.resourceLimits.maxYoungGenerationSizeMb)),
    codeRangeSizeMb: Type.Optional(megabytes('Memory for generated code.')),
    stackSizeMb: Type.Optional(megabytes('Size of its stack.'))
  }, { description: `Limits of its memory. \`maxYoungGenerationSizeMb\` is ${targetDefaults.worker.resourceLimits.maxYoungGenerationSizeMb} unless it is given.` })),
  env: Type.Optional(Type.Record(Type.String(), Type.String(), {
    description: 'Its `process.env`, in place of a copy of the app\'s.',
    writeOnly: true
  })),
  execArgv: Type.Optional(Type.Array(Type.String(), { description: 'Options of Node.js for it.' })),
  argv: Type.Optional(Type.Array(Type.String(), { description: 'What is appended to its `process.argv`.' })),
  name: Type.Optional(text({ description: 'The name of the thread, for debuggers.' }))
}, { title: 'Worker' })

const healthCheckSchema = object({
  http: Type.Optional(text({ description: 'A URL that is to answer a GET with a status below 400.', 'x-default': 'none' })),
  tcp: Type.Optional(text({ description: 'A `host:port` that is to accept a connection.', 'x-default': 'none' })),
  intervalMs: Type.Optional(milliseconds(10, MAX_TIMER_MS, { description: 'How often it is done.', default: targetDefaults.healthCheck.intervalMs, 'x-plausible-from': 100 })),
  timeoutMs: Type.Optional(milliseconds(1, MAX_TIMER_MS, { description: 'How long it may take.', default: targetDefaults.healthCheck.timeoutMs, 'x-plausible-from': 20 }))
}, { title: 'HealthCheck' })

const deadLetterSchema = object({
  path: Type.Optional(text({
    description: 'The file, which is appended to and never removed; one that several targets name is shared, each line bears its target. A relative path starts from the working directory.',
    'x-default': 'none',
    'x-env': false
  })),
  maxBytes: Type.Optional(count({
    description: 'How large the file may become. What comes then is dropped, and counted as `poison`.',
    default: targetDefaults.deadLetter.maxBytes
  }))
}, { title: 'DeadLetter' })

const spoolSchema = object({
  dir: Type.Optional(text({
    description: 'Where the spools are: each target has a folder of its own in it, made of its name. Transports with the same options may share it: each has folders of its own, `<name>`, `<name>.2`, and so on. A relative path starts from the working directory.',
    'x-default': 'none',
    'x-env': false
  })),
  maxBytes: Type.Optional(count({
    description: 'How much the disk may hold of one target; beyond it the oldest segments go, and are counted as `spool-full`.',
    default: targetDefaults.spool.maxBytes
  })),
  segmentBytes: Type.Optional(count({
    description: 'How large a segment becomes before the next is begun; half of `maxBytes` at most.',
    default: targetDefaults.spool.segmentBytes
  })),
  syncMs: Type.Optional(milliseconds(1, MAX_TIMER_MS, {
    description: 'What was written is synced after so long at the latest: a power cut costs no more.',
    default: targetDefaults.spool.syncMs,
    'x-plausible-from': 5
  })),
  mode: Type.Optional(oneOf(['open', 'always'], {
    description: '`\'open\'`: lines go to disk while the breaker is not closed, and until all of them have been replayed. `\'always\'`: every line goes through the disk first, so that a crash of the app costs only what pino had not handed over.',
    default: targetDefaults.spool.mode
  }))
}, { title: 'Spool' })

/** What may stand at a target and, as the default for every target, at the top level. */
const targetPolicy = {
  level: Type.Optional(level({
    description: 'The lowest level that is taken, as a number or a label.',
    'x-default': '`\'info\'`; everything, if it is the only target that is not standby; a standby target takes all that it is handed'
  })),
  isolation: Type.Optional(oneOf(['thread', 'inline'], {
    description: 'Where the sink runs: in a thread of its own, or in the thread of the fanout.',
    'x-default': '`\'thread\'`; `\'inline\'` for `pino/file`'
  })),
  worker: Type.Optional({
    ...workerSchema,
    description: 'Settings of the sink\'s own thread, as for `new Worker()`.',
    'x-default': 'those of Node.js',
    'x-env': false
  } as typeof workerSchema),
  breaker: Type.Optional(Type.Union([Type.Literal(false), Type.Partial(breakerSchema)], {
    title: 'Breaker',
    description: 'The circuit breaker. `false` is short for `{ enabled: false }`.'
  })),
  queue: Type.Optional(Type.Partial(queueSchema)),
  whenOpen: Type.Optional(oneOf(['hold', 'skip', 'spool', 'fallback'], {
    description: 'What becomes of lines while the breaker is not closed: they wait in the queue, they are dropped and counted, they go to disk and from there to the sink once it is back (so does what a full queue has no room for, also before that), or they go to `fallback`.',
    'x-default': '`\'hold\'`; a standby target has always `\'fallback\'`'
  })),
  fallback: Type.Optional(text({
    description: 'Who takes the lines with `whenOpen: \'fallback\'`: the name of a target with `standby: true`, or `\'stderr\'`. A standby target may name another one: a chain.',
    'x-default': 'none; `\'stderr\'` for a standby target'
  })),
  writeTimeoutMs: Type.Optional(milliseconds(1, MAX_TIMER_MS, {
    description: 'A batch that its sink has not accepted, with no progress for so long, is a failure.',
    default: targetDefaults.writeTimeoutMs,
    'x-plausible-from': 100
  })),
  startTimeoutMs: Type.Optional(milliseconds(1, MAX_TIMER_MS, {
    description: 'A factory or an import that has not settled by then is a failure.',
    default: targetDefaults.startTimeoutMs,
    'x-plausible-from': 100
  })),
  redelivery: Type.Optional(oneOf(['at-least-once', 'at-most-once'], {
    description: 'Whether lines that were handed over, and not proven to have arrived, are sent again after a failure.',
    default: targetDefaults.redelivery
  })),
  sense: Type.Optional(Type.Union([Type.Boolean(), object({
    console: Type.Optional(Type.Boolean({ description: 'Also take what the sink says by `console.error` for a failure.', default: false }))
  })], {
    title: 'Sense',
    description: 'Whether the HTTP requests and sockets of a sink in a thread of its own are watched, and what it reports of itself is heard, to see the failures that it keeps to itself.',
    default: targetDefaults.sense
  })),
  healthCheck: Type.Optional({
    ...healthCheckSchema,
    description: 'A check of the backend, apart from the sink: while it fails nothing is sent to a sink whose breaker is open, and while the breaker is closed a failed check is a failure. For a transport of which nothing can be seen.',
    'x-default': 'none',
    'x-env': false
  } as typeof healthCheckSchema),
  deadLetter: Type.Optional({
    ...deadLetterSchema,
    description: 'Where lines are kept that the backend refuses for good, while it takes others: an NDJSON file.',
    'x-default': 'none: they are dropped, and counted as `poison`'
  } as typeof deadLetterSchema),
  spool: Type.Optional({
    ...spoolSchema,
    description: 'The queue on disk, with `whenOpen: \'spool\'`.',
    'x-default': 'none'
  } as typeof spoolSchema),
  failureEvents: Type.Optional(list(text(), {
    description: 'Further events of the sink\'s stream that mean failure, beside `error` and those of the default.',
    'x-default': targetDefaults.failureEvents.map(event => `\`'${event}'\``).join(', ')
  }))
}

const source = {
  target: text({
    description: 'What to load, as in pino: an absolute path, a `file://` URL, `\'pino/file\'` or the name of a package.',
    'x-env': false
  }),
  options: Type.Optional(Type.Unknown({
    description: 'Options of the target, handed to it as they are.',
    writeOnly: true,
    'x-env': false
  }))
}

const pipeline = list(object(source, { title: 'Pipeline entry' }), {
  description: 'What lines pass through, in place of `target`: transforms, and a destination at the end.',
  minItems: 1,
  'x-env': false
})

const target = object({
  name: Type.Optional(text({
    description: 'Names the target in diagnostics, metrics, variables and `fallback`; unique.',
    'x-default': 'from the target: the name of its package, `\'file\'` for `pino/file`, or the name of its file without the extension; `-2`, `-3`, … is added to one that is taken',
    'x-env': false
  })),
  target: Type.Optional(source.target),
  options: source.options,
  pipeline: Type.Optional(pipeline),
  standby: Type.Optional(Type.Boolean({
    description: '`true`: takes lines only for those targets whose `fallback` names it.',
    default: targetDefaults.standby
  })),
  ...targetPolicy
}, {
  title: 'Target',
  description: 'A target as in pino, with a policy of its own.',
  oneOf: [{ required: ['target'] }, { required: ['pipeline'] }]
})

/** Every field that a target may have. */
export type TargetFields = Static<typeof target>

/** What may stand at a target and, as the default for every target, at the top level. */
export type TargetPolicy = Omit<TargetFields, 'name' | 'target' | 'options' | 'pipeline' | 'standby'>

/** A target as in pino, `{ target, options, level }` or `{ pipeline, level }`, with a policy of its own. */
export type TargetOptions = Omit<TargetFields, 'target' | 'options' | 'pipeline'> & (
  | { target: string, options?: unknown, pipeline?: never }
  | { pipeline: Static<typeof pipeline>, target?: never, options?: never }
)

const diagnostics = Type.Union([
  Type.Literal(false),
  object({
    to: Type.Optional(Type.Union([oneOf(['others', 'stderr']), list(text(), { minItems: 1 })], {
      description: '`\'others\'` (every target but the one concerned), `\'stderr\'`, or a list of target names.',
      default: fanoutDefaults.diagnostics.to
    })),
    level: Type.Optional(level({
      description: 'The lowest level of diagnostic records.',
      default: fanoutDefaults.diagnostics.level
    }))
  })
], { description: 'Where the transport\'s own records go; `false` turns them off.' })

/** The one description of all options: validation, types, `schema.json`, variables and the docs come from it. */
export const fanoutSchema = object({
  targets: list(Type.Unsafe<TargetOptions>(target), {
    description: 'The targets, in pino\'s own shape.',
    minItems: 1,
    'x-env': false
  }),
  levels: Type.Optional(Type.Record(Type.String(), Type.Number(), {
    description: 'Custom levels: their labels with their numbers.',
    'x-default': 'those of the logger\'s own configuration',
    'x-env': false
  })),
  dedupe: Type.Optional(Type.Boolean({
    description: 'Whether a line goes only to the targets with the highest level that it reaches.',
    default: fanoutDefaults.dedupe
  })),
  levelKey: Type.Optional(text({
    description: 'The key of the level in a line. Its value may be a number, or a label in any case.',
    default: fanoutDefaults.levelKey
  })),
  parallel: Type.Optional(Type.Boolean({
    description: '`false`: a batch goes to the sinks one after another, each awaited (or timed out) before the next.',
    default: fanoutDefaults.parallel
  })),
  diagnostics: Type.Optional(diagnostics),
  metricsIntervalMs: Type.Optional(milliseconds(0, MAX_TIMER_MS, {
    description: 'How often a snapshot is sent to the app\'s thread; 0 turns it off.',
    default: fanoutDefaults.metricsIntervalMs,
    'x-plausible-from': 20
  })),
  closeTimeoutMs: Type.Optional(milliseconds(1, 9000, {
    description: 'The one deadline for ending. pino\'s thread-stream gives up after 10 s.',
    default: fanoutDefaults.closeTimeoutMs,
    'x-plausible-from': 100
  })),
  maxLineBytes: Type.Optional(Type.Integer({
    description: 'A longer line is never split: every target counts it as received and dropped (`too-long`).',
    default: fanoutDefaults.maxLineBytes,
    minimum: 1,
    maximum: MAX_LINE_BYTES
  })),
  env: Type.Optional(Type.Boolean({
    description: 'Whether settings are read from the environment.',
    default: fanoutDefaults.env,
    'x-env': false
  })),
  resolveFrom: Type.Optional(text({
    description: 'A directory or a file (`import.meta.url`, `__filename`) from which target names are resolved first.',
    'x-default': 'none: the working directory, then this package',
    'x-env': false
  })),
  ...targetPolicy
}, { title: 'Options of pino-breaker-fanout', description: 'Give them to pino.transport() as its options.' })

/** What a user gives: the `options` of `pino.transport({ target: 'pino-breaker-fanout', options })`. */
export type FanoutOptions = Static<typeof fanoutSchema>

/** The bounds of a target's queue, as a user gives them. */
export type QueueOptions = Partial<Static<typeof queueSchema>>

/** The complete bounds of a target's queue. */
export type QueueSettings = Readonly<Static<typeof queueSchema>>

/** What a target's own thread is given. */
export type WorkerSettings = Static<typeof workerSchema>
