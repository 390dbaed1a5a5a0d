import { readProperty } from '../errors.js'
import { isRefusalStatus } from '../failure.js'
import { sendErrorOf, type SendError } from '../http/send-report.js'

/** Why a message was not stored, and what to do about it. */
export type MessageFailure =
  /** The server refused it for good. */
  | { kind: 'refused', reason: string, status?: number, isCertain?: true }
  /** It is to be sent again. */
  | { kind: 'failed', error: SendError }

const NO_RESPONDERS = 503
const FORBIDDEN = 403
const UNAUTHORIZED = 401

/** Errors of the client that are about the rights of the user. Their classes are not loaded yet where they are looked for. */
const AUTHORIZATION_ERRORS = ['AuthorizationError', 'UserAuthenticationExpiredError']

const encodedStored = Buffer.from('{"stream":"')

/** Reads an acknowledgement; `undefined` if the message is stored. */
export function readAck (subject: string, status: number | undefined, data: Uint8Array): MessageFailure | undefined {
  if (data.length === 0) {
    const isUnheard = status === undefined || status === NO_RESPONDERS
    return failed(isUnheard ? `no stream takes the subject ${subject} now (no responders): there is none, or it has no leader` : `the server answered with status ${status} for the subject ${subject}`, { statusCode: status ?? NO_RESPONDERS })
  }
  // There is an acknowledgement for each line, so that of a stored message is recognized by its beginning, and not parsed.
  if (startsWith(data, encodedStored)) return undefined
  const error = readProperty(parse(data), 'error')
  const code = readProperty(error, 'code')
  if (error === undefined || typeof code !== 'number') return failed(`the answer for the subject ${subject} is no acknowledgement: another subscriber may have sent it`)
  const text = `${String(readProperty(error, 'description') ?? 'no description')} (${String(readProperty(error, 'err_code') ?? code)})`
  return isRefusalStatus(code) ? { kind: 'refused', reason: text, status: code } : failed(`the stream did not store a message for the subject ${subject}: ${text}`, { statusCode: code })
}

/** The message was not acknowledged in time. */
export function timedOut (subject: string, timeoutMs: number): MessageFailure {
  return failed(`the message for the subject ${subject} was not acknowledged within ${timeoutMs} ms`, {}, 'ETIMEDOUT')
}

/** The connection ended before the acknowledgement came. */
export function connectionLost (): MessageFailure {
  return failed('the connection to the server was lost', {}, 'ECONNRESET')
}

/** There is no connection, and the client is trying to make one. */
export function notConnected (): MessageFailure {
  return failed('there is no connection to a server; the client is trying to make one', {}, 'ENOTCONN')
}

/** The user may not publish to the subject. If that is the subject of all lines, no line is to blame. */
export function notAllowed (subject: string, isOfLine: boolean): MessageFailure {
  const reason = `the user may not publish to the subject ${subject}`
  return isOfLine ? { kind: 'refused', reason, status: FORBIDDEN } : failed(reason, { statusCode: FORBIDDEN })
}

/** The user may not subscribe to the subject that acknowledgements come to. */
export function noInbox (inbox: string): MessageFailure {
  return failed(`the user may not subscribe to ${inbox}, to which acknowledgements come: see inboxPrefix`, { statusCode: FORBIDDEN })
}

/** The message is larger than the server takes. */
export function tooLarge (bytes: number, maxBytes: number): MessageFailure {
  return { kind: 'refused', reason: `too large: its message would have ${bytes} bytes, more than the max_payload of the server (${maxBytes})`, isCertain: true }
}

/** The error for a connection that was not made, without secrets. */
export function connectErrorOf (thrown: unknown, redact: (text: string) => string): SendError {
  const text = redact(String(readProperty(thrown, 'message') ?? thrown))
  if (AUTHORIZATION_ERRORS.includes(String(readProperty(thrown, 'name')))) return sendErrorOf(`the server did not accept the user: ${text}`, { statusCode: UNAUTHORIZED })
  const code = systemCodeOf(thrown)
  if (code === undefined && readProperty(thrown, 'name') === 'TimeoutError') return sendErrorOf('no server answered in time', {}, coded('timeout', 'ETIMEDOUT'))
  return sendErrorOf(`cannot connect: ${text}`, {}, code === undefined ? undefined : coded(text, code))
}

/** The error of a stream that was looked for, or is to be created. */
export function streamErrorOf (stream: string, thrown: unknown, redact: (text: string) => string): SendError {
  // The client calls the server's own code `code`, and the one like a status of HTTP `status`.
  const status = readProperty(thrown, 'status')
  const isUnheard = readProperty(thrown, 'name') === 'JetStreamNotEnabled' || readProperty(readProperty(thrown, 'cause'), 'name') === 'NoResponders'
  const text = redact(String(readProperty(thrown, 'message') ?? thrown))
  if (isUnheard) return sendErrorOf(`the stream ${stream} cannot be looked at: JetStream does not answer (${text})`, { statusCode: NO_RESPONDERS })
  if (readProperty(thrown, 'name') === 'TimeoutError') return sendErrorOf(`the stream ${stream} cannot be looked at: JetStream did not answer in time`, {}, coded(text, 'ETIMEDOUT'))
  if (readProperty(thrown, 'name') === 'PermissionViolationError') return sendErrorOf(`the stream ${stream} cannot be looked at: ${text}`, { statusCode: FORBIDDEN })
  // A wrong stream is about no line.
  return sendErrorOf(`the stream ${stream}: ${text}`, { ...typeof status === 'number' && { statusCode: status }, retryable: true })
}

function failed (text: string, details: { statusCode?: number } = {}, code?: string): MessageFailure {
  return { kind: 'failed', error: sendErrorOf(text, { ...details, retryable: true }, code === undefined ? undefined : coded(text, code)) }
}

/** The client's errors have no code of the system, by which a failure of the network is known. */
function coded (message: string, code: string): Error {
  return Object.assign(new Error(message), { code })
}

function systemCodeOf (thrown: unknown): string | undefined {
  const code = readProperty(thrown, 'code') ?? readProperty(readProperty(thrown, 'cause'), 'code')
  return typeof code === 'string' ? code : undefined
}

function startsWith (data: Uint8Array, start: Uint8Array): boolean {
  for (let n = 0; n < start.length; n++) if (data[n] !== start[n]) return false
  return true
}

function parse (data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString())
  } catch {
    return undefined
  }
}
