import { FanoutError, readProperty, redactCredentials } from '../errors.js'
import { isRefusalStatus, reasonOf, toFailure, type SinkFailure } from '../failure.js'

/** A line that the backend refused for good. */
export interface RefusedLine {
  /** The index of the line in `batch.lines`. */
  readonly line: number
  /** The reason in the backend's own words, for the dead-letter file. */
  readonly reason: string
  /** The HTTP status, if each line has one. */
  readonly status?: number
  /**
   * `true`: the sink knows without asking the backend that this line can never be sent. Then it is no failure, whatever the
   * backend does with other lines.
   * @default false
   */
  readonly isCertain?: boolean
}

/** A remark of a backend about a batch as a whole. */
export interface Remark {
  /**
   * How many lines the backend has refused for good without saying which, beside those in `refused`. It must have taken others.
   * They count as dropped, with the reason `poison`. 0: this is only a warning.
   */
  readonly rejectedLines: number
  /** The backend's own words, for a diagnostic record. */
  readonly text: string
}

/** The properties of an error with which a `send` rejects: `Object.assign(new Error('…'), { statusCode: 503 })`. */
export interface SendRejection {
  /** The HTTP status of the answer. `status` has the same effect. */
  readonly statusCode?: number
  /**
   * `false`: the backend will never take this batch, since something in it is wrong. The batch is sent again by halves until the
   * line is found. `true`: the backend may take the batch another time.
   * @default `false` for a status from 400 to 499, other than 401 to 408, 410, 411, 412, 414, 415, 417, 421, 423 to 426, 428, 429, 431 and 451; else `true`
   */
  readonly retryable?: boolean
  /** The pause before the next send in ms, such as that of `Retry-After`. It counts up to `breaker.maxRecoveryTimeoutMs`. */
  readonly retryAfterMs?: number
  /** The lines that the backend refused for good, each once. With this or `retry`, every line in neither of them has been delivered. */
  readonly refused?: readonly RefusedLine[]
  /** The indices in `batch.lines` of the lines to send again, each once. */
  readonly retry?: readonly number[]
  /** Says that the backend took the batch with a reservation. Lines in neither of the lists are not sent again. */
  readonly remark?: Remark
}

/** A delivery sink's answer for a batch that has not arrived as a whole, as plain data that can cross threads. */
export interface Rejection extends SinkFailure {
  /** True if the backend refused the batch for good. */
  readonly isRefusal?: boolean
  readonly retryAfterMs?: number
  /** The outcome of each line: lines in neither list have been delivered. Both lists are in ascending order. */
  readonly outcome?: { readonly refused: readonly RefusedLine[], readonly retry: readonly number[], readonly remark?: Remark }
}

const MAX_REASON = 1000

/**
 * Reads the error with which a `send` of `count` lines rejected. An impossible outcome is a failure of the whole batch, and its
 * message says what is wrong.
 */
export function toRejection (thrown: unknown, count: number): Rejection {
  const failure = toFailure(reasonOf(thrown), thrown)
  const retryAfterMs = readProperty(thrown, 'retryAfterMs')
  const pause = typeof retryAfterMs === 'number' && retryAfterMs > 0 ? { retryAfterMs } : {}
  const refused = readProperty(thrown, 'refused')
  const retry = readProperty(thrown, 'retry')
  const remark = readProperty(thrown, 'remark')
  if (refused === undefined && retry === undefined && remark === undefined) {
    const retryable = readProperty(thrown, 'retryable')
    const isRefusal = typeof retryable === 'boolean' ? !retryable : isRefusalStatus(failure.err.statusCode)
    return { ...failure, ...pause, isRefusal }
  }
  try {
    return { ...failure, ...pause, outcome: readOutcome(refused ?? [], retry ?? [], remark, count) }
  } catch (error) {
    return { ...toFailure('write-error', error), ...pause }
  }
}

function readOutcome (refused: unknown, retry: unknown, remark: unknown, count: number): NonNullable<Rejection['outcome']> {
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
    return { line, reason: redactCredentials(reason.slice(0, MAX_REASON)), ...(typeof status === 'number' && { status }), ...(readProperty(entry, 'isCertain') === true && { isCertain: true }) }
  })
  const retryPlaces = listOf(retry, 'retry').map((value, i) => place(value, `retry[${i}]`))
  const others = count - seen.size
  return {
    refused: refusedLines.sort((a, b) => a.line - b.line),
    retry: retryPlaces.sort((a, b) => a - b),
    ...remark !== undefined && { remark: readRemark(remark, others) }
  }
}

/** @param others - How many lines are in neither list */
function readRemark (remark: unknown, others: number): Remark {
  const rejectedLines = readProperty(remark, 'rejectedLines')
  const text = readProperty(remark, 'text')
  if (typeof rejectedLines !== 'number' || !Number.isInteger(rejectedLines) || rejectedLines < 0 || rejectedLines > Math.max(0, others - 1)) {
    throw wrong('remark.rejectedLines', `expected an integer from 0 to ${Math.max(0, others - 1)}, got ${String(rejectedLines)}`)
  }
  if (typeof text !== 'string') throw wrong('remark.text', `expected a string, got ${typeof text}`)
  return { rejectedLines, text: redactCredentials(text.slice(0, MAX_REASON)) }
}

function listOf (value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(path, `expected an array, got ${typeof value}`)
  return Array.from(value)
}

function wrong (path: string, message: string): FanoutError {
  return new FanoutError('ERR_FANOUT_SINK_INVALID', `the error of a send has a wrong ${path}: ${message}`)
}
