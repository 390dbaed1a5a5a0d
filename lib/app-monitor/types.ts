import type { EventEmitter } from 'node:events'
import type { TransitionEvent } from '../breaker.js'
import type { FanoutSnapshot } from '../metrics.js'
import type { PrometheusRegistry } from '../monitor/prometheus.js'
import type { Notice } from '../reports/notice.js'
import type { Meter } from './meter.js'

/** Options of a {@link Monitor}. */
export interface MonitorOptions {
  /**
   * How often the event `snapshot` is emitted while somebody listens, in ms, from 10.
   * @default 1000
   */
  snapshotIntervalMs?: number
  /**
   * How long a call waits for a transport that does not answer, in ms, from 10 to 60000.
   * @default 1000
   */
  answerTimeoutMs?: number
  /**
   * True: SIGHUP reopens all files, as logrotate's `postrotate` script asks for. The process then no longer ends by SIGHUP, until
   * `detach()`. Only in the main thread, since no other gets signals.
   * @default false
   */
  reopenOnSighup?: boolean
}

/** The events of a {@link Monitor}, with their arguments. */
export interface MonitorEvents {
  /** A breaker has changed its state. */
  transition: [event: TransitionEvent]
  /** All counts: at once, and then each `snapshotIntervalMs`, while somebody listens. None while the transport does not answer. */
  snapshot: [snapshot: FanoutSnapshot]
  /** A warning before it hurts. */
  notice: [notice: Notice]
  /** The transport has ended, with its last counts; `undefined` if its thread has exited without any. */
  end: [snapshot: FanoutSnapshot | undefined]
}

/**
 * Watches and steers a transport from the app's thread. It costs the transport nothing but the answers to its calls.
 *
 * Calls reject with a `FanoutError`:
 *
 * - `ERR_FANOUT_NO_ANSWER`: the transport has not answered within `answerTimeoutMs`, or its thread has exited. Unless the message
 *   says that the transport has begun with it, the call has no effect, also later. A transport that is still starting is waited
 *   for, up to 10 s.
 * - `ERR_FANOUT_CLOSED`: the transport has ended, or the monitor is detached
 * - `ERR_FANOUT_UNKNOWN_SINK`, `ERR_FANOUT_UNKNOWN_LEVEL`
 *
 * It never keeps the process alive by itself; only a call without an answer does, for as long as it may wait.
 */
export interface Monitor extends EventEmitter {
  on<Event extends keyof MonitorEvents> (event: Event, listener: (...args: MonitorEvents[Event]) => void): this
  once<Event extends keyof MonitorEvents> (event: Event, listener: (...args: MonitorEvents[Event]) => void): this
  off<Event extends keyof MonitorEvents> (event: Event, listener: (...args: MonitorEvents[Event]) => void): this

  /** All counts at this moment; after the end of the transport, its last ones. */
  snapshot (): Promise<FanoutSnapshot>
  /**
   * Opens the breaker of a sink, as if it had tripped now: `whenOpen` decides about new lines. Lines in flight stay with the sink:
   * those that arrive are delivered, those that fail come back. After `recoveryTimeoutMs` it probes, as always.
   */
  open (sink: string): Promise<void>
  /** Closes the breaker of a sink without a probe. */
  close (sink: string): Promise<void>
  /** Closes the breaker of a sink, and forgets its failures. */
  reset (sink: string): Promise<void>
  /** Probes at once, and not only after `recoveryTimeoutMs`. If that succeeds, the lines that wait are sent, also those of a spool. */
  replay (sink: string): Promise<void>
  /**
   * Sets the lowest level that a sink takes, or that all sinks take which are not standby. The app's logger has a level of its own:
   * lines below that never come.
   *
   * @param sink - `undefined` for all
   * @param level - A number or a label; `'all'` also for lines without a level, `'silent'` for none
   */
  setLevel (sink: string | undefined, level: number | string): Promise<void>
  /**
   * Without an argument, opens the files of all `pino/file` targets with a path by their names again, after a rotation has renamed
   * them. With the name of a sink, ends that sink in good order and starts it again. No line is lost.
   *
   * @returns The names of the sinks
   */
  reopen (sink?: string): Promise<string[]>
  /**
   * Registers the transport's metrics in the app's own registry of prom-client. Each scrape reads a snapshot.
   *
   * @returns A function that removes them
   */
  prometheus (registry: PrometheusRegistry): () => void
  /**
   * Creates the transport's metrics with the app's own meter of @opentelemetry/api. Each collection reads a snapshot.
   *
   * @returns A function that stops them
   */
  opentelemetry (meter: Meter): () => void
  /** Releases everything: listeners on the transport and the process, metrics, and the channel to the transport's thread. */
  detach (): void
}
