import type { AppThread } from './app-thread.js'
import { Batch } from './batch.js'
import type { TransitionEvent } from './breaker.js'
import { createChildMaker } from './child/create-child.js'
import type { Clock } from './clock.js'
import type { DeadLetterFile } from './dead-letters/dead-letter-file.js'
import type { Diagnostics } from './diagnostics.js'
import { Lane } from './lane.js'
import type { Fallback } from './lane/ledger.js'
import { FanoutError } from './errors.js'
import { LevelNames, standardLevels } from './levels.js'
import { LevelReader } from './line-level.js'
import { createLife } from './line-ids.js'
import type { FanoutSettings, SpoolSettings, TargetSettings, TargetSource } from './options.js'
import { show } from './options/faults.js'
import { didYouMean } from './options/nearest.js'
import { part } from './parts.js'
import { Protection } from './protection.js'
import { ranksOf } from './ranks.js'
import type { SlottedSpool } from './spool/slotted-spool.js'
import type { SlotEvents } from './spool/spool-events.js'
import { writeToStderr } from './stderr.js'

/** How long a terminated thread may take to exit before it counts as held by a call that hangs. */
const EXIT_MS = 500
/** A target that gathers lines for this long by itself hardly delays them further if they come later. */
const GATHERS_LONG_MS = 500
/** The share of the time to close that is kept for each rank still to come. */
const RANK_RESERVE = 0.1

/** A target and its lane. */
export interface Seat {
  readonly target: TargetSettings
  readonly lane: Lane
}

/** Dependencies of the {@link Seats}. */
export interface SeatsDeps {
  clock: Clock
  app: AppThread
  /** True if pino sends its config. */
  willSendConfig: boolean
  diagnostics: Diagnostics | undefined
  onTransition: (event: TransitionEvent) => void
  /** Called with each event that a sink posts for the app. */
  onSinkEvent: (name: string, args: readonly unknown[]) => void
}

/** The lanes of all targets: makes them, connects each with its fallback, and ends them in the order of their ranks. */
export class Seats {
  readonly all: readonly Seat[]
  readonly lanes: readonly Lane[]
  readonly #settings: FanoutSettings
  readonly #deps: SeatsDeps
  /** Levels that were set at run time, which win over those of the targets. */
  readonly #levels = new Map<Lane, number>()
  #onRelief: (() => void) | undefined

  constructor (settings: FanoutSettings, deps: SeatsDeps) {
    this.#settings = settings
    this.#deps = deps
    this.all = this.#createAll()
    this.lanes = this.all.map(({ lane }) => lane)
    this.#connectFallbacks()
    // Pino's config may bring custom levels later. Until then diagnostics are routed by the levels that are known.
    this.setLevels(new LevelNames(settings.levels ?? {}))
  }

  /** Gives each lane its levels. Returns the targets whose level is unknown; they take `info` and above. */
  setLevels (names: LevelNames): TargetSettings[] {
    const unknown: TargetSettings[] = []
    const reader = new LevelReader(this.#settings.levelKey, names)
    for (const { lane, target } of this.all) {
      const minLevel = this.#levels.get(lane) ?? names.valueOf(target.level)
      if (minLevel === undefined) unknown.push(target)
      lane.minLevel = minLevel ?? standardLevels['info'] as number
      const protectedFrom = names.valueOf(target.queue.protectLevel)
      lane.protect(protectedFrom === undefined ? undefined : new Protection(reader, protectedFrom))
    }
    return unknown
  }

  /** Sets the lowest level of one target, or of all that are not standby. */
  setLevel (level: number, sink?: string): void {
    const seats = sink === undefined ? this.all.filter(({ target }) => !target.standby) : [this.find(sink)]
    for (const { lane } of seats) {
      this.#levels.set(lane, level)
      lane.minLevel = level
    }
  }

  /** @throws {@link FanoutError} `ERR_FANOUT_UNKNOWN_SINK` */
  find (sink: string): Seat {
    const seat = this.all.find(({ target }) => target.name === sink)
    const names = this.all.map(({ target }) => target.name)
    if (seat === undefined) throw new FanoutError('ERR_FANOUT_UNKNOWN_SINK', `there is no target ${show(sink)}, expected one of ${names.join(', ')}${didYouMean(sink, names)}`)
    return seat
  }

  /** Whether all targets gather lines for long before they send them, or some gather lines at all. */
  get gather (): 'all' | 'some' | 'none' {
    const times = this.all.map(({ target }) => target.batch.maxMs)
    if (times.every(ms => ms >= GATHERS_LONG_MS)) return 'all'
    return times.some(ms => ms > 0) ? 'some' : 'none'
  }

  /** The targets that write to a file by its path. */
  get files (): Seat[] {
    return this.all.filter(({ target }) => writesToPath(target.source))
  }

  /** Calls back once no lane holds the app back. One call at a time. */
  whenRelieved (callback: () => void): void {
    if (!this.#isPressing) return callback()
    this.#onRelief = () => {
      if (this.#isPressing) return
      this.#onRelief = undefined
      callback()
    }
  }

  /**
   * Ends every lane by one deadline, rank by rank. A lane that hangs delays only the lanes of later ranks, and a share of the
   * time is kept for each of these.
   *
   * @param deadline - In monotonic time
   * @param beforeRank - Called before each rank is ended
   */
  async end (deadline: number, beforeRank: () => void): Promise<void> {
    const { targets, closeTimeoutMs } = this.#settings
    const ranks = ranksOf(targets)
    const order = [...new Set(ranks.values())].sort((a, b) => a - b)
    for (const [i, rank] of order.entries()) {
      beforeRank()
      const rankDeadline = deadline - (order.length - 1 - i) * RANK_RESERVE * closeTimeoutMs
      await Promise.all(this.all.filter(({ target }) => ranks.get(target.name) === rank).map(async ({ lane }) => {
        await lane.drain(rankDeadline)
        await lane.end(rankDeadline)
      }))
    }
  }

  /** Resolves once every sink in this thread has started or failed, or at the deadline. */
  async inlineStarted (deadline: number): Promise<void> {
    const lanes = this.all.filter(({ target }) => target.isolation === 'inline').map(({ lane }) => lane)
    await Promise.all(lanes.map(lane => lane.until(() => !lane.isStarting, deadline)))
  }

  /** Ends every lane now, without draining it. */
  async endNow (): Promise<void> {
    const now = this.#deps.clock.now()
    await Promise.all(this.lanes.map(lane => lane.end(now)))
  }

  /**
   * The targets whose sink holds this process by a call that hangs in the system, after a short wait for the others to exit. A
   * process of its own does not hold this one.
   */
  async findHanging (): Promise<TargetSettings[]> {
    const deadline = this.#deps.clock.now() + EXIT_MS
    await Promise.all(this.lanes.map(lane => lane.until(() => !lane.isHanging, deadline)))
    return this.all.filter(({ lane, target }) => lane.isHanging && target.isolation !== 'process').map(({ target }) => target)
  }

  get #isPressing (): boolean {
    return this.lanes.some(lane => lane.isPressing)
  }

  #createAll (): Seat[] {
    const { targets } = this.#settings
    const life = createLife(this.#deps.clock, Math.random)
    const files = new Map(targets.flatMap(({ deadLetter }) => deadLetter === undefined ? [] : [[deadLetter.path, this.#openDeadLetters(deadLetter.path)]]))
    return targets.map((target, index) => {
      const lane = this.#createLane(target, `${life}-${index}`, target.deadLetter && files.get(target.deadLetter.path))
      lane.match = target.match
      lane.onRelief = () => this.#onRelief?.()
      return { target, lane }
    })
  }

  #createLane (target: TargetSettings, life: string, deadLetterStore: DeadLetterFile | undefined): Lane {
    const { clock, app, willSendConfig, diagnostics, onTransition, onSinkEvent } = this.#deps
    return new Lane({
      // A standby passes on the lines that it gets from others, also during an outage of its own.
      settings: target.standby ? { ...target, whenOpen: 'fallback' } : target,
      life,
      willSendConfig,
      clock,
      app,
      random: Math.random,
      createChild: createChildMaker(target, willSendConfig),
      deadLetterStore,
      createSpool: target.spool && this.#spoolMaker(target.spool),
      events: {
        onTransition,
        onLoss: (loss, lines) => diagnostics?.loss(target.name, loss, lines, target.queue.protectLevel),
        onRestart: (reason, restarts) => diagnostics?.restarted(target.name, reason, restarts),
        onUndelivered: (lines, lastFailure) => diagnostics?.undelivered(target.name, lines, lastFailure),
        onSpoolNews: news => diagnostics?.spool(target.name, news),
        onEvent: onSinkEvent
      }
    })
  }

  #connectFallbacks (): void {
    const byName = new Map(this.all.map(({ target, lane }) => [target.name, lane]))
    const toStderr: Fallback = { name: 'stderr', takeOver: lines => writeToStderr(lines.bytes) }
    for (const { lane, target } of this.all) {
      const next = target.fallback === undefined ? undefined : byName.get(target.fallback)
      if (next !== undefined) lane.fallBackTo({ name: next.name, takeOver: ({ bytes, count }) => next.offer(new Batch(bytes, count)) })
      else if (target.fallback === 'stderr' || target.standby) lane.fallBackTo(toStderr)
    }
  }

  #spoolMaker (settings: SpoolSettings): (events: SlotEvents) => SlottedSpool {
    return events => part('disk').openSpool(settings, this.#deps.clock, events)
  }

  #openDeadLetters (path: string): DeadLetterFile {
    return new (part('disk').DeadLetterFile)(path, err => this.#deps.diagnostics?.deadLetterTrouble(path, err))
  }
}

/** True for `pino/file` with the path of a file, also at the end of a pipeline. */
function writesToPath (source: TargetSource): boolean {
  const entry = source.kind === 'target' ? source.entry : source.entries.at(-1)
  const { destination } = entry?.options as { destination?: unknown } | undefined ?? {}
  return entry?.isPinoFile === true && typeof destination === 'string' && !/^\d+$/.test(destination)
}
