// The monitor in the app's thread, with the app's own registry and meter. Compiled, never run.
import type { Meter } from '@opentelemetry/api'
import { once } from 'node:events'
import pino from 'pino'
import fanout, { type FanoutSnapshot, type FanoutTransport, type Notice, type TransitionEvent } from 'pino-breaker-fanout'
import { monitor, type Monitor, type MonitorOptions } from 'pino-breaker-fanout/monitor'
import { Registry } from 'prom-client'
import { sameType } from './expect.js'

const transport: FanoutTransport = pino.transport({ target: 'pino-breaker-fanout', options: { targets: [{ target: 'pino/file' }] } })
const options: MonitorOptions = { snapshotIntervalMs: 1000, answerTimeoutMs: 1000, reopenOnSighup: true }

export const watch: Monitor = monitor(transport, options)
monitor(pino.transport({ target: 'pino-breaker-fanout', options: { targets: [{ target: 'pino/file' }] } }))
fanout({ targets: [{ target: 'pino/file' }] }).then(stream => monitor(stream).snapshot())

watch
  .on('transition', event => sameType<typeof event, TransitionEvent>())
  .once('snapshot', snapshot => sameType<typeof snapshot, FanoutSnapshot>())
  .on('notice', notice => sameType<typeof notice, Notice>())
  .on('end', snapshot => sameType<typeof snapshot, FanoutSnapshot | undefined>())
once(watch, 'end').then(([snapshot]) => snapshot)

export async function steer (meter: Meter): Promise<void> {
  sameType<Awaited<ReturnType<typeof watch.snapshot>>, FanoutSnapshot>()
  await watch.open('loki')
  await watch.setLevel(undefined, 'debug')
  await watch.setLevel('loki', 20)
  const files: string[] = await watch.reopen()
  await watch.reopen(files[0])
  const removeMetrics: () => void = watch.prometheus(new Registry())
  removeMetrics()
  watch.opentelemetry(meter)()
  watch.detach()
}

// @ts-expect-error there is no such event
watch.on('transitions', () => {})
// @ts-expect-error a snapshot has no state of its own
watch.on('snapshot', ({ state }) => state)
// @ts-expect-error there is no such option
monitor(transport, { intervalMs: 5 })
// @ts-expect-error a logger is not its transport
monitor(pino(transport))
// @ts-expect-error which sinks, and then the level
watch.setLevel('debug')
// @ts-expect-error a meter is not a registry
export const mistaken = (meter: Meter): unknown => watch.prometheus(meter)
