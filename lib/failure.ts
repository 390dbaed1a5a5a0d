import { serializeError, type SerializedError } from './errors.js'

/**
 * The reason why an attempt, or a sink as a whole, failed:
 *
 * - `start-failed`: its module did not load, or its factory threw or rejected
 * - `start-timeout`: import or factory had not settled after `startTimeoutMs`
 * - `stream-error`: it emitted `error`, or another event that means failure
 * - `write-error`: `write()` threw, a write callback got an error, or a `send` rejected
 * - `write-timeout`: a batch was not accepted, and nothing moved, for `writeTimeoutMs`
 * - `closed-early`: `close`, `end` or `finish` before it was asked to end
 * - `destroyed`: it is destroyed or errored, and emitted no event
 * - `thread-exit`: its thread ended: `process.exit`, an uncaught exception, an unhandled rejection
 * - `process-exit`: its process ended: a native crash, a full heap, a signal
 * - `out-of-memory`: its thread or its process held more memory than it may
 * - `network`: a connection failed; the system's code is in the error
 * - `health-check`: a health check of its backend failed
 * - `still-hung`: it could not be restarted, since a call of its former life has not returned
 * - `http-<status>`: its backend answered with that status
 */
export type FailureReason =
  | 'start-failed' | 'start-timeout' | 'stream-error' | 'write-error' | 'write-timeout' | 'closed-early'
  | 'destroyed' | 'thread-exit' | 'process-exit' | 'out-of-memory' | 'network' | 'health-check' | 'still-hung' | `http-${number}`

/** A failure as plain data, which can cross threads. */
export interface SinkFailure {
  reason: FailureReason
  err: SerializedError
}

/** A failure with the reason that its place implies, and what was thrown there. */
export function toFailure (reason: FailureReason, thrown: unknown): SinkFailure {
  const err = serializeError(thrown)
  const code = reason === 'network' ? networkCodeOf(err) : err.code ?? codeInText(err.message)
  return { reason, err: code === undefined ? err : { ...err, code } }
}

/**
 * The reason that an error implies by itself: `http-<status>` by its `statusCode`, `network` by its own system code or that of
 * a cause, else `write-error`.
 */
export function reasonOf (thrown: unknown): FailureReason {
  const err = serializeError(thrown)
  const { statusCode } = err
  if (statusCode !== undefined && Number.isInteger(statusCode) && statusCode >= 300 && statusCode <= 599) return `http-${statusCode}`
  return networkCodeOf(err) === undefined ? 'write-error' : 'network'
}

/**
 * The 4xx that are not about the lines. They are about the client and its rights (401, 402, 403, 407, 451), the address (404,
 * 405, 410, 414, 421), the time and the rate (408, 423, 424, 425, 429), or the form of all requests (406, 411, 412, 415, 417,
 * 426, 428, 431). See RFC 9110, 15.5, RFC 4918, 6585, 7725 and 8470. A status that none of them defines counts as a 400 (RFC
 * 9110, 15).
 */
const RETRYABLE_REFUSALS = new Set([401, 402, 403, 404, 405, 406, 407, 408, 410, 411, 412, 414, 415, 417, 421, 423, 424, 425, 426, 428, 429, 431, 451])

/** True for a status by which the backend refuses lines for good: a 4xx that is about the lines. */
export function isRefusalStatus (status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status < 500 && !RETRYABLE_REFUSALS.has(status)
}

// An established connection broke. A backend may do that to a request that it cannot take.
const BREAK_CODES = new Set(['ECONNABORTED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

/** True for the code of an established connection that broke. */
export function isBreakCode (code: string | undefined): boolean {
  return code !== undefined && BREAK_CODES.has(code)
}

const UNAVAILABLE = new Set(['start-failed', 'start-timeout', 'health-check', 'still-hung', 'http-502', 'http-503', 'http-504', ...[...RETRYABLE_REFUSALS].map(status => `http-${status}`)])

/** True if the lines that were sent can have caused the failure. False if the sink did not start, or the backend was not there. */
export function canBeOfLines ({ reason, err }: SinkFailure): boolean {
  return reason === 'network' ? isBreakCode(err.code) : !UNAVAILABLE.has(reason)
}

/** `fetch()` rejects with a bare TypeError, whose cause has the code. */
function networkCodeOf ({ code, cause }: SerializedError): string | undefined {
  if (code !== undefined && isNetworkCode(code)) return code
  return cause === undefined ? undefined : networkCodeOf(cause)
}

// The text of Node.js' errors of system calls.
const SYSTEM_ERROR = /\b(?:connect|getaddrinfo|read|send|write) (E[A-Z_]+)\b/

/** Some transports throw an error of their own that has only the text of the system's error. */
function codeInText (message: string): string | undefined {
  return SYSTEM_ERROR.exec(message)?.[1]
}

const NETWORK_CODES = new Set([
  'EADDRNOTAVAIL', 'EAI_AGAIN', 'ECONNABORTED', 'ECONNREFUSED', 'ECONNRESET', 'EHOSTDOWN', 'EHOSTUNREACH', 'ENETDOWN', 'ENETRESET', 'ENETUNREACH',
  'ENOTCONN', 'ENOTFOUND', 'EPIPE', 'EPROTO', 'ESOCKETTIMEDOUT', 'ETIMEDOUT'
])

// HPE_: the answer is no HTTP. The last ones, and CERT_…, are OpenSSL's codes for a certificate.
const NETWORK_CODE = /^(?:UND_ERR_|ERR_TLS_|ERR_SSL_|HPE_|CERT_|CRL_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|UNABLE_TO_(?:GET_ISSUER_CERT|VERIFY_LEAF_SIGNATURE))/

/** True for a code of the system, undici, Node's HTTP parser or OpenSSL that means a failed connection. */
function isNetworkCode (code: string): boolean {
  return NETWORK_CODES.has(code) || NETWORK_CODE.test(code)
}
