/** Every code of a {@link FanoutError}. */
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
  'ERR_FANOUT_DISK_HANGS',
  'ERR_FANOUT_UNKNOWN_SINK',
  'ERR_FANOUT_UNKNOWN_LEVEL',
  'ERR_FANOUT_BREAKER_OFF',
  'ERR_FANOUT_NO_ANSWER',
  'ERR_FANOUT_METRIC_EXISTS',
  'ERR_FANOUT_PACKAGE_MISSING',
  'ERR_FANOUT_SINK_PROCESS',
  'ERR_FANOUT_PRELOAD'
] as const

/** One of {@link errorCodes}. */
export type FanoutErrorCode = typeof errorCodes[number]

/** Details of a {@link FanoutError}. */
export interface FanoutErrorDetails {
  /** The sink that the error is about, if any. */
  sink?: string
  /** The cause of this error. */
  cause?: unknown
}

/**
 * The only error class of this package. Its message begins with its code: an error crosses threads by structured clone, which
 * keeps the message and drops the code.
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

/** An error as plain data, for other threads and for diagnostic records. */
export interface SerializedError {
  /** The name of the error's class, as in pino's own error serializer. */
  type: string
  message: string
  stack?: string
  /** A system code (`ECONNREFUSED`) or a code of this package. */
  code?: string
  /** The HTTP status, if the sink's error had one as `statusCode` or `status`. */
  statusCode?: number
  cause?: SerializedError
}

const MAX_CAUSES = 5
const MAX_TEXT = 8192

/**
 * Turns whatever was thrown into plain data. A structured clone would drop `code`, and would throw on some values. This never
 * throws, even if a getter does.
 */
export function serializeError (thrown: unknown): SerializedError {
  return serialize(thrown, MAX_CAUSES)
}

function serialize (thrown: unknown, causesLeft: number): SerializedError {
  if (!isErrorLike(thrown)) return { type: typeof thrown, message: present(describe(thrown)) }

  const className = readString(readProperty(thrown, 'constructor'), 'name')
  // A serialized error is a plain object with a `type`. The `type` of a real error may be anything, such as `system` in node-fetch.
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
  // A host name with several addresses fails with one error for each and no message of its own. The first stands for all.
  const cause = readProperty(thrown, 'cause') ?? (className === 'AggregateError' ? readProperty(readProperty(thrown, 'errors'), '0') : undefined)
  if (cause !== undefined && cause !== null && causesLeft > 0) serialized.cause = serialize(cause, causesLeft - 1)
  return serialized
}

// The user part of a URL, which ends at the last @ before the path (RFC 3986).
const URL_USERINFO = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"<>]*@/gi

/** Removes user and password from every URL in a text. */
export function redactCredentials (text: string): string {
  return text.replace(URL_USERINFO, '$1')
}

/** A text that may be shown: without credentials, and cut to a readable length. */
function present (text: string): string {
  // Cutting comes last: it could remove the @ by which a password is found, and leave the beginning of the password.
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

/** A property of whatever was thrown; `undefined` if it has none, or if a getter throws. */
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
