import type { SinkSnapshot } from '#lib/metrics'
import type { StubHistory, StubSnapshot } from './monitor-stub.js'

const STEP_MS = 2000
const STEPS = 300
const MINUTE_MS = 60_000
const MIB = 1024 * 1024

/** When a sink was in which state, in minutes before now, and what came of its lines. */
export interface SinkScene {
  name: string
  /** Lines a second that come to it. */
  rate: number
  /** Outages, in minutes before now: tripped, and closed again if it was. */
  outages?: Array<{ from: number, to?: number, reason: string }>
  /** How many lines may wait; more are lost. */
  room?: number
  state?: Partial<SinkSnapshot>
}

/** A snapshot and ten minutes of history that fit one another, made of what sinks went through. The numbers are always the same. */
export function monitorScene (sinks: SinkScene[], now: number, { actions = true, hasEnded = false } = {}): { snapshot: StubSnapshot, history: StubHistory } {
  const history: StubHistory = { stepMs: STEP_MS, times: [], sinks: {}, transitions: [], notices: [] }
  for (let i = 0; i < STEPS; i++) history.times.push(now - (STEPS - 1 - i) * STEP_MS)
  const snapshots = sinks.map(sink => playSink(sink, now, history))
  history.transitions.sort((a, b) => timeOf(a) - timeOf(b))
  return {
    history,
    snapshot: { time: now, upMs: 194 * MINUTE_MS, hasEnded, linesWithoutLevel: 0, pid: 4711, hostname: 'web-1.eu-central', version: '0.1.0', actions, sinks: snapshots }
  }
}

function playSink ({ name, rate, outages = [], room = 100_000, state }: SinkScene, now: number, history: StubHistory): SinkSnapshot {
  const counts = { delivered: [] as number[], backlog: [] as number[], lost: [] as number[] }
  let [delivered, backlog, lost] = [rate * 11_000, 0, 0]
  for (const [i, time] of history.times.entries()) {
    const minutesAgo = (now - time) / MINUTE_MS
    const isDown = outages.some(({ from, to = -1 }) => minutesAgo <= from && minutesAgo > to)
    // Load as of people: slow waves, and noise that is the same each time.
    const came = Math.round(rate * STEP_MS / 1000 * (1 + 0.18 * Math.sin(i / 23 + rate) + 0.16 * noise(i + rate)))
    const sent = isDown ? 0 : Math.min(backlog + came, Math.round(came * 3.2))
    backlog += came - sent
    delivered += sent
    if (backlog > room) {
      lost += backlog - room
      backlog = room
    }
    counts.delivered.push(delivered)
    counts.backlog.push(backlog)
    counts.lost.push(lost)
  }
  history.sinks[name] = counts
  for (const { from, to, reason } of outages) {
    history.transitions.push(transition(name, 'closed', 'open', reason, now - from * MINUTE_MS, 0))
    if (to === undefined) continue
    history.transitions.push(transition(name, 'open', 'half-open', 'recovery-due', now - to * MINUTE_MS - 900, (from - to) * MINUTE_MS - 900))
    history.transitions.push(transition(name, 'half-open', 'closed', 'probe-succeeded', now - to * MINUTE_MS, (from - to) * MINUTE_MS))
  }
  return { ...calmSink(name), linesReceived: delivered + backlog + lost, linesDelivered: delivered, linesDropped: lost > 0 ? { 'queue-full': lost } : {}, queueLines: backlog, queueBytes: backlog * 160, ...state }
}

function transition (sink: string, from: string, to: string, reason: string, time: number, openForMs: number): object {
  const status = /^http-(.*)/.exec(reason)?.[1]
  const message = reason === 'network' ? 'connect ECONNREFUSED 10.20.0.14:3100' : status === undefined ? 'a batch was not accepted within 10000 ms' : `the backend answered ${status}`
  const err = to === 'open' ? { err: { type: 'Error', message } } : {}
  return { sink, from, to, reason, generation: 1, consecutiveFailures: to === 'open' ? 5 : 0, openForMs, retryInMs: to === 'open' ? 30_000 : 0, time: Math.round(time), ...err }
}

/** A sink to which nothing has happened. */
export function calmSink (name: string): SinkSnapshot {
  return {
    name,
    state: 'closed',
    stateForMs: 194 * MINUTE_MS,
    retryInMs: 0,
    openMs: 0,
    transitions: [],
    level: 30,
    linesReceived: 0,
    linesDelivered: 0,
    linesSkipped: 0,
    linesDropped: {},
    linesDroppedProtected: 0,
    linesFallback: 0,
    linesDeadLettered: 0,
    queueLines: 0,
    queueBytes: 0,
    spoolPendingLines: 0,
    spoolPendingBytes: 0,
    unsettledLines: 0,
    spoolLines: 0,
    spoolBytes: 0,
    spoolMaxBytes: 0,
    queueMaxBytes: 16 * MIB,
    failures: {},
    lateFaults: 0,
    restarts: 0,
    restartReasons: {},
    attempts: { count: 5400, sumMs: 21_000, buckets: [4100, 600, 300, 200, 150, 40, 10, 0, 0, 0, 0, 0, 0, 0].map(count => ({ count, sumMs: count * 4 })) },
    consecutiveFailures: 0
  }
}

function timeOf (event: object): number {
  return (event as { time: number }).time
}

/** Between -1 and 1, and looks random. */
function noise (n: number): number {
  const x = Math.sin(n * 12.9898) * 43758.5453
  return (x - Math.floor(x)) * 2 - 1
}
