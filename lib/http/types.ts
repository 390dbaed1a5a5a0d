// Made from the schema of the options by `npm run docs`: change the schema.

/** The `options` of a target `pino-breaker-fanout/http`. */
export interface HttpSinkOptions {
  /**
   * Where lines are sent by POST: an `http:` or `https:` URL. If it has no path, the formats `loki`, `elasticsearch`,
   * `splunk` and `otlp` use that of their API.
   */
  url: string
  /**
   * Form of a request, and what is read from its answer.
   * @default 'ndjson'
   */
  format?: 'ndjson' | 'json' | 'loki' | 'elasticsearch' | 'splunk' | 'otlp'
  /**
   * Further headers. They replace headers of the format that have the same name.
   * @default none
   */
  headers?: Record<string, string | SecretPlace>
  /**
   * Content of the `authorization` header: `{ user, password }`, or `{ token }` with or without a `scheme`.
   * @default user and password of the URL, else none
   */
  auth?: AuthOptions
  /**
   * Compresses requests. `true` is short for `{ level: 1 }`; levels go from 1 (fastest) to 9 (smallest).
   * @default false
   */
  gzip?: boolean | GzipOptions
  /**
   * Labels of the streams (`loki`), or indexed fields (`splunk`).
   * @default none; { job: 'pino' } for a stream of loki that would have no label
   */
  labels?: Record<string, string>
  /**
   * Label for the level of the lines (`loki`): each level has a stream of its own. `false` for none.
   * @default 'level'
   */
  levelLabel?: false | string
  /**
   * Key of the level in a line (`loki`, `otlp`).
   * @default 'level'
   */
  levelKey?: string
  /**
   * Key of the time in a line (`loki`, `elasticsearch`, `splunk`, `otlp`). Its value is a number of s, ms, µs or ns, or
   * a text in ISO 8601.
   * @default 'time'
   */
  timeKey?: string
  /**
   * Time limit for a request, from connecting to the end of the answer. Should be less than the target's
   * `writeTimeoutMs`. Value: milliseconds, 1 to 2147483647.
   * @default 8000 (8 s)
   */
  timeoutMs?: number
  /**
   * Number of requests that a large batch is divided into. They are sent at the same time, so lines keep their order
   * only within a request. Value: integer, 1 or more.
   * @default 1
   */
  concurrency?: number
  /**
   * TLS settings, for `https:` URLs.
   * @default those of Node.js
   */
  tls?: TlsOptions
  /**
   * Settings of the format `elasticsearch`.
   * @default the defaults of its settings
   */
  elasticsearch?: ElasticsearchOptions
  /**
   * Settings of the format `splunk`.
   * @default the defaults of its settings
   */
  splunk?: SplunkOptions
  /**
   * Limit of the body of a request, before compression. A larger one is sent in several requests; a single line that is
   * larger is refused. Value: bytes, 1 or more.
   * @default none; a batch has at most batch.maxBytes of lines
   */
  maxRequestBytes?: number
  /**
   * URL of an HTTP proxy, with its user and password: `http://user:password@proxy:3128`. `false`: none, whatever the
   * environment says.
   * @default HTTPS_PROXY or HTTP_PROXY, unless NO_PROXY excludes the backend
   */
  proxy?: false | string | SecretPlace
  /**
   * Settings of the format `otlp`.
   * @default the defaults of its settings
   */
  otlp?: OtlpOptions
}

/** Where a secret is read from. */
export interface SecretPlace {
  /**
   * Name of an environment variable that holds the secret. Either `env` or `file` is required.
   * @default none
   */
  env?: string
  /**
   * Path of a file that holds the secret; a newline at its end is removed.
   * @default none
   */
  file?: string
}

/** Content of the `authorization` header: `{ user, password }`, or `{ token }` with or without a `scheme`. */
export interface AuthOptions {
  /**
   * User of HTTP's basic scheme. Needs `password`.
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
   * Word before the token, such as `ApiKey` for Elasticsearch.
   * @default 'Bearer'; 'Splunk' for the format splunk
   */
  scheme?: string
}

/** How requests are compressed. */
export interface GzipOptions {
  /**
   * Level of compression: 1 is the fastest, 9 the smallest. Value: integer, 1 to 9.
   * @default 1
   */
  level?: number
}

/** TLS settings, for `https:` URLs. */
export interface TlsOptions {
  /**
   * Certificate authorities to trust in place of the well-known ones: PEM, or the path of a PEM file.
   * @default those of Node.js
   */
  ca?: string | SecretPlace
  /**
   * Client certificate: PEM, or the path of a PEM file. Needs `key`.
   * @default none
   */
  cert?: string | SecretPlace
  /**
   * Private key of the client certificate: PEM, or the path of a PEM file.
   * @default none
   */
  key?: string | SecretPlace
  /**
   * Passphrase of the private key.
   * @default none
   */
  passphrase?: string | SecretPlace
  /**
   * Name that the backend's certificate must have.
   * @default the host of the URL
   */
  servername?: string
  /**
   * `false` accepts any certificate: whoever stands between the sink and the backend can then read and change the
   * lines.
   * @default true
   */
  rejectUnauthorized?: boolean
}

/** Settings of the format `elasticsearch`. */
export interface ElasticsearchOptions {
  /**
   * Index or data stream. Required if the path of the URL does not name it. `{date}` stands for the day of each line in
   * UTC, `2026-11-28`; `{date:YYYY.MM}` has a form of its own.
   * @default that of the URL
   */
  index?: string
  /**
   * Bulk action for each line. A data stream accepts only `create`.
   * @default 'create'
   */
  opType?: 'create' | 'index'
  /**
   * `true`: the `_id` of a line is its own id, so a line that is sent again is not added twice. Slower for data streams
   * and for time series.
   * @default false
   */
  ids?: boolean
}

/** Settings of the format `splunk`. */
export interface SplunkOptions {
  /**
   * Index of the events.
   * @default that of the token
   */
  index?: string
  /**
   * Host of the events.
   * @default the one that Splunk sees
   */
  host?: string
  /**
   * Source of the events.
   * @default that of the token
   */
  source?: string
  /**
   * Source type of the events.
   * @default that of the token
   */
  sourcetype?: string
  /**
   * Channel of the requests, a GUID: `x-splunk-request-channel`. Tokens with indexer acknowledgment require one.
   * @default a new one at each start of the sink
   */
  channel?: string
}

/** Settings of the format `otlp`. */
export interface OtlpOptions {
  /**
   * Attributes of the resource, such as `service.name`. `process.pid` and `host.name` come from each line, unless they
   * are given here.
   * @default service.name is unknown_service:node
   */
  resource?: Record<string, string>
  /**
   * Keys of the trace context in a line.
   * @default those that OpenTelemetry's instrumentation of pino writes
   */
  traceKeys?: OtlpTraceKeys
  /**
   * Key of the message, which becomes the body.
   * @default that of the app's logger, else 'msg'
   */
  messageKey?: string
  /**
   * Key of an error, which becomes the attributes `exception.*`.
   * @default that of the app's logger, else 'err'
   */
  errorKey?: string
}

/** Keys of the trace context in a line. */
export interface OtlpTraceKeys {
  /**
   * Key of the trace id: 32 hexadecimal digits.
   * @default 'trace_id'
   */
  traceId?: string
  /**
   * Key of the span id: 16 hexadecimal digits.
   * @default 'span_id'
   */
  spanId?: string
  /**
   * Key of the trace flags: two hexadecimal digits, or a number.
   * @default 'trace_flags'
   */
  traceFlags?: string
}
