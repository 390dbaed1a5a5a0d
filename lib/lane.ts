import { Batch, type Lines, type NewLines } from './batch.js'
import type { Permit, SinkCircuitBreaker, TransitionEvent } from './breaker.js'
import { Alarm } from './alarm.js'
import { Batching } from './batching.js'
import { Admission, type Verdict } from './lane/admission.js'
import { Backlog } from './lane/backlog.js'
import { Conditions } from './conditions.js'
import { DeadLetters } from './dead-letters/dead-letters.js'
import { DiskOutlet } from './lane/disk-outlet.js'
import { Gate } from './lane/gate.js'
import { Ledger, type Fallback } from './lane/ledger.js'
import type { LaneDeps } from './lane/lane-deps.js'
import type { Outlet } from './lane/outlet.js'
import { isSpooled } from './lane/replay.js'
import { SinkOutlet } from './lane/sink-outlet.js'
import { EVERYTHING } from './levels.js'
import { lineIdsOf } from './line-ids.js'
import type { Match } from './match/match.js'
import type { DropReason, SinkSnapshot } from './metrics.js'
import type { PinoConfig } from './pino-config.js'
import type { Protection } from './protection.js'
import { NOTHING, type LineQueue } from './queue.js'

/** Lines are handed to the disk in portions of this many bytes. */
const APPEND_BYTES = 512 * 1024
/** While the app is held back, the lane decides this often whether to continue. */
const PRESSING_MS = 20
/** At the end, this much time is reserved for writing undelivered lines to a disk. */
const DISK_RESERVE_MS = 500

/** A line of a lane by its number, and the counts of losses and failures when it came. */
export interface LineMark {
  readonly line: number
  readonly lostLines: number
  readonly failures: number
}

/**
 * State of one line:
 *
 * - `arrived`: it was delivered, or passed to a fallback
 * - `held`: the lane still has it, and its sink has not failed since the line came
 * - `failing`: the lane still has it, and its sink has failed since
 * - `lost`: it was dropped, skipped or dead-lettered. Or the lane still has it, but has ended, or its breaker is not closed
 */
export type LineFate = 'arrived' | 'held' | 'failing' | 'lost'

/**
 * Everything that belongs to one sink: its queue, its breaker, its child, its counters. Lines come in by `offer`, and each
 * of them ends in exactly one place: `snapshot` can prove it at any time. Only the lane moves lines between its parts:
 *
 * - `offer` sends new lines straight to the sink if nothing waits before them. Otherwise they go into the queue in memory. If
 *   that is full, they wait for a place in it, which holds the app back. While the breaker is not closed, new lines may be
 *   skipped or passed to a fallback instead.
 * - `#pump` moves lines on after each change. As a rule, the sink gets lines of the queue. While a disk is in use
 *   (`isDiverting`), lines of the queue go to the disk, and the sink gets lines that were read from there.
 * - Lines that the sink did not deliver come back by `#takeBack`, and are sent again before others.
 */
export class Lane {
  readonly name: string
  /** The lowest level that it takes. */
  minLevel = EVERYTHING
  /** Conditions for the content of its lines; `undefined` for none. */
  match: Match | undefined
  /** Called when it stops holding the app back. */
  onRelief: () => void = () => {}

  readonly #deps: LaneDeps
  readonly #gate: Gate
  readonly #backlog: Backlog
  readonly #admission: Admission
  readonly #sink: SinkOutlet
  readonly #disk: DiskOutlet | undefined
  readonly #ledger: Ledger
  readonly #deadLetters: DeadLetters
  readonly #conditions: Conditions
  readonly #batching: Batching
  /** Pumps while the app is held back, so that the lane decides again whether to continue. */
  readonly #pressing: Alarm
  #phase: 'running' | 'ending' | 'ended' = 'running'
  #isPumping = false

  constructor (deps: LaneDeps) {
    const { settings, clock, app, random, createChild, deadLetterStore, createSpool, willSendConfig, events } = deps
    const { name, breaker, healthCheck, writeTimeoutMs, startTimeoutMs, sense, deadLetter, spool, queue: limits } = settings
    const pump = (): void => this.#pump()
    const ledger = this.#ledger = new Ledger((loss, lines) => events.onLoss(loss, lines))
    this.name = name
    this.#deps = deps
    this.#conditions = new Conditions(clock)
    this.#batching = new Batching(settings.batch, clock, pump)
    this.#backlog = new Backlog(limits)
    this.#admission = new Admission(limits, this.#backlog.memory, clock, app)
    this.#pressing = new Alarm(clock, pump)
    const deadLetters = this.#deadLetters = new DeadLetters({ sink: name, clock, ledger, store: deadLetter && deadLetterStore, maxBytes: deadLetter?.maxBytes ?? 0, onChange: pump })
    const gate = this.#gate = new Gate({ sink: name, breaker, healthCheck, clock, random }, {
      onTransition: event => this.#onTransition(event),
      onDue: pump,
      onUnhealthy: failure => this.#sink.setBack(failure)
    })
    this.#sink = new SinkOutlet({
      sink: name, batchBytes: settings.batch.maxBytes, writeTimeoutMs, startTimeoutMs, willSendConfig, redelivers: this.#redelivers, isSensing: sense !== false, limits, clock, random, createChild, gate, ledger, deadLetters, report: events
    }, {
      onChange: pump,
      onReturned: lines => this.#takeBack(lines),
      onArrivedLate: (firstLine, bytes) => this.#settleLate(firstLine, bytes),
      onComeBack: () => { if (!gate.isPaused) this.#probeEarly() },
      onDoubted: before => this.#backlog.doubt(before),
      newestLine: isFresh => this.#newestLine(isFresh)
    })
    this.#disk = spool && createSpool && new DiskOutlet({
      createSpool, mode: spool.mode, limits, clock, gate, ledger, replay: this.#backlog.replay, onNews: news => events.onSpoolNews(news)
    }, {
      onChange: pump,
      onReturned: lines => this.#backlog.memory.unshift(lines)
    })
  }

  /** Sets where its lines go while its breaker is not closed, with `whenOpen: 'fallback'`, and at the end. */
  fallBackTo (fallback: Fallback): void {
    this.#ledger.fallback = fallback
  }

  /** Sets which lines are lost last; `undefined` if all are alike. */
  protect (protection: Protection | undefined): void {
    this.#backlog.memory.protection = protection
  }

  /** True while its breaker keeps lines from its sink. */
  get isTripped (): boolean {
    return this.#gate.isTripped
  }

  /** True if a diagnostic record is safe with it. */
  get takesDiagnostics (): boolean {
    return this.#gate.breaker.state === 'closed' && !this.#isEnding
  }

  /** True while its sink is being started, and cannot take lines yet. */
  get isStarting (): boolean {
    return this.#sink.supervisor.isStarting
  }

  /** True while it holds the app back. */
  get isPressing (): boolean {
    return this.#backlog.isPressing
  }

  start (): void {
    this.#disk?.start()
    this.#sink.supervisor.start()
    this.#gate.start()
  }

  /** Passes pino's config on to the sink; `undefined` if none will come. */
  configure (config: PinoConfig | undefined): void {
    this.#sink.supervisor.configure(config)
  }

  /** Takes lines. Never throws and never fails: lines that cannot be kept are counted. */
  offer (batch: Batch): void {
    const { count } = batch
    if (this.#isEnding) {
      this.#ledger.receive(count)
      this.#ledger.giveUp(batch)
      return
    }
    // Lines are counted after these questions: a permit may cause a transition, whose listeners may ask for a snapshot.
    const isTurnedAway = this.#turnsAway()
    const permit = !isTurnedAway && this.#mayGoStraight(batch) ? this.#gate.take() : undefined
    this.#ledger.receive(count)
    if (permit !== undefined) this.#send(this.#pass(batch), permit)
    else if (!isTurnedAway) this.#keep(batch)
    else if (this.#deps.settings.whenOpen === 'skip') this.#skip(batch)
    else this.#ledger.passOn(batch)
  }

  /** Skips lines, but keeps those that are protected. */
  #skip ({ bytes, count, isDiagnostic }: Batch): void {
    const kept = this.#backlog.memory.protection?.pick({ bytes, count })
    this.#ledger.skip(count - (kept?.count ?? 0), isDiagnostic)
    if (kept !== undefined) this.#keep(new Batch(kept.bytes, kept.count, { isDiagnostic }))
  }

  /** Counts lines that came for it, but that no lane can take. */
  refuse (lines: number, reason: DropReason): void {
    this.#ledger.receive(lines)
    this.#ledger.drop(lines, reason, false)
  }

  /**
   * Resolves once every line that was offered so far has been accepted. Does not wait while the breaker is not closed, or
   * while new lines go to a disk.
   *
   * @returns false if the deadline came first
   */
  async settle (deadline: number): Promise<boolean> {
    return await this.#untilAccepted(() => this.isTripped || this.#isDiverting, deadline)
  }

  /** As {@link settle}, then flushes the sink, or the disk that new lines go to. `untilDelivered`: waits until lines were delivered or lost, too. */
  async flush (deadline: number, untilDelivered = false): Promise<void> {
    const mark = this.#backlog.nextComer
    // A spool that is being opened may turn out to be empty: then waiting lines go to the sink, and not to the disk.
    await this.#untilAccepted(() => this.#isDiverting ? this.#backlog.isEmpty && !this.#holdsUnwritten : this.isTripped, deadline)
    if (this.#disk?.isDiverting === true) return await this.#wait(this.#disk.sync(), () => false, deadline)
    const { child } = this.#sink
    if (!this.isTripped && child !== undefined) await this.#wait(child.flush(), () => this.isTripped || this.#sink.child !== child, deadline)
    if (untilDelivered) await this.#conditions.until(() => this.isTripped || this.#isDiverting || this.firstHeldLine >= mark, deadline)
  }

  /** Resolves once every line that is here now has been accepted, or `needNot` holds. Returns false at the deadline. */
  async #untilAccepted (needNot: () => boolean, deadline: number): Promise<boolean> {
    if (!await this.#conditions.until(() => !this.#backlog.isPressing, deadline)) return false
    const mark = this.#backlog.memory.nextLine
    this.hurry()
    return await this.#conditions.until(() => needNot() || this.progress >= mark, deadline)
  }

  /** Somebody waits for the lines that are here. */
  hurry (): void {
    if (!this.#backlog.isEmpty) this.#batching.hurry()
    this.#pump()
    this.#sink.hasten()
  }

  async #wait (promise: Promise<void>, isOver: () => boolean, deadline: number): Promise<void> {
    let isDone = false
    promise.then(() => {
      isDone = true
      this.#conditions.changed()
    })
    await this.#conditions.until(() => isDone || isOver(), deadline)
  }

  /** Changes the state of its breaker by hand. */
  steer (steer: (breaker: SinkCircuitBreaker) => void): void {
    if (this.#phase !== 'running') return
    steer(this.#gate.breaker)
    this.#pump()
  }

  /** Probes at once, if its breaker is not closed and it holds lines. */
  probeNow (): void {
    if (this.#phase !== 'running') return
    this.#probeEarly()
    this.#pump()
  }

  /** Ends its sink in good order, and starts it again. Lines wait meanwhile. A sink that does not end in time has failed. */
  async reopen (): Promise<void> {
    const { startTimeoutMs, writeTimeoutMs } = this.#deps.settings
    const ms = (this.#sink.supervisor.isStarting ? startTimeoutMs : 0) + writeTimeoutMs
    this.#sink.reopen()
    const isDone = await this.#conditions.until(() => !this.#sink.isReopening, this.#deps.clock.now() + ms)
    if (!isDone) this.#sink.timeOut('the sink was to be reopened, and did not end')
  }

  /**
   * No more lines come: delivers the lines that are here, as far as the deadline allows. A breaker that is not closed, with
   * lines to deliver, probes once, at once.
   */
  async drain (deadline: number): Promise<void> {
    this.#disk?.drain()
    // There may be no time for the whole `settleMs`, and lines that are not sent before the deadline are lost.
    this.#sink.settleWithin((deadline - this.#deps.clock.now()) / 4)
    this.#gate.resume()
    this.#probeEarly()
    this.hurry()
    await this.#conditions.until(() => this.#gate.isShut || !this.#holdsLines, this.#sinkDeadline(deadline))
  }

  /** Ends the sink in good order, as far as the deadline allows; then lines that are left are passed on, or dropped. */
  async end (deadline: number): Promise<void> {
    this.#phase = 'ending'
    this.#sink.end()
    const sinkDeadline = this.#sinkDeadline(deadline)
    if (!this.#gate.isShut) await this.#conditions.until(() => this.#sink.hasEnded || this.#sink.child === undefined, sinkDeadline)
    await this.#conditions.until(() => this.#deadLetters.lines === 0, sinkDeadline)
    this.#deadLetters.close()
    await this.#leave(deadline)
  }

  /** All its counts, at this moment. */
  snapshot (): SinkSnapshot {
    const { inMemory } = this.#backlog
    const { held } = this.#sink
    const { spool, queue } = this.#deps.settings
    const pending = this.#disk?.pending ?? NOTHING
    return {
      name: this.name,
      state: this.#gate.breaker.state,
      ...this.#gate.statistics.history,
      retryInMs: this.#gate.breaker.retryInMs,
      level: this.minLevel === EVERYTHING ? 'all' : this.minLevel === Infinity ? 'silent' : this.minLevel,
      ...this.#ledger.entries,
      queueLines: inMemory.lines + pending.lines,
      queueBytes: inMemory.bytes + pending.bytes + held.bytes + this.#deadLetters.bytes,
      unsettledLines: held.lines + this.#deadLetters.lines,
      spoolPendingLines: pending.lines,
      spoolPendingBytes: pending.bytes,
      spoolLines: this.#disk?.lines ?? 0,
      spoolBytes: this.#disk?.bytes ?? 0,
      spoolMaxBytes: spool?.maxBytes ?? 0,
      queueMaxBytes: queue.maxBytes,
      restarts: this.#sink.supervisor.restarts,
      restartReasons: { ...this.#sink.supervisor.restartReasons },
      attempts: held.durations,
      consecutiveFailures: this.#gate.breaker.consecutiveFailures
    }
  }

  /**
   * The number of the oldest line that the lane still has; if it has none, of the next line. Each line before it was
   * delivered, or is a dead letter, or is counted as lost.
   */
  get firstHeldLine (): number {
    return Math.min(this.#sink.held.firstLine, this.#deadLetters.firstLine, this.#backlog.firstLine)
  }

  /** Marks the line that is offered next, for {@link fateOf}. */
  get nextMark (): LineMark {
    return { line: this.#backlog.nextComer, lostLines: this.#ledger.lostLines, failures: this.#ledger.failureCount }
  }

  /** The state of a line, as far as counts can tell: if other lines were lost since it came, it counts as lost too. */
  fateOf ({ line, lostLines, failures }: LineMark): LineFate {
    // Lines that were dropped or passed on as they came have no number.
    const isGone = this.firstHeldLine > line || this.#backlog.nextComer <= line
    if (isGone) return this.#ledger.lostLines === lostLines ? 'arrived' : 'lost'
    if (this.#phase === 'ended' || this.#gate.breaker.state !== 'closed') return 'lost'
    return this.#ledger.failureCount === failures ? 'held' : 'failing'
  }

  /** True while a call of its discarded sink is pending, which nobody can cancel. */
  get isHanging (): boolean {
    return this.#sink.supervisor.isHanging
  }

  /** True if its sink has accepted every line, and only the proof that they arrived is missing. */
  get awaitsProof (): boolean {
    return this.#gate.breaker.state === 'closed' && !this.#holdsLines && this.#sink.held.lines > 0
  }

  /** Resolves when a condition holds, which is checked after each change, or at the deadline. */
  async until (condition: () => boolean, deadline: number): Promise<void> {
    await this.#conditions.until(condition, deadline)
  }

  /** The number of the oldest line that the sink has not accepted. Changes whenever the sink accepts lines. */
  get progress (): number {
    return Math.min(this.#sink.held.firstUnacceptedLine ?? Infinity, this.#backlog.firstLine)
  }

  /** True if no line waits, in memory or on a disk. */
  get #isEmpty (): boolean {
    return this.#backlog.isEmpty && this.#disk?.hasOlder !== true
  }

  get #holdsLines (): boolean {
    return !this.#isEmpty || this.#sink.held.hasUnaccepted
  }

  /** True while the sink has not accepted all that it was given, or lines wait for it, and not only for more lines. */
  get isBehind (): boolean {
    const source = this.#source
    return this.#holdsLines && (this.#sink.held.hasUnaccepted || source === undefined || !this.#isGathering(source))
  }

  /** True while the disk is in use: lines in memory go to the disk, and the sink gets lines that were read from it. */
  get #isDiverting (): boolean {
    return this.#disk?.isDiverting === true
  }

  /** The outlet that takes lines out of memory at this moment. */
  get #outlet (): Outlet {
    return this.#disk?.isDiverting === true ? this.#disk : this.#sink
  }

  /** The queue that the sink gets lines from at this moment. */
  get #source (): LineQueue | undefined {
    const { memory, replay: { queue } } = this.#backlog
    if (!queue.isEmpty) return queue
    return this.#isDiverting || memory.isEmpty ? undefined : memory
  }

  /** True if the sink holds lines that must be on the disk before newer ones, and are not being written. */
  get #holdsUnwritten (): boolean {
    return this.#disk !== undefined && this.#redelivers && (this.#backlog.replay.hasUnwritten || this.#sink.held.hasDirect)
  }

  /** True if lines that were handed over may be handed over again. */
  get #redelivers (): boolean {
    return this.#deps.settings.redelivery === 'at-least-once'
  }

  /** True once its sink is being ended: no line is handed to it any more. */
  get #isEnding (): boolean {
    return this.#phase === 'ending' || this.#phase === 'ended'
  }

  /** True if new lines are skipped, or passed to the fallback, because the breaker is not closed. */
  #turnsAway (): boolean {
    const { whenOpen } = this.#deps.settings
    if (whenOpen === 'hold' || whenOpen === 'spool' || !this.isTripped) return false
    // With the next lines in the queue, a probe can tell bad lines from a bad sink.
    if (whenOpen === 'skip' && (this.#lacksOthers || this.#wantsNewer)) return false
    // If the lane has no lines to probe with, the first new ones after recovery is due are the probe.
    return this.#gate.hasReserved || this.#holdsLines || !this.#gate.reserve()
  }

  /** True if every line in the queue may be to blame for failures. */
  get #lacksOthers (): boolean {
    const { memory } = this.#backlog
    return memory.doubts('least') > 0 || (this.#sink.next.which === 'other' && !memory.isEmpty && !memory.hasOther)
  }

  /** True if the next new line may tell a backend that refuses old lines from one that refuses everything. */
  get #wantsNewer (): boolean {
    return this.#sink.seeksNewer && (this.#source?.newestDoubts ?? 0) > 0
  }

  #newestLine (isFresh: boolean): number | undefined {
    const source = this.#source
    return isFresh && (source?.doubts('newest') ?? 0) > 0 ? undefined : source?.newestLine
  }

  /** True if new lines may be handed to the sink at once: none are before them, and they are within the limits. */
  #mayGoStraight ({ byteLength, count }: Batch): boolean {
    if (!this.#isEmpty || this.#isDiverting || this.#gathers || !this.#sink.canTake(byteLength, 0, count)) return false
    return this.#makeRoom(byteLength, count) || (count === 1 && this.#sink.held.count === 0)
  }

  /** Numbers new lines that go straight on. */
  #pass (batch: Batch): Lines {
    this.#noteArrival()
    return this.#backlog.memory.pass(batch)
  }

  /** Takes new lines into the lane: onto the disk, into the queue, or to wait for a place there. */
  #keep (batch: Batch): void {
    const { byteLength, count } = batch
    const disk = this.#disk
    if (disk?.isDiverting === true && this.#backlog.isEmpty && this.#admission.fits(byteLength, count, disk) && !this.#holdsUnwritten && disk.canTake(byteLength)) {
      const isAtHand = this.#wantsNewer && this.#redelivers && !this.#backlog.replay.queue.isEmpty
      if (isAtHand) disk.takeAtHand(this.#pass(batch))
      else disk.take(this.#pass(batch))
    } else if (!this.#backlog.isPressing && this.#makeRoom(byteLength, count)) {
      this.#noteArrival()
      this.#batching.begin()
      this.#backlog.memory.push(batch)
    } else {
      if (!this.#backlog.isPressing) this.#noteArrival()
      this.#backlog.press(batch, this.#deps.clock.waited())
    }
    this.#pump()
  }

  /** The pace of an outlet is measured from the moment in which it has something to take. */
  #noteArrival (): void {
    if (this.#backlog.memory.isEmpty && !this.#sink.held.hasUnaccepted) this.#outlet.pace.begin(this.#deps.clock.waited())
  }

  /** Makes room in the queue: moves lines to the disk, or settles accepted lines, which are kept in case of a failure. */
  #makeRoom (bytes: number, lines: number): boolean {
    const fits = (): boolean => this.#admission.fits(bytes, lines, this.#outlet)
    if (fits()) return true
    if (this.#disk?.isDiverting === true) {
      if (this.#disk.beginOverflow()) this.#moveToDisk()
      return fits()
    }
    while (!fits()) if (!this.#sink.surrenderOldest()) return false
    return true
  }

  /** Hands over as many lines as the breaker and the sink's window allow, and lets new ones in. */
  #pump (): void {
    if (this.#phase === 'ended') return this.#conditions.changed()
    if (this.#isPumping) return
    this.#isPumping = true
    do {
      this.#feedSink()
      this.#letIn()
      if (this.#isDiverting) this.#moveToDisk()
      this.#disk?.readAhead()
    } while (!this.isTripped && this.#canFeedSink)
    this.#isPumping = false
    if (this.#backlog.isPressing) this.#pressing.setFor(this.#deps.clock.waited() + PRESSING_MS)
    if (this.#conditions.areAwaited || !this.#isEmpty) this.#sink.hasten()
    this.#settleDisk()
    if (!this.#isEmpty) {
      // A `send` that is being aborted pumps as it settles.
      if (this.isTripped && !this.#sink.isAborting) this.#gate.awaitRecovery()
    } else if (this.#sink.child !== undefined && this.#sink.held.count === 0) {
      this.#gate.giveBack()
    }
    this.#conditions.changed()
  }

  #feedSink (): void {
    for (let source = this.#source; source !== undefined; source = this.#source) {
      const permit = this.#nextPermit()
      if (permit === undefined) return
      // Lines that were gathered make one request, whatever blocks they are in.
      if (this.#gathers && source.bytes <= this.#deps.settings.batch.maxBytes) source.join()
      const lines = source.take(this.#sink.next) as Lines
      this.#batching.take(this.#backlog.memory.isEmpty)
      // The pace of a sink does not count the time in which lines were gathered.
      if (this.#gathers) this.#sink.pace.begin(this.#deps.clock.waited())
      this.#send(lines, permit)
    }
  }

  #send (lines: Lines, permit: Permit | null): void {
    this.#sink.take(lines, permit, lineIdsOf(lines, this.#deps.life, line => this.#disk?.originOf(line)))
  }

  /** A permit to hand lines over now; `null` where the breaker has no say, `undefined` if there is none. */
  #nextPermit (): Permit | null | undefined {
    if (this.#isEnding) return undefined
    if (this.#sink.child === undefined) {
      if (!this.isTripped || this.#gate.reserve()) this.#sink.supervisor.start()
      return undefined
    }
    return this.#canFeedSink ? this.#gate.take() : undefined
  }

  get #canFeedSink (): boolean {
    const source = this.#source
    return source !== undefined && this.#sink.canTake(0, source.doubts(this.#sink.next.which)) && !this.#isGathering(source)
  }

  /** True if lines are gathered for the sink: a delivery sink that works. */
  get #gathers (): boolean {
    return this.#batching.isOn && this.#sink.answers && !this.isTripped
  }

  /** True while lines wait only for more lines. Those that tell a bad line from a bad sink do not. */
  #isGathering (source: LineQueue): boolean {
    if (!this.#gathers || source !== this.#backlog.memory || this.#backlog.isPressing || this.#conditions.areAwaited) return false
    if (source.doubts('least') > 0 || !['oldest', 'least'].includes(this.#sink.next.which)) return false
    return !this.#batching.isDue(source)
  }

  /** Gives waiting new lines a place in the queue. Without room, the app is held back further, or lines are dropped. */
  #letIn (): void {
    // At the end, lines without a place are treated like those in the queue.
    if (!this.#backlog.isPressing || this.#isEnding) return
    for (let newcomer = this.#backlog.newcomer; newcomer !== undefined; newcomer = this.#backlog.newcomer) {
      const { lines, isDiagnostic } = newcomer
      const verdict = this.#decide(lines)
      if (verdict === 'hold-back') {
        const { head, rest } = this.#admission.cutToRoom(lines, this.#outlet)
        this.#backlog.admit(head, rest)
        return
      }
      if (verdict === 'admit') {
        this.#backlog.admit(lines)
      } else {
        const { kept, dropped, droppedProtected } = this.#admission.shed(lines, this.#outlet)
        this.#backlog.admit(kept)
        this.#ledger.drop(dropped, 'queue-full', isDiagnostic, droppedProtected)
      }
    }
    this.#relieve()
  }

  #decide (lines: NewLines): Verdict {
    const ask = (): Verdict => this.#admission.decide(lines, this.#outlet, this.#backlog.pressingSince)
    this.#makeRoom(lines.bytes.length, lines.count)
    const verdict = ask()
    // Before a line is lost the queue goes to the disk, where there is one.
    if (verdict !== 'shed' || this.#disk?.beginOverflow() !== true) return verdict
    this.#moveToDisk()
    return ask()
  }

  #relieve (): void {
    this.#pressing.stop()
    this.onRelief()
  }

  /** Hands lines of the queue to the disk, as many as it takes. Lines that the sink holds must be written first. */
  #moveToDisk (): void {
    const disk = this.#disk as DiskOutlet
    const { memory } = this.#backlog
    while (!memory.isEmpty && this.#writeHeld(disk)) {
      const lines = memory.shift(APPEND_BYTES) as Lines
      if (disk.take(lines)) continue
      memory.unshift([lines])
      return
    }
  }

  /** Writes lines that the sink holds and the disk does not have. Returns false if the disk refuses them. */
  #writeHeld (disk: DiskOutlet): boolean {
    if (!this.#holdsUnwritten) return true
    this.#sink.held.renumber(lines => isSpooled(lines.firstLine) ? lines : this.#backlog.replay.keep(lines))
    return disk.writeKept()
  }

  /** Probes at once, if there are lines to probe with: before the end, or when the sink may be healthy again. */
  #probeEarly (): void {
    if (this.isTripped && this.#holdsLines) this.#gate.reserveEarly()
  }

  #takeBack (lines: readonly Lines[]): void {
    this.#batching.hurry()
    if (this.#redelivers) return this.#backlog.putBack(lines)
    for (const { count } of lines) this.#ledger.drop(count, 'at-most-once', false)
  }

  /** A pending write has delivered lines that had come back. Those on a disk are not found, and are sent again. */
  #settleLate (firstLine: number, bytes: number): number {
    const { count, nextLine } = this.#backlog.memory.arrive(firstLine, bytes)
    this.#ledger.deliver(count)
    return nextLine
  }

  #onTransition (event: TransitionEvent): void {
    this.#deps.events.onTransition(event)
    if (this.#gate.isShut && this.#deps.settings.whenOpen === 'fallback') {
      for (const lines of this.#backlog.drain()) this.#ledger.passOn(lines)
      this.#relieve()
    } else if (event.to === 'closed') {
      this.#ledger.settleLosses()
    }
  }

  /** The deadline of the sink. With a disk it is earlier, to leave time for writing lines that the sink has not taken. */
  #sinkDeadline (deadline: number): number {
    return this.#disk === undefined ? deadline : deadline - Math.min(DISK_RESERVE_MS, (deadline - this.#deps.clock.now()) / 4)
  }

  /** Tells the disk which lines need not be sent again. */
  #settleDisk (): void {
    if (this.#disk === undefined) return
    const oldestHeld = Math.min(this.#sink.held.firstLine, this.#deadLetters.firstLine)
    this.#disk.settle(isSpooled(oldestHeld) ? oldestHeld : Infinity, this.#sink.child?.copies === true)
  }

  /** The last step: lines that are still here are left on the disk, go to the fallback, or are dropped. */
  async #leave (deadline: number): Promise<void> {
    this.#settleDisk()
    this.#phase = 'ended'
    const returned = this.#sink.stop()
    this.#gate.stop()
    this.#batching.stop()
    let undelivered = 0
    const giveUp = (lines: NewLines): void => { undelivered += this.#ledger.giveUp(lines) }
    // From the backlog they could go to a disk, and the next start would send them again.
    if (this.#redelivers) this.#backlog.putBack(returned)
    else returned.forEach(giveUp)
    if (this.#disk !== undefined) await this.#leaveOnDisk(this.#disk, deadline, giveUp)
    this.#backlog.drain().forEach(giveUp)
    this.#relieve()
    this.#ledger.settleLosses()
    if (undelivered > 0) this.#deps.events.onUndelivered(undelivered, this.#ledger.lastFailure)
    this.#conditions.changed()
  }

  /**
   * Leaves lines on the disk for the next start. Lines that the disk refuses stay in memory.
   *
   * @param giveUp - Called with lines that were removed from the disk to make room
   */
  async #leaveOnDisk (disk: DiskOutlet, deadline: number, giveUp: (lines: Lines) => void): Promise<void> {
    const { memory } = this.#backlog
    const { unplaced, lost, isTaking } = await disk.release(deadline)
    lost.forEach(giveUp)
    memory.unshift(unplaced)
    this.#backlog.admitAll()
    if (isTaking) {
      this.#moveToDisk()
      // Lines that were given to it before may still be pending on a slow disk.
      while (!memory.isEmpty && this.#deps.clock.now() < deadline && await disk.syncBy(deadline)) this.#moveToDisk()
    }
    await disk.close(deadline)
  }
}
