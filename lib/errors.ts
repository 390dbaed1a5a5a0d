/** Every code that a {@link FanoutError} can bear. */
export const errorCodes = [
  'ERR_FANOUT_OPTIONS',
  'ERR_FANOUT_CLOSED',
  'ERR_FANOUT_SINK_START',
  'ERR_FANOUT_SINK_TIMEOUT',
  'ERR_FANOUT_SINK_CLOSED',
  'ERR_FANOUT_SINK_THREAD',
  'ERR_FANOUT_SINK_HUNG',
  'ERR_FANOUT_SINK_INVALID',
  'ERR_FANOUT_SINK_REPORTED',
  'ERR_FANOUT_DEAD_LETTERS_FULL',
  'ERR_FANOUT_UNTRUSTED_PATH',
  'ERR_FANOUT_SPOOL_LOST',
  'ERR_FANOUT_DISK_HANGS'
] as const

/** One of {@link errorCodes}. */
export type FanoutErrorCode = typeof errorCodes[number]

/** What a {@link FanoutError} knows beside its message. */
export interface FanoutErrorDetails {
  /** The sink concerned, where there is one. */
  sink?: string
  /** What led to this error. */
  cause?: unknown
}

/**
 * The one error class of this package. Its message begins with its code, since a structured clone, which is how an
 * error travels from a worker to the app, keeps the message and drops the code.
 */
export class FanoutError extends Error {
  override readonly name = 'FanoutError'
  readonly code: FanoutErrorCode
  readonly sink: string | undefined

  constructor (code: FanoutErrorCode, message: string, { sink, cause }: FanoutErrorDetails = {}) {
    super(`${code}: ${message}`, cause === undefined ? undefined : { cause })
    this.code = code
    this.sink = sink
  }
}

/** An error as plain data: what crosses threads and stands in a diagnostic record. */
export interface SerializedError {
  /** The name of its class, as in pino's own error serializer. */
  type: string
  message: string
  stack?: string
  /** A system code (`ECONNREFUSED`) or a code of this package. */
  code?: string
  /** HTTP status, where the sink's error bore one as `statusCode` or `status`. */
  statusCode?: number
  cause?: SerializedError
}

const MAX_CAUSES = 5
const MAX_TEXT = 8192

/**
 * Turns whatever was thrown into plain data. Own code and not the structured clone, because that drops `code` and
 * throws on what cannot be cloned; never throws itself, even where a getter does.
 */
export function serializeError (thrown: unknown): SerializedError {
  return serialize(thrown, MAX_CAUSES)
}

function serialize (thrown: unknown, causesLeft: number): SerializedError {
  if (!isErrorLike(thrown)) return { type: typeof thrown, message: present(describe(thrown)) }

  const className = readString(readProperty(thrown, 'constructor'), 'name')
  // A serialized error is a plain object that bears its type; that of a real one may be anything (`system`, in node-fetch).
  const ownType = className === undefined || className === 'Object' ? readString(thrown, 'type') : undefined
  const serialized: SerializedError = {
    type: ownType ?? className ?? readString(thrown, 'name') ?? 'Error',
    message: present(readString(thrown, 'message') ?? '')
  }
  const stack = readString(thrown, 'stack')
  if (stack !== undefined) serialized.stack = present(stack)
  const code = readProperty(thrown, 'code')
  if (typeof code === 'string' || typeof code === 'number') serialized.code = String(code)
  const statusCode = readProperty(thrown, 'statusCode') ?? readProperty(thrown, 'status')
  if (typeof statusCode === 'number') serialized.statusCode = statusCode
  // A name with several addresses fails with an error for each, and no message of its own: the first stands for all.
  const cause = readProperty(thrown, 'cause') ?? (className === 'AggregateError' ? readProperty(readProperty(thrown, 'errors'), '0') : undefined)
  if (cause !== undefined && cause !== null && causesLeft > 0) serialized.cause = serialize(cause, causesLeft - 1)
  return serialized
}

/** An error again, from what {@link serializeError} made: for events that hand out a real `Error`. */
export function deserializeError (data: SerializedError): Error {
  const error = new Error(data.message, data.cause === undefined ? undefined : { cause: deserializeError(data.cause) })
  error.name = data.type
  if (data.stack !== undefined) error.stack = data.stack
  if (data.code !== undefined) Object.assign(error, { code: data.code })
  if (data.statusCode !== undefined) Object.assign(error, { statusCode: data.statusCode })
  return error
}

// The user part of a URL, as far as RFC 3986 lets it reach: up to the last @ before the path.
const URL_USERINFO = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"<>]*@/gi

/** Takes user and password out of every URL in a text. */
export function redactCredentials (text: string): string {
  return text.replace(URL_USERINFO, '$1')
}

/** A text as it may be shown: without credentials, and no longer than it can be read. */
function present (text: string): string {
  // Not cut first: the beginning of a password, without the @ by which it is known, would be left.
  const redacted = redactCredentials(text.slice(0, 2 * MAX_TEXT))
  return text.length > 2 * MAX_TEXT || redacted.length > MAX_TEXT ? `${redacted.slice(0, MAX_TEXT)}… (${text.length} characters)` : redacted
}

function isErrorLike (value: unknown): value is object {
  return typeof value === 'object' && value !== null && typeof readProperty(value, 'message') === 'string'
}

function describe (value: unknown): string {
  try {
    return typeof value === 'object' ? JSON.stringify(value) ?? String(value) : String(value)
  } catch {
    return `an unprintable ${typeof value}`
  }
}

/** A property of whatever was thrown; `undefined` where it has none, or where a getter throws. */
export function readProperty (holder: unknown, key: string): unknown {
  if ((typeof holder !== 'object' && typeof holder !== 'function') || holder === null) return undefined
  try {
    return (holder as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

function readString (holder: unknown, key: string): string | undefined {
  const value = readProperty(holder, key)
  return typeof value === 'string' && value !== '' ? value : undefined
}
