import { MAX_TIMER_MS, choice, count, flag, list, milliseconds, object, oneOf, text } from '../options/fields.js'
import { secret, tls } from '../http/schema.js'
import { natsDefaults } from './defaults.js'

const auth = object({
  user: secret({ description: 'User. Needs `password`.', 'x-default': 'none' }),
  password: secret({ description: 'Password of the user.', 'x-default': 'none' }),
  token: secret({ description: 'Token, in place of a user.', 'x-default': 'none' }),
  creds: secret({ description: 'Credentials of a user with a JWT: the content of a `.creds` file, or its path.', 'x-default': 'none' }),
  nkey: secret({ description: 'Seed of an nkey, which begins with `SU`.', 'x-default': 'none' })
}, {
  description: 'Who the sink is: `{ user, password }`, `{ token }`, `{ creds }` or `{ nkey }`. What is read from a file is read again for each connection.',
  writeOnly: true,
  'x-default': 'nobody',
  'x-type': 'NatsAuthOptions'
})

const create = object({
  subjects: list(text(), { minItems: 1, description: 'Subjects that the stream takes.', 'x-default': 'those of `subject`, with `*` in place of each field' }),
  replicas: { type: 'integer', minimum: 1, maximum: 5, description: 'Number of servers that keep each message: 1, 3 or 5.', default: natsDefaults.replicas },
  storage: oneOf(['file', 'memory'], { description: 'Where messages are kept.', default: natsDefaults.storage }),
  maxBytes: count({ description: 'Limit of the stream.', 'x-default': 'none' }),
  maxMessages: count({ description: 'Limit of the stream.', 'x-default': 'none' }),
  maxAgeMs: milliseconds(100, Number.MAX_SAFE_INTEGER, { description: 'Messages older than this are removed.', 'x-default': 'they are kept' }),
  discard: oneOf(['old', 'new'], { description: 'At a limit: `old` removes the oldest messages; `new` refuses new ones, which the sink then keeps as in an outage.', default: natsDefaults.discard }),
  duplicateWindowMs: milliseconds(100, Number.MAX_SAFE_INTEGER, { description: 'How long the server remembers the ids of messages. What is sent again within this time is not stored twice.', 'x-default': '2 min, or `maxAgeMs` if that is less' })
}, {
  description: 'Creates the stream if it is not there. A stream that is there is left as it is. `true` is short for `{}`.',
  'x-type': 'NatsStreamOptions'
})

/** The one description of the options of `pino-breaker-fanout/nats`. Validation, types and the docs are made from it. */
export const natsSchema = object({
  servers: choice([text(), list(text(), { minItems: 1 })], {
    description: 'Servers: `host`, `host:port`, `nats://host:port` or `tls://host:port`. The port is 4222 if it is not given. The client learns of others in their cluster.'
  }),
  subject: text({
    description: 'Subject of the messages. `{key}` stands for the value of that key in the line: `logs.{level}.{name}`. The first token can have none.'
  }),
  mode: oneOf(['line', 'batch'], {
    description: 'What a message is: a line, without its newline; or a batch of lines as NDJSON. For `batch` the subject can have no fields.',
    default: natsDefaults.mode
  }),
  stream: text({ description: 'Name of the stream. If it is given, the sink checks that the stream is there and takes the subjects.', 'x-default': 'any stream that takes the subject' }),
  create: choice([flag(), create], {
    description: 'Creates the stream if it is not there, with these settings. Needs `stream`. A stream that is there is left as it is. `true` is short for `{}`.',
    default: false
  }),
  window: count({
    description: 'The most messages that are sent and not acknowledged.',
    default: natsDefaults.window
  }),
  timeoutMs: milliseconds(1, MAX_TIMER_MS, {
    description: 'Time limit for an acknowledgement, for connecting, and for looking at the stream. Should be less than the target\'s `writeTimeoutMs`.',
    default: natsDefaults.timeoutMs
  }),
  auth,
  tls: { ...tls, description: 'TLS settings. With them, or with a server that is `tls://`, the sink connects by TLS only.', writeOnly: true },
  levelKey: text({ description: 'Key of the level, whose number becomes its label in a subject.', default: natsDefaults.levelKey }),
  name: text({ description: 'Name of the connection, which the server shows.', 'x-default': '`pino-breaker-fanout`' }),
  inboxPrefix: text({ description: 'Subject that acknowledgements come to, for users that may not subscribe to every `_INBOX.>`.', 'x-default': '`_INBOX`' })
}, {
  title: 'Options of pino-breaker-fanout/nats',
  description: 'The `options` of a target `pino-breaker-fanout/nats`.',
  required: ['servers', 'subject'],
  'x-type': 'NatsSinkOptions'
})
