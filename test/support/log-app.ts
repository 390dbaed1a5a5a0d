// A small app that logs through a transport. Its first argument gives its instructions as JSON. It writes its reports, as
// lines of JSON, to file descriptor 3, which no sink uses.
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import type { FanoutSnapshot, TransitionEvent } from 'pino-breaker-fanout'
import type { AppPlan, AppReport } from './run-app.js'

const NOTICE_LIMIT_MS = 15000

const {
  transport: options, lines, linesPerTurn = 100, turnMs = 5, padBytes = 0, idleMs = 0, awaitsReady = false, awaitTripOf, awaitDeliveryBy, ending = 'loop'
} = JSON.parse(process.argv[2]!) as AppPlan

process.on('uncaughtExceptionMonitor', (error: unknown) => report({ type: 'uncaught', message: error instanceof Error ? error.message : String(error) }))

const transport = pino.transport(options)
const log = pino({ name: 'app' }, transport)
let notice = (): void => {}
const noticed = new Promise<void>(resolve => { notice = resolve })
transport.on('metrics', (snapshot: FanoutSnapshot) => {
  report({ type: 'metrics', snapshot })
  if (snapshot.sinks.some(({ name, linesDelivered }) => name === awaitDeliveryBy && linesDelivered > 0)) notice()
})
transport.on('breaker', (event: TransitionEvent) => {
  report({ type: 'breaker', event })
  if (event.sink === awaitTripOf) notice()
})
// pino unrefs its worker once it is ready. Its types lack `ref`, which undoes that.
if (ending === 'close') transport.on('ready', () => (transport as unknown as { ref (): void }).ref())

if (awaitsReady) await once(transport, 'ready')
report({ type: 'logging' })
await logLines(0, lines / 2)
if (awaitTripOf !== undefined || awaitDeliveryBy !== undefined) {
  const limit = setTimeout(notice, NOTICE_LIMIT_MS)
  await noticed
  clearTimeout(limit)
}
await logLines(lines / 2, lines)
if (idleMs > 0) await sleep(idleMs)

report({ type: 'ending', time: Date.now() })
if (ending === 'exit') process.exit(0)
if (ending === 'close') {
  const closed = once(transport, 'close')
  transport.end()
  await closed
}

async function logLines (from: number, to: number): Promise<void> {
  const pad = padBytes > 0 ? { pad: 'x'.repeat(padBytes) } : {}
  for (let id = from; id < to; id++) {
    log.info({ id, ...pad }, 'a line of the app')
    if (id % linesPerTurn === linesPerTurn - 1) await sleep(turnMs)
  }
}

function report (seen: AppReport): void {
  writeSync(3, JSON.stringify(seen) + '\n')
}
