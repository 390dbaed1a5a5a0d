import type { CircuitState, TransitionReason } from '../breaker.js'
import { DURATION_LIMITS_MS, type Durations } from '../durations.js'
import type { FailureReason } from '../failure.js'
import type { DropReason, FanoutSnapshot, SinkSnapshot } from '../metrics.js'
import { LabelSets, type MetricLabels } from './label-sets.js'

/** All names of metrics begin with it. */
export const METRIC_PREFIX = 'pino_breaker_fanout_'

/** The unit of the values of a {@link MetricFamily}. */
export type MetricUnit = 'lines' | 'bytes' | 'seconds' | 'transitions' | 'failures' | 'restarts' | 'faults' | 'state'

/** A value of a counter or a gauge. */
export interface MetricValue {
  labels: MetricLabels
  value: number
}

/** A value of a histogram. */
export interface HistogramValue {
  labels: MetricLabels
  /** The number of durations up to each limit, in seconds. The shorter ones are included. */
  buckets: ReadonlyArray<{ upTo: number, count: number }>
  /** The sum of all durations, in seconds. */
  sum: number
  /** The number of all durations, also of those beyond the last limit. */
  count: number
}

interface Description {
  /** The name without {@link METRIC_PREFIX}. A counter's ends in `_total`. */
  name: string
  help: string
  unit: MetricUnit
  labelNames: readonly string[]
  /** How values of several processes become one. */
  together: 'sum' | 'max'
}

/** A metric whose values are numbers. A counter never decreases while the transport lives. */
export interface NumberFamily extends Description {
  type: 'counter' | 'gauge'
  read (snapshot: FanoutSnapshot): MetricValue[]
}

/** A metric whose values are histograms. */
export interface HistogramFamily extends Description {
  type: 'histogram'
  read (snapshot: FanoutSnapshot): HistogramValue[]
}

/** A metric with all its values. */
export type MetricFamily = NumberFamily | HistogramFamily

const states = keysOf<CircuitState>({ closed: true, open: true, 'half-open': true })

const dropReasons = keysOf<DropReason>({
  'queue-full': true, 'too-long': true, 'at-most-once': true, poison: true, 'spool-full': true, damaged: true, closed: true
})

/** Without `http-<status>`: a status is known only once a backend has answered with it. */
const failureReasons = keysOf<Exclude<FailureReason, `http-${number}`>>({
  'start-failed': true,
  'start-timeout': true,
  'stream-error': true,
  'write-error': true,
  'write-timeout': true,
  'closed-early': true,
  destroyed: true,
  'thread-exit': true,
  'process-exit': true,
  'out-of-memory': true,
  network: true,
  'health-check': true,
  'still-hung': true
})

/** The transitions of a breaker, each with its reasons. */
const transitions = [
  ...withReasons('closed', 'open', [...failureReasons, 'failure-rate', 'slow', 'forced']),
  ...withReasons('open', 'half-open', ['recovery-due']),
  ...withReasons('half-open', 'closed', ['probe-succeeded', 'forced', 'reset']),
  ...withReasons('half-open', 'open', [...failureReasons, 'slow', 'forced']),
  ...withReasons('open', 'closed', ['forced', 'reset'])
]

/**
 * Every metric of a transport. `/metrics`, `prometheus(registry)` and `opentelemetry(meter)` are all made from them.
 *
 * Every combination of labels that can be known is there from the start, with 0: a metric that appears only with the first
 * failure has no increase that anybody could see.
 */
export const metricFamilies: readonly MetricFamily[] = [
  ofSinks(
    { name: 'circuit_state', type: 'gauge', unit: 'state', help: 'State of the breaker of a sink: 1 for the state that it is in, 0 for the others.' },
    ['state'],
    sink => states.map(state => [state === sink.state ? 1 : 0, state])
  ),
  ofSinks(
    { name: 'circuit_transitions_total', type: 'counter', unit: 'transitions', help: 'Transitions of the breaker of a sink.' },
    ['from', 'to', 'reason'],
    sink => [...transitions, ...sink.transitions.filter(isUnforeseen)].map(transition => [countOf(transition, sink), transition.from, transition.to, transition.reason])
  ),
  ofSink({ name: 'circuit_open_seconds_total', type: 'counter', unit: 'seconds', help: 'Time in which the breaker of a sink was not closed.' }, ({ openMs }) => openMs / 1000),
  ofSink({ name: 'lines_received_total', type: 'counter', unit: 'lines', help: 'Lines that came for a sink, by its level. At any time they are the sum of all other lines of the sink.' }, ({ linesReceived }) => linesReceived),
  ofSink({ name: 'lines_delivered_total', type: 'counter', unit: 'lines', help: 'Lines that arrived.' }, ({ linesDelivered }) => linesDelivered),
  ofSink({ name: 'lines_skipped_total', type: 'counter', unit: 'lines', help: 'Lines lost by whenOpen: skip, while the breaker was not closed.' }, ({ linesSkipped }) => linesSkipped),
  byReason({ name: 'lines_dropped_total', type: 'counter', unit: 'lines', help: 'Lines lost, by the reason.' }, dropReasons, ({ linesDropped }) => linesDropped),
  ofSink({ name: 'lines_dropped_protected_total', type: 'counter', unit: 'lines', help: 'Lines that a full queue dropped although they were at or above queue.protectLevel. They are part of lines_dropped_total.' }, ({ linesDroppedProtected }) => linesDroppedProtected),
  ofSinks(
    { name: 'lines_fallback_total', type: 'counter', unit: 'lines', help: 'Lines passed to the fallback of a sink. A sink without a fallback has no such metric.' },
    ['fallback'],
    ({ fallback, linesFallback }) => fallback === undefined ? [] : [[linesFallback, fallback]]
  ),
  ofSink({ name: 'lines_dead_lettered_total', type: 'counter', unit: 'lines', help: 'Lines written to the dead-letter file.' }, ({ linesDeadLettered }) => linesDeadLettered),
  byReason({ name: 'failures_total', type: 'counter', unit: 'failures', help: 'Failures of a sink, by the reason.' }, failureReasons, ({ failures }) => failures),
  byReason({ name: 'restarts_total', type: 'counter', unit: 'restarts', help: 'Restarts of a sink, by the reason of the failure before.' }, failureReasons, ({ restartReasons }) => restartReasons),
  ofSink({ name: 'queue_lines', type: 'gauge', unit: 'lines', help: 'Lines that wait in memory.' }, ({ queueLines }) => queueLines),
  ofSink({ name: 'queue_bytes', type: 'gauge', unit: 'bytes', help: 'Bytes of the lines that wait in memory and of those that the sink holds.' }, ({ queueBytes }) => queueBytes),
  ofSink({ name: 'queue_max_bytes', type: 'gauge', unit: 'bytes', help: 'The most that queue_bytes may be: queue.maxBytes.' }, ({ queueMaxBytes }) => queueMaxBytes),
  ofSink({ name: 'unsettled_lines', type: 'gauge', unit: 'lines', help: 'Lines that the sink holds, neither delivered nor failed.' }, ({ unsettledLines }) => unsettledLines),
  ofSink({ name: 'spool_lines', type: 'gauge', unit: 'lines', help: 'Lines that wait on the disk.' }, ({ spoolLines }) => spoolLines),
  ofSink({ name: 'spool_bytes', type: 'gauge', unit: 'bytes', help: 'Size of the spool on the disk.' }, ({ spoolBytes }) => spoolBytes),
  ofSink({ name: 'spool_max_bytes', type: 'gauge', unit: 'bytes', help: 'The most that spool_bytes may be: spool.maxBytes. 0 for a sink without a spool.' }, ({ spoolMaxBytes }) => spoolMaxBytes),
  ofSink({ name: 'consecutive_failures', type: 'gauge', unit: 'failures', together: 'max', help: 'Failures of a sink since its last success.' }, ({ consecutiveFailures }) => consecutiveFailures),
  ofSink({ name: 'late_faults_total', type: 'counter', unit: 'faults', help: 'Errors of sinks that were already discarded. They have no effect.' }, ({ lateFaults }) => lateFaults),
  attemptDurations({ name: 'attempt_duration_seconds', unit: 'seconds', help: 'Attempts that succeeded: from the hand-over of lines until the sink accepted them, or until send resolved.' }),
  ofTransport({ name: 'lines_without_level_total', type: 'counter', unit: 'lines', help: 'Lines without a usable level, which go to every sink.' }, ({ linesWithoutLevel }) => linesWithoutLevel),
  ofTransport({ name: 'up_seconds', type: 'gauge', unit: 'seconds', together: 'max', help: 'Time since the transport was started.' }, ({ upMs }) => upMs / 1000)
]

type About = Pick<Description, 'name' | 'unit' | 'help'> & Partial<Pick<Description, 'together'>>
type AboutNumber = About & Pick<NumberFamily, 'type'>

/** A value, and then what its labels are beside the name of the sink. */
type Labelled = [value: number, ...labels: string[]]

function ofTransport (about: AboutNumber, value: (snapshot: FanoutSnapshot) => number): NumberFamily {
  const labels = new LabelSets([]).of()
  return { together: 'sum', ...about, labelNames: [], read: snapshot => [{ labels, value: value(snapshot) }] }
}

function ofSink (about: AboutNumber, value: (sink: SinkSnapshot) => number): NumberFamily {
  return ofSinks(about, [], sink => [[value(sink)]])
}

function byReason (about: AboutNumber, reasons: readonly string[], counts: (sink: SinkSnapshot) => Readonly<Record<string, number | undefined>>): NumberFamily {
  const zeros = Object.fromEntries(reasons.map(reason => [reason, 0]))
  return ofSinks(about, ['reason'], sink => Object.entries({ ...zeros, ...counts(sink) }).map(([reason, count]) => [count ?? 0, reason]))
}

function ofSinks (about: AboutNumber, labels: readonly string[], values: (sink: SinkSnapshot) => Labelled[]): NumberFamily {
  const labelNames = ['sink', ...labels]
  const sets = new LabelSets(labelNames)
  return {
    together: 'sum',
    ...about,
    labelNames,
    read: ({ sinks }) => sinks.flatMap(sink => values(sink).map(([value, ...labels]) => ({ labels: sets.of(sink.name, ...labels), value })))
  }
}

function attemptDurations (about: About): HistogramFamily {
  const labelNames = ['sink']
  const sets = new LabelSets(labelNames)
  return {
    together: 'sum',
    ...about,
    type: 'histogram',
    labelNames,
    read: ({ sinks }) => sinks.map(({ name, attempts }) => ({ labels: sets.of(name), ...histogramOf(attempts) }))
  }
}

function histogramOf ({ buckets, sumMs, count }: Durations): Omit<HistogramValue, 'labels'> {
  let upToHere = 0
  return {
    buckets: DURATION_LIMITS_MS.map((limitMs, bucket) => {
      upToHere += buckets[bucket]?.count ?? 0
      return { upTo: limitMs / 1000, count: upToHere }
    }),
    sum: sumMs / 1000,
    count
  }
}

interface Transition {
  from: CircuitState
  to: CircuitState
  reason: TransitionReason
}

function withReasons (from: CircuitState, to: CircuitState, reasons: readonly TransitionReason[]): Transition[] {
  return reasons.map(reason => ({ from, to, reason }))
}

function isUnforeseen (transition: Transition): boolean {
  return !transitions.some(other => isSame(transition, other))
}

function countOf (transition: Transition, sink: SinkSnapshot): number {
  return sink.transitions.find(other => isSame(transition, other))?.count ?? 0
}

function isSame (one: Transition, other: Transition): boolean {
  return one.from === other.from && one.to === other.to && one.reason === other.reason
}

/** The members of a union. The compiler sees to it that none is missing. */
function keysOf<Member extends string> (members: Readonly<Record<Member, true>>): readonly Member[] {
  return Object.keys(members) as Member[]
}
