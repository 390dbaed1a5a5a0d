import type { CircuitState, TransitionEvent, TransitionReason } from '../breaker.js'
import type { SerializedError } from '../errors.js'
import type { FanoutSnapshot } from '../metrics.js'
import { noticeKinds, type Notice } from '../reports/notice.js'
import type { ShownSink } from './sink-facts.js'

/** The fields of a snapshot that a table shows, and who has made it. */
export interface ShownSnapshot extends Pick<FanoutSnapshot, 'upMs' | 'hasEnded'> {
  readonly sinks: readonly ShownSink[]
  readonly hostname: string
  readonly pid: number
}

const STATES: readonly CircuitState[] = ['closed', 'open', 'half-open']
/** More than this would be no list of sinks. */
const MAX_SINKS = 10000
const MAX_CAUSES = 5

/**
 * Takes what a table needs from the JSON of a monitor. Whoever answers may be anybody: what is missing or of another type is taken for
 * nothing.
 *
 * @throws TypeError if it is no snapshot at all
 */
export function readMonitorSnapshot (value: unknown): ShownSnapshot {
  const { upMs, hasEnded, sinks, hostname, pid } = fieldsOf(value)
  if (!Array.isArray(sinks)) throw new TypeError('the answer is no snapshot of a monitor')
  return { upMs: numberOf(upMs), hasEnded: hasEnded === true, hostname: textOf(hostname), pid: numberOf(pid), sinks: sinks.slice(0, MAX_SINKS).map(readSink) }
}

/** Takes a transition from the JSON of a monitor. */
export function readTransition (value: unknown): TransitionEvent {
  const { sink, from, to, reason, generation, consecutiveFailures, openForMs, retryInMs, time, err, attempts, failureRate, slowRate, tookMs } = fieldsOf(value)
  const error = readError(err)
  return {
    sink: textOf(sink),
    from: stateOf(from),
    to: stateOf(to),
    // Only shown.
    reason: textOf(reason) as TransitionReason,
    generation: numberOf(generation),
    consecutiveFailures: numberOf(consecutiveFailures),
    openForMs: numberOf(openForMs),
    retryInMs: numberOf(retryInMs),
    time: numberOf(time),
    ...error !== undefined && { err: error },
    ...attempts !== undefined && { attempts: numberOf(attempts) },
    ...failureRate !== undefined && { failureRate: numberOf(failureRate) },
    ...slowRate !== undefined && { slowRate: numberOf(slowRate) },
    ...tookMs !== undefined && { tookMs: numberOf(tookMs) }
  }
}

/** Takes a notice from the JSON of a monitor; `undefined` for one of a kind that is not known here. */
export function readNotice (value: unknown): Notice | undefined {
  const { sink, kind, time, facts } = fieldsOf(value)
  const known = noticeKinds.find(each => each === kind)
  return known && { sink: textOf(sink), kind: known, time: numberOf(time), facts: numbersOf(facts) }
}

function readSink (value: unknown): ShownSink {
  const { name, state, stateForMs, retryInMs, linesDelivered, linesSkipped, linesDropped, queueLines, unsettledLines, spoolLines, lastError } = fieldsOf(value)
  const error = readError(lastError)
  return {
    name: textOf(name),
    state: stateOf(state),
    stateForMs: numberOf(stateForMs),
    retryInMs: numberOf(retryInMs),
    linesDelivered: numberOf(linesDelivered),
    linesSkipped: numberOf(linesSkipped),
    linesDropped: numbersOf(linesDropped),
    queueLines: numberOf(queueLines),
    unsettledLines: numberOf(unsettledLines),
    spoolLines: numberOf(spoolLines),
    ...error !== undefined && { lastError: error }
  }
}

function readError (value: unknown, causesLeft = MAX_CAUSES): SerializedError | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { type, message, code, cause } = fieldsOf(value)
  const inner = causesLeft > 0 ? readError(cause, causesLeft - 1) : undefined
  return { type: textOf(type), message: textOf(message), ...typeof code === 'string' && { code }, ...inner !== undefined && { cause: inner } }
}

function fieldsOf (value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? value as Record<string, unknown> : {}
}

function stateOf (value: unknown): CircuitState {
  return STATES.find(state => state === value) ?? 'closed'
}

function numberOf (value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0
}

function numbersOf (value: unknown): Record<string, number> {
  return Object.fromEntries(Object.entries(fieldsOf(value)).map(([key, number]) => [key, numberOf(number)]))
}

function textOf (value: unknown): string {
  return typeof value === 'string' ? value : ''
}
