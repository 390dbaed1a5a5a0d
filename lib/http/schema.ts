import { Type, type Static } from '@sinclair/typebox'
import { MAX_TIMER_MS, count, milliseconds, object, oneOf, text, type Meaning } from '../options/fields.js'
import { SPLUNK_SCHEME, httpDefaults } from './defaults.js'

const secretPlace = object({
  env: Type.Optional(text({ description: 'The name of an environment variable that holds it.', 'x-default': 'none' })),
  file: Type.Optional(text({ description: 'The path of a file that holds it, without the newline at its end.', 'x-default': 'none' }))
}, { writeOnly: true })

const secret = (meaning: Partial<Meaning> = {}) => Type.Union([text(), secretPlace], { writeOnly: true, ...meaning })

const labels = (meaning: Meaning) => Type.Record(Type.String(), text(), meaning)

const auth = object({
  user: Type.Optional(secret({ description: 'The user, for HTTP\'s basic scheme.', 'x-default': 'none' })),
  password: Type.Optional(secret({ description: 'The user\'s password.', 'x-default': 'none' })),
  token: Type.Optional(secret({ description: 'A token, in place of a user.', 'x-default': 'none' })),
  scheme: Type.Optional(text({
    description: 'The word before the token, such as `ApiKey` for Elasticsearch.',
    'x-default': `\`'${httpDefaults.scheme}'\`; \`'${SPLUNK_SCHEME}'\` for the format \`splunk\``
  }))
}, { description: 'What the `authorization` header says: `{ user, password }`, or `{ token }`.', 'x-default': 'what the URL says, else none' })

const tls = object({
  ca: Type.Optional(secret({ description: 'The authorities to trust in place of the well-known ones: PEM, or the path of a file of it.', 'x-default': 'those of Node.js' })),
  cert: Type.Optional(secret({ description: 'The certificate to show: PEM, or the path of a file of it.', 'x-default': 'none' })),
  key: Type.Optional(secret({ description: 'Its private key: PEM, or the path of a file of it.', 'x-default': 'none' })),
  passphrase: Type.Optional(secret({ description: 'What the private key is encrypted with.', 'x-default': 'none' })),
  servername: Type.Optional(text({ description: 'The name that the certificate of the backend must have.', 'x-default': 'the host of the URL' })),
  rejectUnauthorized: Type.Optional(Type.Boolean({
    description: '`false`: any certificate will do, so anybody on the way can read and change what is sent.',
    default: httpDefaults.rejectUnauthorized
  }))
}, { description: 'For `https:`.', 'x-default': 'as Node.js does it' })

const elasticsearch = object({
  index: Type.Optional(text({ description: 'The index or data stream, where the path of the URL does not name it.', 'x-default': 'that of the URL' })),
  opType: Type.Optional(oneOf(['create', 'index'], {
    description: 'What is done with each line. A data stream takes `create` only.',
    default: httpDefaults.elasticsearch.opType
  })),
  ids: Type.Optional(Type.Boolean({
    description: '`true`: each line has an `_id` made from it and the id of its batch, so that a batch that is sent again adds nothing twice. A data stream, or an index in time order, is slower with it.',
    default: httpDefaults.elasticsearch.ids
  }))
}, { description: 'For the format `elasticsearch`.' })

const splunk = object({
  index: Type.Optional(text({ description: 'The index.', 'x-default': 'that of the token' })),
  host: Type.Optional(text({ description: 'The host that the events are said to come from.', 'x-default': 'what Splunk sees' })),
  source: Type.Optional(text({ description: 'Their source.', 'x-default': 'that of the token' })),
  sourcetype: Type.Optional(text({ description: 'Their source type.', 'x-default': 'that of the token' }))
}, { description: 'For the format `splunk`.' })

/** The one description of the options of `pino-breaker-fanout/http`. */
export const httpSchema = object({
  url: text({ description: 'Where lines are sent by POST: `http:` or `https:`. Without a path, `loki`, `elasticsearch` and `splunk` take their own.' }),
  format: Type.Optional(oneOf(['ndjson', 'json', 'loki', 'elasticsearch', 'splunk'], {
    description: 'What a request looks like, and what is read from its answer.',
    default: httpDefaults.format
  })),
  headers: Type.Optional(Type.Record(Type.String(), secret(), {
    description: 'Further headers, in place of those of the format where they have the same name.',
    writeOnly: true,
    'x-default': 'none'
  })),
  auth: Type.Optional(auth),
  gzip: Type.Optional(Type.Union([Type.Boolean(), object({
    level: Type.Optional(Type.Integer({ minimum: 1, maximum: 9, description: 'From the fastest to the smallest.', default: httpDefaults.gzipLevel }))
  })], { description: 'Whether requests are compressed: `true`, or `{ level }` from 1, the fastest and what `true` stands for, to 9.', default: httpDefaults.gzip })),
  labels: Type.Optional(labels({ description: 'Labels of the stream (`loki`), or indexed fields (`splunk`).', 'x-default': 'none; `{ job: \'pino\' }` for a stream of `loki` that would have no label' })),
  levelLabel: Type.Optional(Type.Union([Type.Literal(false), text()], {
    description: 'The label that bears the level of the lines (`loki`), so that each level has a stream of its own; `false` for none.',
    default: httpDefaults.levelLabel
  })),
  levelKey: Type.Optional(text({ description: 'The key of the level in a line (`loki`).', default: httpDefaults.levelKey })),
  timeKey: Type.Optional(text({
    description: 'The key of the time in a line (`loki`, `elasticsearch`, `splunk`): a number in s, ms, µs or ns, or a text in ISO 8601.',
    default: httpDefaults.timeKey
  })),
  timeoutMs: Type.Optional(milliseconds(1, MAX_TIMER_MS, {
    description: 'How long a request may take, from connecting to the end of its answer. It is of use below the target\'s `writeTimeoutMs`.',
    default: httpDefaults.timeoutMs
  })),
  concurrency: Type.Optional(count({
    description: 'How many requests a large batch is divided into, that are made side by side: the order of lines is kept within each only.',
    default: httpDefaults.concurrency
  })),
  tls: Type.Optional(tls),
  elasticsearch: Type.Optional(elasticsearch),
  splunk: Type.Optional(splunk)
}, { title: 'Options of pino-breaker-fanout/http', description: 'Give them to the target as its options.' })

/** What a user gives: the `options` of a target `pino-breaker-fanout/http`. */
export type HttpSinkOptions = Static<typeof httpSchema>

/** A text that may be secret, or the place that holds it: a variable of the environment, or a file. */
export type Secret = string | Static<typeof secretPlace>
