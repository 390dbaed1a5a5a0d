import { MAX_TIMER_MS, choice, count, dictionary, flag, milliseconds, object, off, oneOf, text, type Meaning } from '../options/fields.js'
import type { SchemaNode } from '../options/schema-node.js'
import { SPLUNK_SCHEME, httpDefaults } from './defaults.js'
import type { SecretPlace } from './types.js'

/** A text that may be secret, or the place that it is read from: an environment variable or a file. */
export type Secret = string | SecretPlace

const secretPlace = object({
  env: text({ description: 'Name of an environment variable that holds the secret. Either `env` or `file` is required.', 'x-default': 'none' }),
  file: text({ description: 'Path of a file that holds the secret; a newline at its end is removed.', 'x-default': 'none' })
}, {
  description: 'Where a secret is read from.',
  writeOnly: true,
  'x-type': 'SecretPlace'
})

/** A text that may be secret, or its place. */
export function secret (meaning: Meaning = {}): SchemaNode {
  return choice([text(), secretPlace], { writeOnly: true, ...meaning })
}

const auth = object({
  user: secret({ description: 'User of HTTP\'s basic scheme. Needs `password`.', 'x-default': 'none' }),
  password: secret({ description: 'Password of the user.', 'x-default': 'none' }),
  token: secret({ description: 'Token, in place of a user.', 'x-default': 'none' }),
  scheme: text({
    description: 'Word before the token, such as `ApiKey` for Elasticsearch.',
    'x-default': `\`'${httpDefaults.scheme}'\`; \`'${SPLUNK_SCHEME}'\` for the format \`splunk\``
  })
}, {
  description: 'Content of the `authorization` header: `{ user, password }`, or `{ token }` with or without a `scheme`.',
  'x-default': 'user and password of the URL, else none',
  'x-type': 'AuthOptions',
  // A token may stand where the object should.
  writeOnly: true
})

/** TLS settings of a sink. */
export const tls = object({
  ca: secret({ description: 'Certificate authorities to trust in place of the well-known ones: PEM, or the path of a PEM file.', 'x-default': 'those of Node.js' }),
  cert: secret({ description: 'Client certificate: PEM, or the path of a PEM file. Needs `key`.', 'x-default': 'none' }),
  key: secret({ description: 'Private key of the client certificate: PEM, or the path of a PEM file.', 'x-default': 'none' }),
  passphrase: secret({ description: 'Passphrase of the private key.', 'x-default': 'none' }),
  servername: text({ description: 'Name that the backend\'s certificate must have.', 'x-default': 'the host of the URL' }),
  rejectUnauthorized: flag({
    description: '`false` accepts any certificate: whoever stands between the sink and the backend can then read and change the lines.',
    default: httpDefaults.rejectUnauthorized
  })
}, {
  description: 'TLS settings, for `https:` URLs.',
  'x-default': 'those of Node.js',
  'x-type': 'TlsOptions',
  // So may a private key.
  writeOnly: true
})

const elasticsearch = object({
  index: text({ description: 'Index or data stream. Required if the path of the URL does not name it. `{date}` stands for the day of each line in UTC, `2026-11-28`; `{date:YYYY.MM}` has a form of its own.', 'x-default': 'that of the URL' }),
  opType: oneOf(['create', 'index'], {
    description: 'Bulk action for each line. A data stream accepts only `create`.',
    default: httpDefaults.elasticsearch.opType
  }),
  ids: flag({
    description: '`true`: the `_id` of a line is its own id, so a line that is sent again is not added twice. Slower for data streams and for time series.',
    default: httpDefaults.elasticsearch.ids
  })
}, {
  description: 'Settings of the format `elasticsearch`.',
  'x-default': 'the defaults of its settings',
  'x-type': 'ElasticsearchOptions'
})

const splunk = object({
  index: text({ description: 'Index of the events.', 'x-default': 'that of the token' }),
  host: text({ description: 'Host of the events.', 'x-default': 'the one that Splunk sees' }),
  source: text({ description: 'Source of the events.', 'x-default': 'that of the token' }),
  sourcetype: text({ description: 'Source type of the events.', 'x-default': 'that of the token' }),
  channel: text({ description: 'Channel of the requests, a GUID: `x-splunk-request-channel`. Tokens with indexer acknowledgment require one.', 'x-default': 'a new one at each start of the sink' })
}, {
  description: 'Settings of the format `splunk`.',
  'x-default': 'the defaults of its settings',
  'x-type': 'SplunkOptions'
})

const otlp = object({
  resource: dictionary(text(), {
    description: 'Attributes of the resource, such as `service.name`. `process.pid` and `host.name` come from each line, unless they are given here.',
    'x-default': '`service.name` is `unknown_service:node`'
  }),
  traceKeys: object({
    traceId: text({ description: 'Key of the trace id: 32 hexadecimal digits.', default: httpDefaults.traceKeys.traceId }),
    spanId: text({ description: 'Key of the span id: 16 hexadecimal digits.', default: httpDefaults.traceKeys.spanId }),
    traceFlags: text({ description: 'Key of the trace flags: two hexadecimal digits, or a number.', default: httpDefaults.traceKeys.traceFlags })
  }, {
    description: 'Keys of the trace context in a line.',
    'x-default': 'those that OpenTelemetry\'s instrumentation of pino writes',
    'x-type': 'OtlpTraceKeys'
  }),
  messageKey: text({ description: 'Key of the message, which becomes the body.', 'x-default': 'that of the app\'s logger, else `\'msg\'`' }),
  errorKey: text({ description: 'Key of an error, which becomes the attributes `exception.*`.', 'x-default': 'that of the app\'s logger, else `\'err\'`' })
}, {
  description: 'Settings of the format `otlp`.',
  'x-default': 'the defaults of its settings',
  'x-type': 'OtlpOptions'
})

const gzip = object({
  level: { type: 'integer', minimum: 1, maximum: 9, description: 'Level of compression: 1 is the fastest, 9 the smallest.', default: httpDefaults.gzipLevel }
}, {
  description: 'How requests are compressed.',
  'x-type': 'GzipOptions'
})

/** The one description of the options of `pino-breaker-fanout/http`. Validation, types and the docs are made from it. */
export const httpSchema = object({
  url: text({ description: 'Where lines are sent by POST: an `http:` or `https:` URL. If it has no path, the formats `loki`, `elasticsearch`, `splunk` and `otlp` use that of their API.' }),
  format: oneOf(['ndjson', 'json', 'loki', 'elasticsearch', 'splunk', 'otlp'], {
    description: 'Form of a request, and what is read from its answer.',
    default: httpDefaults.format
  }),
  headers: dictionary(secret(), {
    description: 'Further headers. They replace headers of the format that have the same name.',
    writeOnly: true,
    'x-default': 'none'
  }),
  auth,
  gzip: choice([flag(), gzip], {
    description: `Compresses requests. \`true\` is short for \`{ level: ${httpDefaults.gzipLevel} }\`; levels go from 1 (fastest) to 9 (smallest).`,
    default: httpDefaults.gzip
  }),
  labels: dictionary(text(), {
    description: 'Labels of the streams (`loki`), or indexed fields (`splunk`).',
    'x-default': 'none; `{ job: \'pino\' }` for a stream of `loki` that would have no label'
  }),
  levelLabel: choice([off, text()], {
    description: 'Label for the level of the lines (`loki`): each level has a stream of its own. `false` for none.',
    default: httpDefaults.levelLabel
  }),
  levelKey: text({ description: 'Key of the level in a line (`loki`, `otlp`).', default: httpDefaults.levelKey }),
  timeKey: text({
    description: 'Key of the time in a line (`loki`, `elasticsearch`, `splunk`, `otlp`). Its value is a number of s, ms, µs or ns, or a text in ISO 8601.',
    default: httpDefaults.timeKey
  }),
  timeoutMs: milliseconds(1, MAX_TIMER_MS, {
    description: 'Time limit for a request, from connecting to the end of the answer. Should be less than the target\'s `writeTimeoutMs`.',
    default: httpDefaults.timeoutMs
  }),
  concurrency: count({
    description: 'Number of requests that a large batch is divided into. They are sent at the same time, so lines keep their order only within a request.',
    default: httpDefaults.concurrency
  }),
  tls,
  elasticsearch,
  splunk,
  maxRequestBytes: count({
    description: 'Limit of the body of a request, before compression. A larger one is sent in several requests; a single line that is larger is refused.',
    'x-default': 'none; a batch has at most `batch.maxBytes` of lines'
  }),
  proxy: choice([off, text(), secretPlace], {
    description: 'URL of an HTTP proxy, with its user and password: `http://user:password@proxy:3128`. `false`: none, whatever the environment says.',
    writeOnly: true,
    'x-default': '`HTTPS_PROXY` or `HTTP_PROXY`, unless `NO_PROXY` excludes the backend'
  }),
  otlp
}, {
  title: 'Options of pino-breaker-fanout/http',
  description: 'The `options` of a target `pino-breaker-fanout/http`.',
  required: ['url'],
  'x-type': 'HttpSinkOptions'
})
