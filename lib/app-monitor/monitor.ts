import { EventEmitter } from 'node:events'
import { isMainThread } from 'node:worker_threads'
import { ChannelClient, type TransportStream } from '../app-channel/channel-client.js'
import type { Channel, ChannelListener } from '../app-channel/channel.js'
import { LocalChannel } from '../app-channel/local-channel.js'
import type { Controls, SinkAction } from '../controls.js'
import { FanoutError } from '../errors.js'
import type { FanoutSnapshot } from '../metrics.js'
import { registerMetrics, type PrometheusRegistry } from '../monitor/prometheus.js'
import { show } from '../options/faults.js'
import type { Meter } from './meter.js'
import { meterTransport } from './opentelemetry.js'
import { parseMonitorOptions, type MonitorSettings } from './options.js'
import type { Monitor, MonitorEvents, MonitorOptions } from './types.js'

/** The result of `pino.transport`: a stream of the package thread-stream. */
export interface MonitoredTransport extends NodeJS.EventEmitter {
  flushSync (): void
}

/**
 * Watches and steers a transport of this package.
 *
 * @param transport - What `pino.transport({ target: 'pino-breaker-fanout', … })` has returned, at any time of its life; or a
 * `FanoutStream` in this thread
 * @throws TypeError for anything else, FanoutError `ERR_FANOUT_OPTIONS` for wrong options
 */
export function monitor (transport: MonitoredTransport | Controls, options: MonitorOptions = {}): Monitor {
  const settings = parseMonitorOptions(options, isMainThread)
  if (isControls(transport)) return new TransportMonitor(listener => new LocalChannel(transport, listener), settings)
  if (isTransportStream(transport)) return new TransportMonitor(listener => new ChannelClient(transport, listener, settings.answerTimeoutMs), settings)
  throw new TypeError(`expected what pino.transport({ target: 'pino-breaker-fanout', … }) returns, or a FanoutStream, got ${isLogger(transport) ? 'a logger' : show(transport)}`)
}

class TransportMonitor extends EventEmitter implements Monitor {
  readonly #channel: Channel
  readonly #settings: MonitorSettings
  /** Undo what this has registered elsewhere. */
  readonly #releases = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined
  #isReading = false
  /** No snapshots are to be had any more. */
  #isOver = false
  #isDetached = false
  #latest: FanoutSnapshot | undefined

  constructor (openChannel: (listener: ChannelListener) => Channel, settings: MonitorSettings) {
    super()
    this.#settings = settings
    this.#channel = openChannel({
      onTransition: event => this.#emitSoon('transition', event),
      onNotice: notice => this.#emitSoon('notice', notice),
      onEnd: snapshot => {
        this.#stop()
        this.#latest = snapshot ?? this.#latest
        this.#emitSoon('end', snapshot)
      }
    })
    this.on('newListener', this.#onListener)
    this.on('removeListener', this.#onListenerGone)
    if (settings.reopenOnSighup) this.#reopenOnSighup()
  }

  async snapshot (): Promise<FanoutSnapshot> {
    return await this.#read()
  }

  async open (sink: string): Promise<void> {
    await this.#act('open', sink)
  }

  async close (sink: string): Promise<void> {
    await this.#act('close', sink)
  }

  async reset (sink: string): Promise<void> {
    await this.#act('reset', sink)
  }

  async replay (sink: string): Promise<void> {
    await this.#act('replay', sink)
  }

  async setLevel (sink: string | undefined, level: number | string): Promise<void> {
    if (sink !== undefined) requireName(sink)
    if (typeof level !== 'string' && typeof level !== 'number') throw new TypeError(`level: expected a number or a label, got ${show(level)}`)
    await this.#channel.setLevel(level, sink)
  }

  async reopen (sink?: string): Promise<string[]> {
    if (sink === undefined) return await this.#channel.reopenFiles()
    await this.#act('reopen', sink)
    return [sink]
  }

  prometheus (registry: PrometheusRegistry): () => void {
    requireMethods(registry, 'a Registry of prom-client', ['registerMetric', 'getSingleMetric', 'removeSingleMetric'])
    this.#requireAttached()
    return this.#untilDetached(registerMetrics(registry, () => this.#readLatest()))
  }

  opentelemetry (meter: Meter): () => void {
    requireMethods(meter, 'a Meter of @opentelemetry/api', ['createHistogram', 'createObservableCounter', 'createObservableUpDownCounter', 'createObservableGauge', 'addBatchObservableCallback', 'removeBatchObservableCallback'])
    this.#requireAttached()
    return this.#untilDetached(meterTransport(meter, () => this.#readLatest()))
  }

  detach (): void {
    this.#isDetached = true
    for (const release of [...this.#releases]) release()
    this.#stop()
    this.#channel.close()
  }

  /** Those of the user. This has two of its own. */
  override removeAllListeners (event?: string | symbol): this {
    const ofUser = this.eventNames().filter(name => name !== 'newListener' && name !== 'removeListener')
    for (const name of event === undefined ? ofUser : [event]) super.removeAllListeners(name)
    return this
  }

  #requireAttached (): void {
    if (this.#isDetached) throw new FanoutError('ERR_FANOUT_CLOSED', 'the monitor is detached')
  }

  async #act (action: SinkAction, sink: string): Promise<void> {
    requireName(sink)
    await this.#channel.act(action, sink)
  }

  async #read (holdsProcess?: boolean): Promise<FanoutSnapshot> {
    this.#latest = await this.#channel.snapshot(holdsProcess)
    return this.#latest
  }

  /** For metrics: the last snapshot that there was, if the transport does not answer. */
  async #readLatest (): Promise<FanoutSnapshot> {
    try {
      return await this.#read()
    } catch (error) {
      if (this.#latest === undefined) throw error
      return this.#latest
    }
  }

  readonly #onListener = (name: string | symbol): void => {
    if (name !== 'snapshot' || this.#timer !== undefined || this.#isOver) return
    this.#timer = setInterval(() => this.#sendSnapshot(), this.#settings.snapshotIntervalMs).unref()
    this.#sendSnapshot()
  }

  readonly #onListenerGone = (name: string | symbol): void => {
    if (name === 'snapshot' && this.listenerCount('snapshot') === 0) this.#stopTimer()
  }

  async #sendSnapshot (): Promise<void> {
    if (this.#isReading) return
    this.#isReading = true
    try {
      const snapshot = await this.#read(false)
      if (!this.#isOver) this.#emitSoon('snapshot', snapshot)
    } catch {
      // The next one may come.
    } finally {
      this.#isReading = false
    }
  }

  /** Later, so that a listener that throws disturbs nothing but itself. */
  #emitSoon<Event extends keyof MonitorEvents> (event: Event, ...args: MonitorEvents[Event]): void {
    process.nextTick(() => this.emit(event, ...args))
  }

  #reopenOnSighup (): void {
    const reopen = (): void => {
      this.reopen().catch((error: unknown) => {
        if (!this.#isOver) process.emitWarning(`no file was reopened at SIGHUP: ${String(error)}`, 'FanoutWarning')
      })
    }
    process.on('SIGHUP', reopen)
    this.#releases.add(() => process.off('SIGHUP', reopen))
  }

  #untilDetached (release: () => void): () => void {
    const releaseOnce = (): void => {
      if (this.#releases.delete(releaseOnce)) release()
    }
    this.#releases.add(releaseOnce)
    return releaseOnce
  }

  #stop (): void {
    this.#isOver = true
    this.#stopTimer()
  }

  #stopTimer (): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

function isControls (transport: unknown): transport is Controls {
  return hasMethods(transport, ['snapshot', 'act', 'reopenFiles', 'setLevel', 'listen'])
}

function isTransportStream (transport: unknown): transport is TransportStream {
  return hasMethods(transport, ['emit', 'on', 'off', 'flushSync']) && typeof (transport as { ready?: unknown }).ready === 'boolean'
}

function isLogger (value: unknown): boolean {
  return hasMethods(value, ['info', 'child'])
}

function hasMethods (value: unknown, names: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && names.every(name => typeof (value as Record<string, unknown>)[name] === 'function')
}

function requireMethods (value: unknown, what: string, names: readonly string[]): void {
  if (!hasMethods(value, names)) throw new TypeError(`expected ${what}, got ${show(value)}`)
}

function requireName (sink: unknown): asserts sink is string {
  if (typeof sink !== 'string') throw new TypeError(`sink: expected the name of a target, got ${show(sink)}`)
}
