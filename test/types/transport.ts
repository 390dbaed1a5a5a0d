// The transport in the app's thread, with its events. Compiled, never run.
import pino from 'pino'
import type { FanoutSnapshot, FanoutTransport, MonitorAddress, TransitionEvent } from 'pino-breaker-fanout'
import { sameType } from './expect.js'

const transport: FanoutTransport = pino.transport({ target: 'pino-breaker-fanout', options: { targets: [{ target: 'pino/file' }] } })

transport
  .on('breaker', event => sameType<typeof event, TransitionEvent>())
  .on('metrics', snapshot => sameType<typeof snapshot, FanoutSnapshot>())
  .on('monitor', address => sameType<typeof address, MonitorAddress>())
  .on('flushed by a sink', (count: number) => count)
  .on('error', (error: Error) => error.message)
transport.flush(() => transport.end())
export const log = pino(transport)

// @ts-expect-error a snapshot has no state of its own
transport.on('metrics', ({ state }) => state)
