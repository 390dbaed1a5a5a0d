// An app that logs, at the pace that its parent orders, to the targets that it is told of, and tells what its transport
// tells it.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import type { FanoutSnapshot, TransitionEvent } from 'pino-breaker-fanout'
import type { AppOrder, AppPlan, AppReport } from './app.js'
import { messageOf } from './arrivals.js'

const TURN_MS = 10

const { options, linesPerSecond, paddingBytes } = JSON.parse(process.argv[2] ?? '') as AppPlan
const padding = 'x'.repeat(paddingBytes)
const state = { isLogging: false }
let logged = 0

const transport = pino.transport({ target: 'pino-breaker-fanout', options })
const log = pino({ name: 'app' }, transport)
transport.on('breaker', (event: TransitionEvent) => tell({ type: 'breaker', event }))
transport.on('metrics', (snapshot: FanoutSnapshot) => tell({ type: 'metrics', snapshot }))
await once(transport, 'ready')

process.on('message', (order: AppOrder) => {
  if (order.type === 'log') logLines()
  else if (order.type === 'pause') state.isLogging = false
  else end()
})
process.on('disconnect', () => process.exit(1))
tell({ type: 'ready' })

async function logLines (): Promise<void> {
  state.isLogging = true
  const [begin, before] = [performance.now(), logged]
  while (state.isLogging) {
    const due = before + Math.ceil((performance.now() - begin) * linesPerSecond / 1000)
    for (; logged < due; logged++) {
      if (paddingBytes > 0) log.info({ padding }, messageOf(logged))
      else log.info(messageOf(logged))
    }
    await sleep(TURN_MS)
  }
  tell({ type: 'paused', logged })
}

function end (): void {
  transport.once('close', () => {
    tell({ type: 'ended' })
    process.disconnect()
    process.exit(0)
  })
  // pino unrefs its worker once it is ready; its types do not know of the way back.
  ;(transport as unknown as { ref (): void }).ref()
  transport.end()
}

function tell (report: AppReport): void {
  process.send?.(report)
}
