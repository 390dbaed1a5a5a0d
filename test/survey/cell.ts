import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FanoutOptions, SinkSnapshot, TransitionEvent } from 'pino-breaker-fanout'
import { startApp, type App } from './app.js'
import { Arrivals } from './arrivals.js'
import { startBackend, type Backend } from './backend.js'
import { mountDisk } from './disk.js'
import { outages, type OutageName } from './outages.js'
import { hasRsyslog, startRsyslog } from './rsyslog.js'
import type { SurveyedTransport } from './transports.js'

/** The settings of a lane that is surveyed: small, so that a cell takes seconds. */
export const LANE = {
  writeTimeoutMs: 2000,
  breaker: { failureThreshold: 1, recoveryTimeoutMs: 1000, settleMs: 300 },
  queue: { maxBytes: 64 * 1024 * 1024 }
} as const

/** How many lines a second are logged in an outage. */
export const LINES_PER_SECOND = 200
/** How long an outage goes on once it has been seen. */
const OUTAGE_MS = 1500
const FIRST_ARRIVAL_LIMIT_MS = 20000
const OPEN_LIMIT_MS = 15000
/** How long an outage lasts that is known to stay hidden. */
const HIDDEN_LIMIT_MS = 8000
const CLOSE_LIMIT_MS = 20000
const SETTLE_LIMIT_MS = 20000
const END_LIMIT_MS = 15000
const POLL_MS = 20

/** What was seen in an outage. */
export interface OutageFacts {
  /** From the beginning of the outage to the breaker's opening. */
  readonly openedAfterMs: number | undefined
  readonly reason: string | undefined
  /** Of the error that opened it: the system's code, its type and what it says. */
  readonly code: string | undefined
  readonly type: string | undefined
  readonly message: string | undefined
  /** Whether the record in the healthy file bears the same reason. */
  readonly isRecorded: boolean
  /** From the end of the outage to the breaker's closing; negative if it has closed before, and did not open again. */
  readonly closedAfterMs: number | undefined
}

/** What was seen of the lines. */
export interface LineFacts {
  readonly logged: number
  readonly missing: number
  /** How often lines arrived beyond their first time. */
  readonly duplicates: number
  readonly isFileComplete: boolean
  /** Failures by reason, as the last snapshot has them. */
  readonly failures: SinkSnapshot['failures']
  readonly hasEnded: boolean
}

export type CellFacts = OutageFacts & LineFacts

/** Runs one transport beside a healthy file through one outage; `undefined` where this system has no such backend. */
export async function runOutage (transport: SurveyedTransport, name: OutageName): Promise<CellFacts | undefined> {
  const outage = outages[name]
  return await withBackend(transport, async (backend, dir) => {
    if (outage.fromStart) await backend.turn(outage.mode)
    const file = join(dir, 'healthy.log')
    const app = await startApp({ options: optionsFor(transport, backend, file), linesPerSecond: transport.linesPerSecond ?? LINES_PER_SECOND, paddingBytes: transport.paddingBytes?.[name] ?? 0 })
    try {
      app.log()
      if (!outage.fromStart) {
        await firstArrival(backend)
        await backend.turn(outage.mode)
      }
      const begun = Date.now()
      const isHidden = transport.limits?.[name]?.demands.includes('opens')
      await app.until(() => find(app, 'open', begun) !== undefined, isHidden === true ? HIDDEN_LIMIT_MS : OPEN_LIMIT_MS)
      const opened = find(app, 'open', begun)
      await sleep(OUTAGE_MS)

      // Taken before: what a backend that hung is waiting to answer, it answers at once.
      const ended = Date.now()
      await backend.turn('up')
      if (opened !== undefined) await app.until(() => lastClosing(app) !== undefined, CLOSE_LIMIT_MS)
      const closed = opened && lastClosing(app)
      const lines = await finish(app, backend, file)
      return {
        openedAfterMs: opened && opened.time - begun,
        reason: opened?.reason,
        code: opened?.err?.code,
        type: opened?.err?.type,
        message: opened?.err?.message,
        isRecorded: hasRecord(file, opened),
        closedAfterMs: closed && closed.time - ended,
        ...lines
      }
    } finally {
      await app.end(END_LIMIT_MS)
    }
  })
}

/** Runs one transport beside a healthy file, with nothing in its way. */
export async function runHealthy (transport: SurveyedTransport, { linesPerSecond, ms }: { linesPerSecond: number, ms: number }): Promise<LineFacts | undefined> {
  return await withBackend(transport, async (backend, dir) => {
    const file = join(dir, 'healthy.log')
    const app = await startApp({ options: optionsFor(transport, backend, file), linesPerSecond, paddingBytes: 0 })
    try {
      app.log()
      await sleep(ms)
      return await finish(app, backend, file)
    } finally {
      await app.end(END_LIMIT_MS)
    }
  })
}

async function withBackend<Facts> (transport: SurveyedTransport, run: (backend: Backend, dir: string) => Promise<Facts>): Promise<Facts | undefined> {
  const backend = await backendOf(transport)
  if (backend === undefined) return undefined
  const dir = mkdtempSync(join(tmpdir(), 'survey-'))
  try {
    return await run(backend, dir)
  } finally {
    await backend.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function backendOf ({ backend }: SurveyedTransport): Promise<Backend | undefined> {
  if (backend === 'disk') return mountDisk()
  if (backend === 'rsyslog') return hasRsyslog() ? await startRsyslog() : undefined
  return await startBackend(backend)
}

function optionsFor (transport: SurveyedTransport, backend: Backend, file: string): FanoutOptions {
  return {
    targets: [
      { name: 'file', target: 'pino/file', level: 'info', options: { destination: file } },
      { ...transport.target(backend.address), name: 'sink', level: 'info', ...LANE }
    ],
    diagnostics: { to: ['file'], level: 'info' },
    metricsIntervalMs: 100,
    closeTimeoutMs: 9000
  }
}

async function firstArrival (backend: Backend): Promise<void> {
  const deadline = Date.now() + FIRST_ARRIVAL_LIMIT_MS
  while ((await backend.arrivals()).size === 0) {
    if (Date.now() > deadline) throw new Error('nothing has arrived, with nothing in its way')
    await sleep(POLL_MS)
  }
}

function find (app: App, to: TransitionEvent['to'], from: number): TransitionEvent | undefined {
  return app.transitions.find(event => event.sink === 'sink' && event.to === to && event.time >= from)
}

/** The transition by which the breaker of the sink has closed, if it is closed. */
function lastClosing (app: App): TransitionEvent | undefined {
  const last = app.transitions.findLast(({ sink }) => sink === 'sink')
  return last?.to === 'closed' ? last : undefined
}

/** Stops logging, lets the lane settle, ends the app and counts what has become of its lines. */
async function finish (app: App, backend: Backend, file: string): Promise<LineFacts> {
  const logged = await app.pause()
  await app.until(() => {
    const sink = app.sink('sink')
    return sink !== undefined && sink.linesReceived >= logged && sink.queueLines + sink.unsettledLines === 0
  }, SETTLE_LIMIT_MS)
  const hasEnded = await app.end(END_LIMIT_MS)
  const arrived = await backend.arrivals()
  const inFile = fileArrivals(file)
  let missing = 0
  for (let id = 0; id < logged; id++) if (!arrived.has(id)) missing++
  return {
    logged,
    missing,
    duplicates: [...arrived.values()].reduce((sum, times) => sum + times - 1, 0),
    isFileComplete: inFile.size === logged && [...inFile.values()].every(times => times === 1),
    failures: app.sink('sink')?.failures ?? {},
    hasEnded
  }
}

function records (file: string): Array<{ msg?: unknown, sink?: unknown, reason?: unknown }> {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1).map(line => JSON.parse(line) as object) : []
}

function fileArrivals (file: string): Map<number, number> {
  const arrivals = new Arrivals()
  for (const { msg } of records(file)) arrivals.add(msg)
  return arrivals.times
}

function hasRecord (file: string, event: TransitionEvent | undefined): boolean {
  return event !== undefined && records(file).some(({ msg, sink, reason }) => msg === 'sink circuit open' && sink === event.sink && reason === event.reason)
}
