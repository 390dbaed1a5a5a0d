// Made from the schema of the options by `npm run docs`: change the schema.
import type { TlsOptions } from '../http/types.js'
import type { SecretPlace } from '../http/types.js'

/** The `options` of a target `pino-breaker-fanout/nats`. */
export interface NatsSinkOptions {
  /**
   * Servers: `host`, `host:port`, `nats://host:port` or `tls://host:port`. The port is 4222 if it is not given. The
   * client learns of others in their cluster.
   */
  servers: string | readonly string[]
  /**
   * Subject of the messages. `{key}` stands for the value of that key in the line: `logs.{level}.{name}`. The first
   * token can have none.
   */
  subject: string
  /**
   * What a message is: a line, without its newline; or a batch of lines as NDJSON. For `batch` the subject can have no
   * fields.
   * @default 'line'
   */
  mode?: 'line' | 'batch'
  /**
   * Name of the stream. If it is given, the sink checks that the stream is there and takes the subjects.
   * @default any stream that takes the subject
   */
  stream?: string
  /**
   * Creates the stream if it is not there, with these settings. Needs `stream`. A stream that is there is left as it
   * is. `true` is short for `{}`.
   * @default false
   */
  create?: boolean | NatsStreamOptions
  /**
   * The most messages that are sent and not acknowledged. Value: integer, 1 or more.
   * @default 256
   */
  window?: number
  /**
   * Time limit for an acknowledgement, for connecting, and for looking at the stream. Should be less than the target's
   * `writeTimeoutMs`. Value: milliseconds, 1 to 2147483647.
   * @default 5000 (5 s)
   */
  timeoutMs?: number
  /**
   * Who the sink is: `{ user, password }`, `{ token }`, `{ creds }` or `{ nkey }`. What is read from a file is read
   * again for each connection.
   * @default nobody
   */
  auth?: NatsAuthOptions
  /**
   * TLS settings. With them, or with a server that is `tls://`, the sink connects by TLS only.
   * @default those of Node.js
   */
  tls?: TlsOptions
  /**
   * Key of the level, whose number becomes its label in a subject.
   * @default 'level'
   */
  levelKey?: string
  /**
   * Name of the connection, which the server shows.
   * @default pino-breaker-fanout
   */
  name?: string
  /**
   * Subject that acknowledgements come to, for users that may not subscribe to every `_INBOX.>`.
   * @default _INBOX
   */
  inboxPrefix?: string
}

/** Creates the stream if it is not there. A stream that is there is left as it is. `true` is short for `{}`. */
export interface NatsStreamOptions {
  /**
   * Subjects that the stream takes.
   * @default those of subject, with * in place of each field
   */
  subjects?: readonly string[]
  /**
   * Number of servers that keep each message: 1, 3 or 5. Value: integer, 1 to 5.
   * @default 1
   */
  replicas?: number
  /**
   * Where messages are kept.
   * @default 'file'
   */
  storage?: 'file' | 'memory'
  /**
   * Limit of the stream. Value: bytes, 1 or more.
   * @default none
   */
  maxBytes?: number
  /**
   * Limit of the stream. Value: integer, 1 or more.
   * @default none
   */
  maxMessages?: number
  /**
   * Messages older than this are removed. Value: milliseconds, 100 to 9007199254740991.
   * @default they are kept
   */
  maxAgeMs?: number
  /**
   * At a limit: `old` removes the oldest messages; `new` refuses new ones, which the sink then keeps as in an outage.
   * @default 'old'
   */
  discard?: 'old' | 'new'
  /**
   * How long the server remembers the ids of messages. What is sent again within this time is not stored twice. Value:
   * milliseconds, 100 to 9007199254740991.
   * @default 2 min, or maxAgeMs if that is less
   */
  duplicateWindowMs?: number
}

/**
 * Who the sink is: `{ user, password }`, `{ token }`, `{ creds }` or `{ nkey }`. What is read from a file is read again
 * for each connection.
 */
export interface NatsAuthOptions {
  /**
   * User. Needs `password`.
   * @default none
   */
  user?: string | SecretPlace
  /**
   * Password of the user.
   * @default none
   */
  password?: string | SecretPlace
  /**
   * Token, in place of a user.
   * @default none
   */
  token?: string | SecretPlace
  /**
   * Credentials of a user with a JWT: the content of a `.creds` file, or its path.
   * @default none
   */
  creds?: string | SecretPlace
  /**
   * Seed of an nkey, which begins with `SU`.
   * @default none
   */
  nkey?: string | SecretPlace
}
