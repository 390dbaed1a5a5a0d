import { targetDefaults } from '../defaults.js'
import { MAX_TIMER_MS, choice, dictionary, flag, list, milliseconds, object, text } from '../fields.js'
import type { SchemaNode } from '../schema-node.js'

/** Node.js itself takes some 60 MB. */
const MIN_RSS_MB = 96
const NODES_OWN = 'that of Node.js'

function megabytes (description: string, byDefault: Pick<SchemaNode, 'default' | 'x-default'> = { 'x-default': NODES_OWN }): SchemaNode {
  return { type: 'number', exclusiveMinimum: 0, description, ...byDefault }
}

const { maxYoungGenerationSizeMb } = targetDefaults.worker.resourceLimits

/** The option `worker`. */
export const workerSchema = object({
  resourceLimits: object({
    maxOldGenerationSizeMb: megabytes('Limit for the main heap.'),
    maxYoungGenerationSizeMb: megabytes('Limit for the heap of recently made objects.', { default: maxYoungGenerationSizeMb }),
    codeRangeSizeMb: megabytes('Limit for the memory of generated code.'),
    stackSizeMb: megabytes('Limit for the stack.')
  }, {
    description: 'Memory limits of the thread, or of each thread in the process.',
    'x-default': `those of Node.js, with \`maxYoungGenerationSizeMb: ${maxYoungGenerationSizeMb}\``,
    'x-type': 'ResourceLimits'
  }),
  env: dictionary({ type: 'string' }, {
    description: '`process.env` of the thread or the process.',
    writeOnly: true,
    'x-default': 'a copy of the app\'s'
  }),
  execArgv: list({ type: 'string' }, { description: 'Command-line options of Node.js for the thread or the process.', 'x-default': 'those of the app' }),
  argv: list({ type: 'string' }, { description: 'Arguments that are appended to `process.argv` of the thread or the process.', 'x-default': 'none' }),
  name: text({ description: 'Name of the thread, for debuggers, and of the process.', 'x-default': '`pino-breaker-fanout:` and the name of the target' }),
  maxRssMb: {
    type: 'number',
    minimum: MIN_RSS_MB,
    description: 'The most memory that the process of a sink with `isolation: \'process\'` may have resident, that outside the heap included. With more, it is killed, and the sink restarted.',
    'x-default': 'no limit'
  }
}, {
  title: 'Worker',
  description: 'Settings of the sink\'s own thread or process, as for `new Worker()` of Node.js.',
  'x-default': 'those of Node.js',
  'x-env': false,
  'x-type': 'WorkerOptions'
})

/** The option `sense`. */
export const senseSchema = choice([flag(), object({
  console: flag({ description: '`true`: what the sink writes with `console.error` counts as a failure, too.', default: false })
}, { 'x-type': 'SenseOptions', description: 'What a sink is sensed by, beside its requests, its sockets and its own reports.' })], {
  title: 'Sense',
  description: '`true`: watches the HTTP requests and the sockets of a sink that has a thread of its own, and listens to what the sink reports about itself, to see failures that the sink hides.',
  default: targetDefaults.sense
})

/** The option `healthCheck`. */
export const healthCheckSchema = object({
  http: text({ description: 'URL that must answer a GET request with a status below 400. Either `http` or `tcp` is required.', 'x-default': 'none' }),
  tcp: text({ description: '`host:port` that must accept a connection.', 'x-default': 'none' }),
  intervalMs: milliseconds(10, MAX_TIMER_MS, {
    description: 'Time from one check to the next.',
    default: targetDefaults.healthCheck.intervalMs,
    'x-plausible-from': 100
  }),
  timeoutMs: milliseconds(1, MAX_TIMER_MS, {
    description: 'A check without an answer after this time has failed.',
    default: targetDefaults.healthCheck.timeoutMs,
    'x-plausible-from': 20
  })
}, {
  title: 'HealthCheck',
  description: 'Checks the backend directly, not through the sink: for a transport whose failures cannot be seen. While the check fails, an open breaker sends no probe. While the breaker is closed, a failed check counts as a failure.',
  'x-default': 'none',
  'x-env': false,
  'x-type': 'HealthCheckOptions'
})
