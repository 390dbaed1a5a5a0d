import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import type { FanoutOptions, FanoutSnapshot, SinkSnapshot, TransitionEvent } from 'pino-breaker-fanout'

const LIMIT_MS = 20000
const POLL_MS = 10

export type AppTransport = ReturnType<typeof pino.transport>

/** A logger with the real transport, and a record of the transport's events. */
export interface FanoutRig {
  log: pino.Logger
  transport: AppTransport
  transitions: TransitionEvent[]
  snapshots: FanoutSnapshot[]
  /** The first snapshot from now on in which a condition holds for a sink. */
  sinkWhen (name: string, condition: (sink: SinkSnapshot) => boolean, what: string): Promise<SinkSnapshot>
  /** The first transition of a sink to a state, past or future. */
  transitionTo (sink: string, state: TransitionEvent['to']): Promise<TransitionEvent>
  /** Ends the transport and waits for its `close`. */
  close (): Promise<void>
}

/** Starts the transport in this process. */
export function openFanout (options: FanoutOptions, loggerOptions: pino.LoggerOptions = {}): FanoutRig {
  const transport = pino.transport({ target: 'pino-breaker-fanout', options: { metricsIntervalMs: 20, ...options } }) as AppTransport
  const transitions: TransitionEvent[] = []
  const snapshots: FanoutSnapshot[] = []
  transport.on('breaker', (event: TransitionEvent) => { transitions.push(event) })
  transport.on('metrics', (snapshot: FanoutSnapshot) => { snapshots.push(snapshot) })
  return {
    log: pino({ base: null, timestamp: false, ...loggerOptions }, transport),
    transport,
    transitions,
    snapshots,
    async sinkWhen (name, condition, what) {
      let found: SinkSnapshot | undefined
      const from = snapshots.length
      await until(() => {
        found = snapshots.slice(from).flatMap(({ sinks }) => sinks).find(sink => sink.name === name && condition(sink))
        return found !== undefined
      }, what)
      return found as SinkSnapshot
    },
    async transitionTo (sink, state) {
      const find = (): TransitionEvent | undefined => transitions.find(event => event.sink === sink && event.to === state)
      await until(() => find() !== undefined, `the breaker of ${sink} to become ${state}`)
      return find() as TransitionEvent
    },
    async close () {
      await closeTransport(transport)
    }
  }
}

/** Ends a transport and waits for its `close`. */
export async function closeTransport (transport: AppTransport): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    // pino unrefs its worker once it is ready, so this timer keeps the process alive.
    const limit = setTimeout(() => reject(new Error('the transport did not close in time')), LIMIT_MS)
    transport.once('close', () => {
      clearTimeout(limit)
      resolve()
    })
    transport.end()
  })
}

/** Waits for a condition outside this process. If it never holds, the error says what was missing. */
export async function until (condition: () => boolean, what: string, limitMs = LIMIT_MS): Promise<void> {
  const deadline = Date.now() + limitMs
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await sleep(POLL_MS)
  }
}

/** The sum that `received` must equal at any time. */
export function accountedLines ({ linesDelivered, linesSkipped, linesDropped, linesFallback, linesDeadLettered, queueLines, unsettledLines, spoolLines }: SinkSnapshot): number {
  const dropped = Object.values(linesDropped).reduce((sum, lines) => sum + lines, 0)
  return linesDelivered + linesSkipped + dropped + linesFallback + linesDeadLettered + queueLines + unsettledLines + spoolLines
}
