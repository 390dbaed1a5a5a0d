import { FanoutError, readProperty, redactCredentials } from '../errors.js'
import { isRefusalStatus, reasonOf, toFailure, type SinkFailure } from '../failure.js'

/** A line that the backend refused for good. */
export interface RefusedLine {
  /** Its place in `batch.lines`, from 0. */
  readonly line: number
  /** Why, in the backend's own words: it stands in the dead-letter file. */
  readonly reason: string
  /** The HTTP status, where there is one for each line. */
  readonly status?: number
}

/** What the error may bear with which a `send` rejects: `Object.assign(new Error('…'), { statusCode: 503 })`. */
export interface SendRejection {
  /** The HTTP status of the answer; `status` does as well. */
  readonly statusCode?: number
  /**
   * `false`: the backend will never take this batch, since something in it is wrong. It is sent again by halves until the
   * line is found. `true`: it may take it another time.
   * @default `false` for a status from 400 to 499, other than 401 to 408, 410, 411, 412, 414, 415, 417, 421, 423 to 426, 428, 429, 431 and 451; else `true`
   */
  readonly retryable?: boolean
  /** For how long nothing is to be sent, in ms: what `Retry-After` said. At most `breaker.maxRecoveryTimeoutMs` counts. */
  readonly retryAfterMs?: number
  /** The lines that the backend refused for good, each once. If this or `retry` is there, all lines in neither of them have been delivered. */
  readonly refused?: readonly RefusedLine[]
  /** The places in `batch.lines` of those that are to be sent again, each once. */
  readonly retry?: readonly number[]
}

/** What a delivery sink answered for a batch that has not arrived as a whole, as plain data, fit to cross threads. */
export interface Rejection extends SinkFailure {
  /** The backend refused the batch for good. */
  readonly isRefusal?: boolean
  readonly retryAfterMs?: number
  /** What became of the lines one by one: those in neither list have been delivered. Both are in ascending order. */
  readonly outcome?: { readonly refused: readonly RefusedLine[], readonly retry: readonly number[] }
}

const MAX_REASON = 1000

/**
 * Reads from what was thrown by a `send` what it means for a batch of so many lines. An outcome that cannot be is a
 * failure of the whole batch, and says what is wrong with it.
 */
export function toRejection (thrown: unknown, count: number): Rejection {
  const failure = toFailure(reasonOf(thrown), thrown)
  const retryAfterMs = readProperty(thrown, 'retryAfterMs')
  const pause = typeof retryAfterMs === 'number' && retryAfterMs > 0 ? { retryAfterMs } : {}
  const refused = readProperty(thrown, 'refused')
  const retry = readProperty(thrown, 'retry')
  if (refused === undefined && retry === undefined) {
    const retryable = readProperty(thrown, 'retryable')
    const isRefusal = typeof retryable === 'boolean' ? !retryable : isRefusalStatus(failure.err.statusCode)
    return { ...failure, ...pause, isRefusal }
  }
  try {
    return { ...failure, ...pause, outcome: readOutcome(refused ?? [], retry ?? [], count) }
  } catch (error) {
    return { ...toFailure('write-error', error), ...pause }
  }
}

function readOutcome (refused: unknown, retry: unknown, count: number): NonNullable<Rejection['outcome']> {
  const seen = new Set<number>()
  const place = (value: unknown, path: string): number => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= count) throw wrong(path, `expected the place of a line, an integer from 0 to ${count - 1}, got ${String(value)}`)
    if (seen.has(value)) throw wrong(path, `there is more than one fate for line ${value}`)
    seen.add(value)
    return value
  }
  const refusedLines = listOf(refused, 'refused').map((entry, i): RefusedLine => {
    const line = place(readProperty(entry, 'line'), `refused[${i}].line`)
    const reason = readProperty(entry, 'reason')
    if (typeof reason !== 'string') throw wrong(`refused[${i}].reason`, `expected a string, got ${typeof reason}`)
    const status = readProperty(entry, 'status')
    return { line, reason: redactCredentials(reason.slice(0, MAX_REASON)), ...(typeof status === 'number' && { status }) }
  })
  const retryPlaces = listOf(retry, 'retry').map((value, i) => place(value, `retry[${i}]`))
  return { refused: refusedLines.sort((a, b) => a.line - b.line), retry: retryPlaces.sort((a, b) => a - b) }
}

function listOf (value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(path, `expected an array, got ${typeof value}`)
  return Array.from(value)
}

function wrong (path: string, message: string): FanoutError {
  return new FanoutError('ERR_FANOUT_SINK_INVALID', `the error of a send has a wrong ${path}: ${message}`)
}
