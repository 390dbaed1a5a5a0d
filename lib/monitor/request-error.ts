import { FanoutError, serializeError, type FanoutErrorCode } from '../errors.js'

/** Every code of a {@link RequestError}. */
export const requestErrorCodes = [
  'bad-body',
  'unauthorized',
  'foreign-host',
  'foreign-origin',
  'actions-off',
  'not-found',
  'method-not-allowed',
  'body-too-large',
  'no-metrics',
  'too-many-readers',
  'internal-error'
] as const

/** One of {@link requestErrorCodes}. */
export type RequestErrorCode = typeof requestErrorCodes[number]

/** A request that is refused: its answer has this status, and the code and the message as JSON. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly status: number
  readonly code: RequestErrorCode | FanoutErrorCode
  /** Further headers of the answer. */
  readonly headers: Readonly<Record<string, string>>

  constructor (status: number, code: RequestErrorCode | FanoutErrorCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

const STATUS_OF_CODE: Partial<Record<FanoutErrorCode, number>> = {
  ERR_FANOUT_UNKNOWN_SINK: 404,
  ERR_FANOUT_UNKNOWN_LEVEL: 400,
  ERR_FANOUT_BREAKER_OFF: 409,
  ERR_FANOUT_CLOSED: 409
}

/** The refusal that whatever was thrown means. */
export function toRequestError (thrown: unknown): RequestError {
  if (thrown instanceof RequestError) return thrown
  if (!(thrown instanceof FanoutError)) return new RequestError(500, 'internal-error', serializeError(thrown).message)
  // The code has a field of its own in the answer.
  return new RequestError(STATUS_OF_CODE[thrown.code] ?? 500, thrown.code, thrown.message.replace(`${thrown.code}: `, ''))
}
