import type ThreadStream from 'thread-stream'
import type { TransitionEvent } from './breaker.js'
import type { FanoutSnapshot } from './metrics.js'
import type { Notice } from './reports/notice.js'

/** Where the monitor is reached: the argument of `transport.on('monitor', …)`. */
export interface MonitorAddress {
  /** `http://127.0.0.1:9464`, or `unix:` and the path of the socket. */
  address: string
  /** `undefined` for a socket. */
  port?: number
}

/**
 * The transport as the app has it: `const transport: FanoutTransport = pino.transport({ target: 'pino-breaker-fanout', … })`.
 * pino returns a stream of the package thread-stream, which also emits the events of this transport and of its sinks.
 */
export interface FanoutTransport extends ThreadStream {
  /** A breaker has changed its state. */
  on (event: 'breaker', listener: (event: TransitionEvent) => void): this
  /** The counters of all sinks, each `metricsIntervalMs`. */
  on (event: 'metrics', listener: (snapshot: FanoutSnapshot) => void): this
  /** A sink does not do well: a warning before its breaker opens. */
  on (event: 'notice', listener: (notice: Notice) => void): this
  /** The monitor listens. */
  on (event: 'monitor', listener: (address: MonitorAddress) => void): this
  on<Args extends unknown[]> (event: string | symbol, listener: (...args: Args) => void): this
}
