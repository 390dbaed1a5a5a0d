import { Writable } from 'node:stream'
import { createAppThread, type AppThread } from './app-thread.js'
import { emitInApp, onPinoConfig, passToApp, willSendConfig } from './app-port.js'
import { Batch } from './batch.js'
import type { TransitionEvent } from './breaker.js'
import { createChildMaker } from './child/create-child.js'
import { systemClock, type Clock } from './clock.js'
import { DeadLetterFile } from './dead-letter-file.js'
import { Diagnostics, type DiagnosticRecord } from './diagnostics.js'
import { Lane } from './lane.js'
import type { Fallback } from './lane/ledger.js'
import { LevelNames, standardLevels } from './levels.js'
import type { FanoutSnapshot } from './metrics.js'
import { unknownLevel } from './options/unknown-level.js'
import { parseOptions, type FanoutOptions, type FanoutSettings, type SpoolSettings, type TargetSettings } from './options.js'
import type { PinoConfig } from './pino-config.js'
import { Portions } from './portions.js'
import { Router } from './router.js'
import { nodeFileSystem } from './spool/node-file-system.js'
import { systemOwners } from './spool/owner.js'
import { SlottedSpool } from './spool/slotted-spool.js'
import type { SlotEvents } from './spool/spool-events.js'
import { Splitter } from './splitter.js'
import { writeToStderr } from './stderr.js'
import { TransitionReport } from './transition-report.js'
import { UndecidedRecords, type RecordPlace } from './undecided-records.js'

const FLUSH_TIMEOUT_MS = 5000
/** For how long lines wait for pino's config: a stream that is written to without a logger never gets one. */
const CONFIG_TIMEOUT_MS = 1000
/** How often it is looked whether the app's thread turns, while a batch is awaited. */
const SETTLE_STEP_MS = 100
/** For how long a thread that was terminated may take to exit, before it counts as held by a call that hangs. */
const EXIT_MS = 500
/** Of the time to close, what each further rank of lanes is left at least. */
const RANK_RESERVE = 0.1

/**
 * The transport: pino calls this in its worker thread, with `options`.
 *
 * @returns The stream that pino writes to. It never emits `error` once it is there, and never closes early.
 * @throws {@link FanoutError} `ERR_FANOUT_OPTIONS`, with every fault of the options.
 */
export default async function fanout (options: FanoutOptions): Promise<FanoutStream> {
  return new FanoutStream(parseOptions(options))
}

/** A lane and what it was made from. */
interface Seat {
  lane: Lane
  target: TargetSettings
  /** Lanes are ended in the order of their ranks: first those that may still need others. */
  rank: number
}

/** The Writable that pino feeds. */
export class FanoutStream extends Writable {
  readonly #settings: FanoutSettings
  readonly #clock: Clock
  readonly #seats: readonly Seat[]
  readonly #diagnostics: Diagnostics | undefined
  readonly #transitions: TransitionReport
  readonly #undecided: UndecidedRecords
  readonly #splitter: Splitter
  readonly #portions: Portions
  readonly #app: AppThread
  readonly #ready: Promise<void>
  #router: Router<Lane> | undefined
  #becomeReady: () => void = () => {}
  #deliveries: Array<{ lanes: readonly Lane[], batch: Batch }> = []
  #forgetConfig: () => void = () => {}
  #configTimer: NodeJS.Timeout | undefined
  #metricsTimer: NodeJS.Timeout | undefined
  #onRelief: (() => void) | undefined

  constructor (settings: FanoutSettings, clock: Clock = systemClock) {
    super({ decodeStrings: false })
    this.#settings = settings
    this.#clock = clock
    this.#app = createAppThread(clock)
    const { diagnostics, levelKey, maxLineBytes, metricsIntervalMs } = settings
    this.#transitions = new TransitionReport(clock, (event, transitions) => this.#diagnostics?.transition(event, transitions))
    this.#undecided = new UndecidedRecords(clock, writeToStderr)
    if (diagnostics !== false) {
      this.#diagnostics = new Diagnostics({
        level: diagnostics.level,
        levels: settings.levels ?? {},
        levelKey,
        usesLabels: () => this.#router?.usesLabels ?? false,
        write: record => this.#deliverRecord(record)
      })
    }
    this.#seats = this.#createSeats(settings.pinoWillSendConfig || willSendConfig)
    this.#splitter = new Splitter(maxLineBytes, {
      onLines: parts => this.#router?.route(parts),
      onTooLong: () => this.#router?.refuseLine()
    })
    this.#portions = new Portions({
      take: portion => this.#splitter.write(portion),
      whenRelieved: then => settings.parallel ? this.#whenRelieved(then) : this.#deliverInTurn().then(then)
    })
    this.#ready = new Promise(resolve => { this.#becomeReady = resolve })
    this.#awaitConfig()
    for (const { lane } of this.#seats) lane.start()
    if (metricsIntervalMs > 0) this.#metricsTimer = setInterval(() => this.#sendMetrics(), metricsIntervalMs).unref()
  }

  /** Every sink's counters at this moment. */
  snapshot (): FanoutSnapshot {
    return { time: this.#clock.wallTime(), linesWithoutLevel: this.#router?.linesWithoutLevel ?? 0, sinks: this.#seats.map(({ lane }) => lane.snapshot()) }
  }

  /** Calls back when every sink that works has what it was given, after 5 s at most. For `logger.flush()`. */
  flush (callback: (error?: Error | null) => void): void {
    const deadline = this.#clock.now() + FLUSH_TIMEOUT_MS
    Promise.all(this.#seats.map(({ lane }) => lane.flush(deadline))).then(() => callback())
  }

  override _write (chunk: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#router === undefined) {
      this.#startConfigTimer()
      this.#ready.then(() => this.#portions.work(chunk, done))
    } else {
      this.#portions.work(chunk, done)
    }
  }

  override _final (done: () => void): void {
    this.#close().then(done)
  }

  override _destroy (_error: Error | null, done: (error: Error | null) => void): void {
    // Only what was not ended before has anything left to do here.
    const now = this.#clock.now()
    clearTimeout(this.#configTimer)
    clearInterval(this.#metricsTimer)
    this.#forgetConfig()
    Promise.all(this.#seats.map(({ lane }) => lane.end(now))).then(() => {
      this.#transitions.stop()
      this.#undecided.settle()
      done(null)
    })
  }

  /** Goes on when no lane holds the app back any more. */
  #whenRelieved (done: () => void): void {
    if (!this.#seats.some(({ lane }) => lane.isPressing)) return done()
    this.#onRelief = () => {
      if (this.#seats.some(({ lane }) => lane.isPressing)) return
      this.#onRelief = undefined
      done()
    }
  }

  async #deliverInTurn (): Promise<void> {
    for (const { lanes, batch } of this.#deliveries.splice(0)) {
      for (const lane of lanes) {
        lane.offer(batch)
        const { target } = this.#seats.find(seat => seat.lane === lane) as Seat
        await this.#settle(lane, target.writeTimeoutMs)
      }
    }
  }

  /** Waits for a lane to settle, in steps: an app whose thread stands still may be waiting for this one. */
  async #settle (lane: Lane, timeoutMs: number): Promise<void> {
    const deadline = this.#clock.now() + timeoutMs
    for (let now = this.#clock.now(); now < deadline && this.#app.isTurning; now = this.#clock.now()) {
      if (await lane.settle(Math.min(deadline, now + SETTLE_STEP_MS))) return
    }
  }

  #createSeats (givesConfig: boolean): Seat[] {
    const { targets } = this.#settings
    const life = `${this.#clock.wallTime().toString(36)}-${process.pid.toString(36)}`
    const files = new Map(targets.flatMap(({ deadLetter }) => deadLetter === undefined ? [] : [[deadLetter.path, this.#openDeadLetters(deadLetter.path)]]))
    const seats = targets.map((target, index): Seat => {
      const lane = new Lane({
        // A standby's own outage must not hold what others passed on to it.
        settings: target.standby ? { ...target, whenOpen: 'fallback' } : target,
        life: `${life}-${index}`,
        willSendConfig: givesConfig,
        clock: this.#clock,
        app: this.#app,
        random: Math.random,
        createChild: createChildMaker(target, givesConfig),
        deadLetterStore: target.deadLetter && files.get(target.deadLetter.path),
        createSpool: target.spool && this.#spoolMaker(target.spool),
        events: {
          onTransition: event => this.#onTransition(event),
          onLoss: (loss, lines) => this.#diagnostics?.loss(target.name, loss, lines),
          onRestart: (reason, restarts) => this.#diagnostics?.restarted(target.name, reason, restarts),
          onUndelivered: (lines, lastFailure) => this.#diagnostics?.undelivered(target.name, lines, lastFailure),
          onSpoolNews: news => this.#diagnostics?.spool(target.name, news),
          onEvent: passToApp
        }
      })
      lane.onRelief = () => this.#onRelief?.()
      return { lane, target, rank: 0 }
    })

    const byName = new Map(seats.map(seat => [seat.target.name, seat]))
    const toStderr: Fallback = { takeOver: lines => writeToStderr(lines.bytes) }
    for (const { lane, target } of seats) {
      const next = target.fallback === undefined ? undefined : byName.get(target.fallback)
      if (next !== undefined) lane.fallBackTo({ takeOver: ({ bytes, count }) => next.lane.offer(new Batch(bytes, count)) })
      else if (target.fallback === 'stderr' || target.standby) lane.fallBackTo(toStderr)
    }
    rank(seats, byName)
    // Levels of the app's own come with pino's config; until then diagnostics, at least, are routed by what is known.
    setLevels(seats, new LevelNames(this.#settings.levels ?? {}))
    return seats
  }

  #spoolMaker (settings: SpoolSettings): (events: SlotEvents) => SlottedSpool {
    return events => new SlottedSpool(settings, { fs: nodeFileSystem, owners: systemOwners, clock: this.#clock, random: Math.random }, events)
  }

  #openDeadLetters (path: string): DeadLetterFile {
    return new DeadLetterFile(path, err => this.#diagnostics?.deadLetterTrouble(path, err))
  }

  #awaitConfig (): void {
    if (!(this.#settings.pinoWillSendConfig || willSendConfig)) return this.#configure(undefined)
    this.#forgetConfig = onPinoConfig(config => {
      this.#forgetConfig()
      this.#configure(config)
    })
  }

  #startConfigTimer (): void {
    this.#configTimer ??= setTimeout(() => this.#configure(undefined), CONFIG_TIMEOUT_MS)
  }

  /** From here on levels have a meaning, and lines are routed. */
  #configure (config: PinoConfig | undefined): void {
    clearTimeout(this.#configTimer)
    const { levels, levelKey, dedupe, diagnostics, maxLineBytes, parallel, warnings } = this.#settings
    const names = new LevelNames(levels ?? config?.levels?.values ?? {})
    const unknown = setLevels(this.#seats, names)
    const former = this.#router
    this.#router = new Router<Lane>({
      lanes: this.#seats.filter(({ target }) => !target.standby).map(({ lane }) => lane),
      levels: names,
      levelKey,
      dedupe,
      maxLineBytes,
      deliver: parallel
        ? (lanes, batch) => { for (const lane of lanes) lane.offer(batch) }
        : (lanes, batch) => { this.#deliveries.push({ lanes, batch }) }
    }, former)
    if (config !== undefined) this.#diagnostics?.configure(config)
    for (const { lane } of this.#seats) lane.configure(config)
    this.#becomeReady()
    if (former !== undefined) return
    for (const warning of warnings) this.#diagnostics?.warning(warning)
    for (const { name, level } of unknown) this.#diagnostics?.warning(`target "${name}" takes "info" and above: ${unknownLevel(level, names.labels)}`)
    if (diagnostics !== false && names.valueOf(diagnostics.level) === undefined) {
      this.#diagnostics?.warning(`diagnostics.level is taken for "info": ${unknownLevel(diagnostics.level, names.labels)}`)
    }
  }

  #onTransition (event: TransitionEvent): void {
    this.#transitions.add(event)
    this.#emitEvent('breaker', event)
  }

  #deliverRecord ({ line, level, sink, isForStderr }: DiagnosticRecord): void {
    const { diagnostics } = this.#settings
    if (diagnostics === false) return
    const { to } = diagnostics
    const places: RecordPlace[] = []
    if (to !== 'stderr' && !isForStderr) {
      const batch = new Batch(line, 1, { isDiagnostic: true })
      for (const { lane, target } of this.#seats) {
        const isMeant = to === 'others' ? !target.standby && target.name !== sink && level >= lane.minLevel : to.includes(target.name)
        if (!isMeant || !lane.takesDiagnostics) continue
        places.push({ lane, mark: lane.nextMark })
        lane.offer(batch)
      }
    }
    if (places.length === 0) writeToStderr(line)
    else this.#undecided.add(line, places)
  }

  #sendMetrics (): void {
    this.#emitEvent('metrics', this.snapshot())
  }

  /** Events are for the app's `transport`, and for whoever uses this stream in its own thread. */
  #emitEvent (name: 'breaker' | 'metrics', payload: TransitionEvent | FanoutSnapshot): void {
    emitInApp(name, [payload])
    try {
      this.emit(name, payload)
    } catch {
      // A listener's fault is not the log's.
    }
  }

  /** Ends every lane within the one deadline; a lane that hangs delays no other, but for those it may still need. */
  async #close (): Promise<void> {
    const { closeTimeoutMs, metricsIntervalMs } = this.#settings
    const deadline = this.#clock.now() + closeTimeoutMs
    if (this.#router === undefined) this.#configure(undefined)
    await this.#splitter.end()
    await this.#deliverInTurn()
    const ranks = [...new Set(this.#seats.map(seat => seat.rank))].sort((a, b) => a - b)
    for (const [i, rank] of ranks.entries()) {
      this.#transitions.flush()
      const ownDeadline = deadline - (ranks.length - 1 - i) * RANK_RESERVE * closeTimeoutMs
      await Promise.all(this.#seats.filter(seat => seat.rank === rank).map(async ({ lane }) => {
        await lane.drain(ownDeadline)
        await lane.end(ownDeadline)
      }))
    }
    this.#transitions.stop()
    this.#undecided.settle()
    if (metricsIntervalMs > 0) this.#sendMetrics()
    await this.#tellOfHanging()
  }

  /** Nobody can end a call that hangs in the system: who wonders why the process does not end is told by whom it is held. */
  async #tellOfHanging (): Promise<void> {
    const deadline = this.#clock.now() + EXIT_MS
    await Promise.all(this.#seats.map(({ lane }) => lane.until(() => !lane.isHanging, deadline)))
    for (const { lane, target } of this.#seats) if (lane.isHanging) this.#diagnostics?.holdsProcess(target.name)
  }
}

/** Gives each lane its lowest level; returns the targets whose level has no meaning, which take `info` and above. */
function setLevels (seats: readonly Seat[], names: LevelNames): TargetSettings[] {
  const unknown: TargetSettings[] = []
  for (const { lane, target } of seats) {
    const minLevel = names.valueOf(target.level)
    if (minLevel === undefined) unknown.push(target)
    lane.minLevel = minLevel ?? standardLevels['info'] as number
  }
  return unknown
}

/** Standbys are ended after those whose lines they may get, and files last, since the last diagnostics go to them. */
function rank (seats: readonly Seat[], byName: ReadonlyMap<string, Seat>): void {
  for (const seat of seats) {
    let next = seat
    for (let depth = 1; next.target.fallback !== undefined; depth++) {
      const fallback = byName.get(next.target.fallback)
      if (fallback === undefined) break
      fallback.rank = Math.max(fallback.rank, depth)
      next = fallback
    }
  }
  const last = Math.max(...seats.map(seat => seat.rank)) + 1
  for (const seat of seats) {
    const { source, isolation, fallback } = seat.target
    const isFile = isolation === 'inline' && source.kind === 'target' && source.entry.isPinoFile
    if (seat.rank === 0 && isFile && fallback === undefined) seat.rank = last
  }
}
