import { Writable } from 'node:stream'
import { takeOffers } from './app-channel/channel-offers.js'
import { emitInApp, isPinosWorker, onPinoConfig, passToApp, willSendConfig } from './app-port.js'
import { createAppThread, createNeedProbe } from './app-thread.js'
import type { TransitionEvent } from './breaker.js'
import { prepareHostScript } from './child/host-script.js'
import { systemClock, type Clock } from './clock.js'
import { printDirectly } from './console-at-end.js'
import type { ControlListener, Controls, SinkAction } from './controls.js'
import { Diagnostics } from './diagnostics.js'
import { FanoutError, serializeError } from './errors.js'
import type { MonitorAddress } from './fanout-transport.js'
import type { Lane } from './lane.js'
import { Gathering } from './gathering.js'
import { EVERYTHING, LevelNames } from './levels.js'
import type { FanoutSnapshot } from './metrics.js'
import { show } from './options/faults.js'
import { unknownLevel } from './options/unknown-level.js'
import { parseOptions, type FanoutOptions, type FanoutSettings, type MonitorSettings } from './options.js'
import { loadParts } from './parts.js'
import type { PinoConfig } from './pino-config.js'
import { Portions } from './portions.js'
import { endPreloadedTransports, leaveIfPreloaded, warnApp } from './preload.js'
import { RecordDelivery } from './record-delivery.js'
import { Router } from './router.js'
import { warnOfRuntime } from './runtime.js'
import { Seats } from './seats.js'
import { SerialDelivery } from './serial-delivery.js'
import { Splitter } from './splitter.js'
import type { Notice } from './reports/notice.js'
import { Notices } from './reports/notices.js'
import { TransitionReport } from './reports/transition-report.js'
import { within } from './within.js'

/** How long lines wait for pino's config: a stream that is written to without a logger never gets one. */
const CONFIG_TIMEOUT_MS = 1000
/** How long the app waits for sinks in this thread. It may be blocked meanwhile, if it ends as soon as it has logged. */
const INLINE_START_MS = 250

type WriteCallback = (error?: Error | null) => void

/** The events that the app gets, with their arguments. */
interface AppEvents {
  breaker: TransitionEvent
  metrics: FanoutSnapshot
  notice: Notice
  monitor: MonitorAddress
}

/**
 * The transport: pino calls this in its worker thread, with `options`.
 *
 * @returns The stream that pino writes to. It never emits `error` once it is there, and never closes early.
 * @throws {@link FanoutError} `ERR_FANOUT_OPTIONS`, with every fault of the options.
 */
export default async function fanout (options: FanoutOptions): Promise<FanoutStream> {
  const settings = parseOptions(options)
  const preloaded = isPinosWorker ? endPreloadedTransports() : undefined
  if (isPinosWorker) await leaveIfPreloaded()
  await prepareHostScript()
  await loadParts(settings.targets)
  const stream = new FanoutStream(settings)
  preloaded?.then(error => {
    warnApp(error)
    stream.warn(error.message)
  })
  if (isPinosWorker) await stream.inlineStarted()
  return stream
}

/** The Writable that pino writes to. It connects the parts of the transport. */
export class FanoutStream extends Writable implements Controls {
  readonly #settings: FanoutSettings
  readonly #clock: Clock
  readonly #seats: Seats
  readonly #serial: SerialDelivery<Lane>
  readonly #diagnostics: Diagnostics | undefined
  readonly #records: RecordDelivery | undefined
  readonly #transitions: TransitionReport
  readonly #splitter: Splitter
  readonly #gathering: Gathering
  readonly #notices: Notices
  readonly #ready: Promise<void>
  readonly #listeners = new Set<ControlListener>()
  readonly #startedAt: number
  readonly #refuseOffers: () => void
  #router: Router<Lane> | undefined
  #names: LevelNames
  #last: FanoutSnapshot | undefined
  #becomeReady: () => void = () => {}
  #forgetConfig: () => void = () => {}
  #configTimer: NodeJS.Timeout | undefined
  #metricsTimer: NodeJS.Timeout | undefined

  constructor (settings: FanoutSettings, clock: Clock = systemClock) {
    super({ decodeStrings: false })
    this.#settings = settings
    this.#clock = clock
    this.#startedAt = clock.now()
    this.#names = new LevelNames(settings.levels ?? {})
    const app = createAppThread(clock)
    const { diagnostics, levelKey, maxLineBytes, metricsIntervalMs, parallel } = settings
    if (diagnostics !== false) {
      const records = this.#records = new RecordDelivery(diagnostics.to, () => this.#seats.all, clock)
      this.#diagnostics = new Diagnostics({
        level: diagnostics.level,
        levels: settings.levels ?? {},
        levelKey,
        usesLabels: () => this.#router?.usesLabels ?? false,
        write: record => records.deliver(record)
      })
    }
    this.#transitions = new TransitionReport(clock, (event, transitions) => this.#diagnostics?.transition(event, transitions))
    this.#seats = new Seats(settings, {
      clock,
      app,
      willSendConfig: this.#awaitsConfig,
      diagnostics: this.#diagnostics,
      onTransition: event => {
        this.#transitions.add(event)
        this.#emitEvent('breaker', event)
        this.#tell(listener => listener.onTransition?.(event))
      },
      onSinkEvent: passToApp
    })
    this.#serial = new SerialDelivery(this.#seats.all, clock, app)
    this.#splitter = new Splitter(maxLineBytes, {
      onLines: parts => this.#router?.route(parts),
      onTooLong: () => this.#router?.refuseLine()
    })
    this.#notices = new Notices({
      lanes: () => this.#seats.lanes,
      clock,
      onNotice: notice => {
        this.#diagnostics?.notice(notice)
        this.#emitEvent('notice', notice)
        this.#tell(listener => listener.onNotice?.(notice))
      }
    })
    const portions = new Portions({
      take: portion => this.#splitter.write(portion),
      whenRelieved: then => parallel ? this.#seats.whenRelieved(then) : this.#serial.run().then(then)
    })
    this.#gathering = new Gathering({
      clock,
      levelKey,
      sinksGather: this.#seats.gather,
      work: (chunk, done) => {
        this.#notices.wake()
        portions.work(chunk, done)
      },
      hurry: () => { for (const lane of this.#seats.lanes) lane.hurry() },
      needOfWriter: createNeedProbe(),
      onResume: () => { if (this.writable && !this.writableNeedDrain) this.emit('drain') }
    })
    this.#ready = new Promise(resolve => { this.#becomeReady = resolve })
    this.#refuseOffers = takeOffers(this)
    this.#awaitConfig()
    for (const lane of this.#seats.lanes) lane.start()
    if (metricsIntervalMs > 0) this.#metricsTimer = setInterval(() => this.#sendMetrics(), metricsIntervalMs).unref()
    if (settings.monitor !== undefined) this.#startMonitor(settings.monitor)
  }

  snapshot (): FanoutSnapshot {
    return this.#last ?? { time: this.#clock.wallTime(), upMs: Math.round(this.#clock.now() - this.#startedAt), hasEnded: false, linesWithoutLevel: this.#router?.linesWithoutLevel ?? 0, sinks: this.#seats.lanes.map(lane => lane.snapshot()) }
  }

  async act (action: SinkAction, sink: string): Promise<void> {
    this.#requireRunning()
    this.#prepareChange()
    const { lane, target } = this.#seats.find(sink)
    if (action === 'open' && !target.breaker.enabled) throw new FanoutError('ERR_FANOUT_BREAKER_OFF', `the breaker of ${show(sink)} is turned off by its options`, { sink })
    switch (action) {
      case 'open': return lane.steer(breaker => breaker.forceOpen())
      case 'close': return lane.steer(breaker => breaker.forceClose())
      case 'reset': return lane.steer(breaker => breaker.reset())
      case 'replay': return lane.probeNow()
      case 'reopen': return await this.#reopen([sink])
    }
  }

  async reopenFiles (): Promise<string[]> {
    this.#requireRunning()
    this.#prepareChange()
    const names = this.#seats.files.map(({ target }) => target.name)
    await this.#reopen(names)
    return names
  }

  setLevel (level: number | string, sink?: string): void {
    this.#requireRunning()
    const minLevel = level === 'all' ? EVERYTHING : this.#names.valueOf(level)
    if (minLevel === undefined) throw new FanoutError('ERR_FANOUT_UNKNOWN_LEVEL', `expected a number, 'all' or one of ${this.#names.labels.join(', ')}, got ${show(level)}`)
    this.#prepareChange()
    this.#seats.setLevel(minLevel, sink)
    if (this.#router !== undefined) this.#route()
    this.#diagnostics?.levelSet(sink, level)
  }

  listen (listener: ControlListener): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  /**
   * Resolves once the sinks in this thread have started or failed, after a quarter of a second at most. As soon as pino hears that
   * the transport is ready, the app may end without another word, as a test of Jest does: a line must be in its file by then.
   */
  async inlineStarted (): Promise<void> {
    await this.#seats.inlineStarted(this.#clock.now() + INLINE_START_MS)
  }

  /** Writes a warning to the log, once it can look like the app's own lines. */
  warn (message: string): void {
    this.#ready.then(() => this.#diagnostics?.warning(message))
  }

  /** Calls back once every working sink has what it was given, or at the option's timeout. For `logger.flush()`. */
  flush (callback: (error?: Error | null) => void): void {
    const { until, timeoutMs } = this.#settings.flush
    const deadline = this.#clock.now() + timeoutMs
    // Before it calls back, a sink may push back for longer than that.
    within(timeoutMs, new Promise<void>(resolve => this.#gathering.flush(() => {
      Promise.all(this.#seats.lanes.map(lane => lane.flush(deadline, until === 'delivered'))).then(() => resolve())
    }))).then(() => callback())
  }

  /** See Writable. Also returns false while {@link Gathering.isPausing}; `drain` follows. */
  override write (chunk: unknown, callback?: WriteCallback): boolean
  override write (chunk: unknown, encoding: BufferEncoding, callback?: WriteCallback): boolean
  override write (chunk: unknown, encoding?: unknown, callback?: WriteCallback): boolean {
    return super.write(chunk, encoding as BufferEncoding, callback) && !this.#gathering.isPausing
  }

  override _write (chunk: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#router === undefined) {
      this.#startConfigTimer()
      this.#ready.then(() => this.#gathering.write(chunk, done))
    } else {
      this.#gathering.write(chunk, done)
    }
  }

  override _final (done: () => void): void {
    printDirectly()
    this.#gathering.flush(() => { this.#close().then(done) })
  }

  override _destroy (_error: Error | null, done: (error: Error | null) => void): void {
    // After an orderly end nothing is left to do here.
    clearTimeout(this.#configTimer)
    clearInterval(this.#metricsTimer)
    this.#notices.stop()
    this.#forgetConfig()
    this.#refuseOffers()
    this.#gathering.flush()
    this.#seats.endNow().then(() => {
      this.#conclude()
      this.#transitions.stop()
      this.#records?.settle()
      done(null)
    })
  }

  get #awaitsConfig (): boolean {
    return this.#settings.pinoWillSendConfig || willSendConfig
  }

  #awaitConfig (): void {
    if (!this.#awaitsConfig) return this.#configure(undefined)
    this.#forgetConfig = onPinoConfig(config => {
      this.#forgetConfig()
      this.#configure(config)
    })
  }

  #startConfigTimer (): void {
    this.#configTimer ??= setTimeout(() => this.#configure(undefined), CONFIG_TIMEOUT_MS)
  }

  /** The levels are known from here on, so that lines can be routed. */
  #configure (config: PinoConfig | undefined): void {
    clearTimeout(this.#configTimer)
    const names = this.#names = new LevelNames(this.#settings.levels ?? config?.levels?.values ?? {})
    const unknown = this.#seats.setLevels(names)
    this.#gathering.useLevels(names)
    const isFirst = this.#router === undefined
    this.#route()
    if (config !== undefined) this.#diagnostics?.configure(config)
    for (const lane of this.#seats.lanes) lane.configure(config)
    this.#becomeReady()
    if (isFirst) this.#warnOfSettings(names, unknown)
  }

  /** Lines that came before a change are not subject to it. */
  #prepareChange (): void {
    this.#gathering.flush()
  }

  async #reopen (sinks: readonly string[]): Promise<void> {
    await Promise.all(sinks.map(async sink => {
      await this.#seats.find(sink).lane.reopen()
      this.#diagnostics?.reopened(sink)
    }))
  }

  /** Routes further lines by the levels that the lanes have now. */
  #route (): void {
    const { levelKey, dedupe, maxLineBytes, parallel } = this.#settings
    this.#router = new Router<Lane>({
      lanes: this.#seats.all.filter(({ target }) => !target.standby).map(({ lane }) => lane),
      levels: this.#names,
      levelKey,
      dedupe,
      maxLineBytes,
      deliver: parallel
        ? (lanes, batch) => { for (const lane of lanes) lane.offer(batch) }
        : (lanes, batch) => this.#serial.add(lanes, batch)
    }, this.#router)
  }

  /** Loads the monitor only here, where it is wanted. */
  #startMonitor (settings: MonitorSettings): void {
    // Records look like the app's own once pino's config is known.
    const onUnavailable = (error: unknown): void => { this.#ready.then(() => this.#diagnostics?.monitorUnavailable(serializeError(error))) }
    import('./monitor/monitor-server.js').then(async ({ startMonitor }) => await startMonitor(settings, this, {
      clock: this.#clock,
      takesLines: () => this.#isRunning,
      onListening: at => {
        this.#emitEvent('monitor', at)
        this.#ready.then(() => this.#diagnostics?.monitorListening(at.address))
      },
      onUnavailable
    })).catch(onUnavailable)
  }

  get #isRunning (): boolean {
    return !this.writableEnded && !this.destroyed
  }

  #requireRunning (): void {
    if (!this.#isRunning) throw new FanoutError('ERR_FANOUT_CLOSED', 'the transport has ended')
  }

  #tell (tell: (listener: ControlListener) => void): void {
    for (const listener of [...this.#listeners]) {
      try {
        tell(listener)
      } catch {
        // A fault in a listener must not cost a line.
      }
    }
  }

  #warnOfSettings (names: LevelNames, unknown: ReadonlyArray<{ name: string, level: number | string }>): void {
    const { diagnostics, warnings } = this.#settings
    for (const warning of [...warnings, ...warnOfRuntime(process.versions, this.#settings.targets)]) this.#diagnostics?.warning(warning)
    for (const { name, level } of unknown) this.#diagnostics?.warning(`target "${name}" takes "info" and above: ${unknownLevel(level, names.labels)}`)
    for (const { name, queue: { protectLevel } } of this.#settings.targets) {
      if (protectLevel !== undefined && names.valueOf(protectLevel) === undefined) this.#diagnostics?.warning(`target "${name}" protects no lines: ${unknownLevel(protectLevel, names.labels)}`)
    }
    if (diagnostics !== false && names.valueOf(diagnostics.level) === undefined) {
      this.#diagnostics?.warning(`diagnostics.level is taken for "info": ${unknownLevel(diagnostics.level, names.labels)}`)
    }
  }

  #sendMetrics (): void {
    this.#emitEvent('metrics', this.snapshot())
  }

  /** Emits an event on the app's `transport`, and on this stream for a user who runs it in a thread of their own. */
  #emitEvent<Name extends keyof AppEvents> (name: Name, payload: AppEvents[Name]): void {
    emitInApp(name, [payload])
    try {
      this.emit(name, payload)
    } catch {
      // A fault in a listener must not cost a line.
    }
  }

  /** Nothing is counted any more. */
  #conclude (): void {
    if (this.#last !== undefined) return
    const last = this.#last = { ...this.snapshot(), hasEnded: true }
    this.#tell(listener => listener.onEnd?.(last))
    this.#listeners.clear()
  }

  async #close (): Promise<void> {
    const { closeTimeoutMs, metricsIntervalMs } = this.#settings
    const deadline = this.#clock.now() + closeTimeoutMs
    if (this.#router === undefined) this.#configure(undefined)
    await this.#splitter.end()
    await this.#serial.run()
    await this.#seats.end(deadline, () => this.#transitions.flush())
    this.#transitions.stop()
    this.#records?.settle()
    this.#conclude()
    if (metricsIntervalMs > 0) this.#sendMetrics()
    // Nobody can end a call that hangs in the system: a record names the sinks that keep the process from its end.
    for (const { name } of await this.#seats.findHanging()) this.#diagnostics?.holdsProcess(name)
  }
}
