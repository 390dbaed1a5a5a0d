import type { Batch, Lines, NewLines } from './batch.js'
import type { Permit, TransitionEvent } from './breaker.js'
import type { Clock } from './clock.js'
import { Backlog } from './lane/backlog.js'
import { Intake } from './lane/intake.js'
import { Conditions } from './lane/conditions.js'
import { DeadLetters } from './lane/dead-letters.js'
import { Gate } from './lane/gate.js'
import { Ledger, type Fallback } from './lane/ledger.js'
import type { LaneDeps, LaneSettings } from './lane/lane-deps.js'
import { Pace } from './lane/pace.js'
import { Spooling } from './lane/spooling.js'
import { Transit } from './lane/transit.js'
import { Unsettled } from './lane/unsettled.js'
import { EVERYTHING } from './levels.js'
import type { DropReason, SinkSnapshot } from './metrics.js'
import type { PinoConfig } from './pino-config.js'

/** Of the time to end, what is kept for writing to a disk what could not be delivered. */
const DISK_RESERVE_MS = 500

/** A line of a lane by its number, and what had gone wrong before it came. */
export interface LineMark {
  readonly line: number
  readonly lostLines: number
  readonly failures: number
}

/**
 * What has become of a line: it has arrived (or was passed to a fallback); it is held by a lane that has not failed
 * since it came; it is held by one that has; or it is lost, or held by a lane whose breaker is not closed, or that has ended.
 */
export type LineFate = 'arrived' | 'held' | 'failing' | 'lost'

/**
 * All that is owned for one sink: its queue, its breaker, its child, its counters. Lines come in by `offer`, and each of
 * them ends in exactly one place: `snapshot` can prove it at any time (DESIGN §7).
 */
export class Lane {
  readonly name: string
  /** The lowest level that it takes. */
  minLevel = EVERYTHING
  /** Told when nothing is held back any more. */
  onRelief: () => void = () => {}

  readonly #settings: LaneSettings
  readonly #deps: LaneDeps
  readonly #clock: Clock
  readonly #gate: Gate
  readonly #backlog: Backlog
  readonly #spooling: Spooling | undefined
  readonly #unsettled: Unsettled
  readonly #transit: Transit
  readonly #ledger: Ledger
  readonly #deadLetters: DeadLetters
  readonly #conditions: Conditions
  #phase: 'running' | 'draining' | 'ending' | 'ended' = 'running'
  #isPumping = false

  constructor (deps: LaneDeps) {
    const { settings, life, clock, app, random, createChild, deadLetterStore, createSpool, willSendConfig, events } = deps
    const { name, breaker, healthCheck, writeTimeoutMs, startTimeoutMs, sense, deadLetter, spool } = settings
    const unsettled = this.#unsettled = new Unsettled(settings.queue)
    const [sinkPace, diskPace] = [new Pace(), new Pace()]
    this.name = name
    this.#settings = settings
    this.#deps = deps
    this.#clock = clock
    this.#conditions = new Conditions(clock)
    this.#ledger = new Ledger((loss, lines) => events.onLoss(loss, lines))
    this.#deadLetters = new DeadLetters({
      sink: name, clock, ledger: this.#ledger, store: deadLetter && deadLetterStore, maxBytes: deadLetter?.maxBytes ?? 0, onChange: () => this.#pump()
    })
    const intake = new Intake(settings.queue, { clock, app, sinkPace, diskPace, unsettled }, {
      isTakenFrom: () => !this.#hasLeft && (this.#spooling?.isDiverting === true ? this.#spooling.isTaking : !this.isTripped),
      isDiverting: () => this.#spooling?.isDiverting === true,
      pendingBytes: () => this.#spooling?.pending.bytes ?? 0,
      onSurrender: attempt => this.#transit.surrender(attempt),
      onOverflow: () => this.#spooling?.overflow() === true,
      onDropped: (lines, isDiagnostic) => this.#ledger.drop(lines, 'queue-full', isDiagnostic),
      onRelief: () => this.onRelief(),
      onTick: () => this.#pump()
    })
    this.#spooling = spool && createSpool && new Spooling({
      createSpool, mode: spool.mode, clock, intake, ledger: this.#ledger, pace: diskPace, unsettled, redelivers: this.#redelivers, isTripped: () => this.isTripped, isCopied: () => this.#transit.child?.copies === true
    }, {
      onChange: () => this.#pump(),
      onNews: news => events.onSpoolNews(news)
    })
    this.#backlog = new Backlog(life, intake, this.#spooling)
    this.#gate = new Gate({ sink: name, breaker, healthCheck, clock, random }, {
      onTransition: event => this.#onTransition(event),
      onDue: () => this.#pump(),
      onUnhealthy: failure => this.#transit.setBack(failure)
    })
    this.#transit = new Transit({
      sink: name,
      idOf: line => this.#backlog.idOf(line),
      writeTimeoutMs,
      startTimeoutMs,
      willSendConfig,
      redelivers: this.#redelivers,
      isSensing: sense !== false,
      clock,
      random,
      createChild,
      gate: this.#gate,
      ledger: this.#ledger,
      deadLetters: this.#deadLetters,
      pace: sinkPace,
      unsettled
    }, {
      onReady: () => {
        // A probe has its lines by now, unless they were given up; an idle breaker waits for some.
        if (this.#backlog.isEmpty) this.#gate.giveBack()
        this.#pump()
      },
      onChange: () => this.#pump(),
      onReturned: lines => this.#takeBack(lines),
      onArrivedLate: (firstLine, bytes) => this.#backlog.arrive(firstLine, bytes),
      onComeBack: () => { if (!this.#gate.isPaused) this.#probeEarly() },
      newestLine: isFresh => isFresh && this.#backlog.doubts('newest') > 0 ? undefined : this.#backlog.newestLine,
      onDoubted: before => this.#backlog.doubt(before),
      onRestart: (reason, restarts) => events.onRestart(reason, restarts),
      onEvent: (event, args) => events.onEvent(event, args)
    })
  }

  /** Says where its lines go while its breaker is not closed, with `whenOpen: 'fallback'`, and at the end. */
  fallBackTo (fallback: Fallback): void {
    this.#ledger.fallback = fallback
  }

  /** Whether its breaker keeps lines from its sink. */
  get isTripped (): boolean {
    return this.#gate.isTripped
  }

  /** Whether a diagnostic record is safe with it. */
  get takesDiagnostics (): boolean {
    return this.#gate.state === 'closed' && !this.#hasLeft
  }

  /** Whether it holds the app back. */
  get isPressing (): boolean {
    return this.#backlog.isPressing
  }

  start (): void {
    this.#spooling?.start()
    this.#transit.start()
    this.#gate.start()
  }

  /** Passes pino's config on to the sink; `undefined` if it is not going to come any more. */
  configure (config: PinoConfig | undefined): void {
    this.#transit.configure(config)
  }

  /** Takes lines. Never throws and never fails: what cannot be kept is counted. */
  offer (batch: Batch): void {
    const hasLeft = this.#hasLeft
    const isTurnedAway = !hasLeft && this.#turnsAway()
    const goesStraight = !hasLeft && !isTurnedAway && batch.byteLength <= this.#transit.sizeLimit && this.#backlog.letsPass(batch)
    const permit = goesStraight ? this.#nextPermit() : undefined
    // Only now, since a permit may bring a transition, and whoever is told of it may ask for a snapshot.
    this.#ledger.receive(batch.count)
    if (hasLeft) {
      this.#ledger.giveUp(batch)
      return
    }
    if (isTurnedAway) {
      if (this.#settings.whenOpen === 'skip') return this.#ledger.skip(batch.count, batch.isDiagnostic)
      return this.#ledger.passOn(batch)
    }
    if (permit !== undefined) return this.#transit.send(this.#backlog.pass(batch), permit)
    this.#backlog.add(batch, this.#wantsNewer)
    this.#pump()
  }

  /** Counts lines that came for it, but that no lane can be given. */
  refuse (lines: number, reason: DropReason): void {
    this.#ledger.receive(lines)
    this.#ledger.drop(lines, reason, false)
  }

  /**
   * Settles when all that was offered so far has been accepted, or the breaker is not closed, or a disk is to keep it, or
   * at the deadline.
   *
   * @returns Whether it was before the deadline.
   */
  async settle (deadline: number): Promise<boolean> {
    return await this.#untilAccepted(() => this.isTripped || this.#backlog.isDiverting, deadline)
  }

  /** As {@link settle}, and the sink's own `flush` is done, or the disk is synced. */
  async flush (deadline: number): Promise<void> {
    // A spool that is being opened takes lines in only to give them to the sink, if it turns out to be empty.
    await this.#untilAccepted(() => this.#backlog.isDiverting ? this.#backlog.hasTakenIn : this.isTripped, deadline)
    if (this.#backlog.isDiverting) return await this.#wait(this.#backlog.sync(), () => false, deadline)
    const { child } = this.#transit
    if (this.isTripped || child === undefined) return
    await this.#wait(child.flush(), () => this.isTripped || this.#transit.child !== child, deadline)
  }

  /** Settles when all that is here now has been accepted, or it need not be. */
  async #untilAccepted (needNot: () => boolean, deadline: number): Promise<boolean> {
    if (!await this.#conditions.until(() => !this.#backlog.isPressing, deadline)) return false
    const mark = this.#backlog.nextLine
    return await this.#conditions.until(() => needNot() || this.#firstUnacceptedLine >= mark, deadline)
  }

  async #wait (promise: Promise<void>, isOver: () => boolean, deadline: number): Promise<void> {
    let isDone = false
    promise.then(() => {
      isDone = true
      this.#conditions.changed()
    })
    await this.#conditions.until(() => isDone || isOver(), deadline)
  }

  /**
   * No more lines come: delivers what is here, as far as the deadline allows. A breaker that is not closed, with lines
   * to deliver, probes once, at once.
   */
  async drain (deadline: number): Promise<void> {
    this.#phase = 'draining'
    this.#spooling?.drain()
    // There may be no time for the whole of it, and lines that are not sent now are lost.
    this.#transit.settleWithin((deadline - this.#clock.now()) / 4)
    this.#gate.resume()
    this.#probeEarly()
    this.#pump()
    await this.#conditions.until(() => this.#gate.isShut || !this.#holdsLines, this.#sinkDeadline(deadline))
  }

  /** Ends the sink in good order, as far as the deadline allows; then whatever is left is passed on, or given up. */
  async end (deadline: number): Promise<void> {
    this.#phase = 'ending'
    this.#transit.end()
    const sinkDeadline = this.#sinkDeadline(deadline)
    if (!this.#gate.isShut) await this.#conditions.until(() => this.#transit.hasEnded || this.#transit.child === undefined, sinkDeadline)
    await this.#conditions.until(() => this.#deadLetters.lines === 0, sinkDeadline)
    this.#deadLetters.giveUp()
    await this.#leave(deadline)
  }

  /** Everything there is to know of it, at this moment. */
  snapshot (): SinkSnapshot {
    const { inMemory, pending, onDisk } = this.#backlog
    return {
      name: this.name,
      state: this.#gate.state,
      ...this.#ledger.entries,
      queueLines: inMemory.lines,
      queueBytes: inMemory.bytes + this.#unsettled.bytes + this.#deadLetters.bytes,
      unsettledLines: this.#unsettled.lines + this.#deadLetters.lines,
      spoolPendingLines: pending.lines,
      spoolPendingBytes: pending.bytes,
      spoolLines: onDisk.lines,
      spoolBytes: onDisk.bytes,
      restarts: this.#transit.restarts,
      consecutiveFailures: this.#gate.consecutiveFailures
    }
  }

  /**
   * The number, among all that it was offered, of the oldest line that has not come to its end, or of the next to come:
   * each line before it was delivered, or is a dead letter, or is counted as lost.
   */
  get firstHeldLine (): number {
    return Math.min(this.#unsettled.firstLine, this.#deadLetters.firstLine, this.#backlog.firstLine)
  }

  /** Stands for the line that is offered next, so that {@link fateOf} can be asked about it. */
  get nextMark (): LineMark {
    return { line: this.#backlog.nextComer, lostLines: this.#ledger.lostLines, failures: this.#ledger.failureCount }
  }

  /** What has become of a line, as far as that can be told from counts: a line that others were lost with counts as lost. */
  fateOf ({ line, lostLines, failures }: LineMark): LineFate {
    // What is dropped or passed on as it comes has no number.
    const isGone = this.firstHeldLine > line || this.#backlog.nextComer <= line
    if (isGone) return this.#ledger.lostLines === lostLines ? 'arrived' : 'lost'
    if (this.#phase === 'ended' || this.#gate.state !== 'closed') return 'lost'
    return this.#ledger.failureCount === failures ? 'held' : 'failing'
  }

  /** Whether a call of its sink is pending that nobody can cancel. */
  get isHanging (): boolean {
    return this.#transit.isHanging
  }

  /** Whether its sink has accepted all that there is, and all that is missing is proof that it has arrived. */
  get awaitsProof (): boolean {
    return this.#gate.state === 'closed' && !this.#holdsLines && this.#unsettled.lines > 0
  }

  /** Settles when a condition holds, which is asked after each change, or at the deadline. */
  async until (condition: () => boolean, deadline: number): Promise<void> {
    await this.#conditions.until(condition, deadline)
  }

  get #firstUnacceptedLine (): number {
    return Math.min(this.#unsettled.firstUnacceptedLine ?? Infinity, this.#backlog.firstLine)
  }

  get #holdsLines (): boolean {
    return !this.#backlog.isEmpty || this.#unsettled.hasUnaccepted
  }

  /** Whether new lines are kept away from the queue, because the breaker is not closed. */
  #turnsAway (): boolean {
    if (this.#settings.whenOpen === 'hold' || this.#settings.whenOpen === 'spool' || !this.isTripped) return false
    // The next that come join them, for a probe that tells more.
    if (this.#settings.whenOpen === 'skip' && (this.#backlog.lacksOthers(this.#transit.nextLines) || this.#wantsNewer)) return false
    // With nothing here to probe with, the first lines that come once recovery is due are the probe.
    return this.#gate.hasReserved || this.#holdsLines || !this.#gate.reserve()
  }

  /** Whether the next line that comes may tell a backend that refuses what is old from one that refuses everything. */
  get #wantsNewer (): boolean {
    return this.#transit.seeksNewer && this.#backlog.lacksNewer
  }

  /** Probes at once, where there is something to probe with: the lane is about to end, or there is reason to hope. */
  #probeEarly (): void {
    if (this.isTripped && this.#holdsLines) this.#gate.reserveEarly()
  }

  /** Hands over as much as the breaker and the sink's window allow. */
  #pump (): void {
    if (this.#phase === 'ended') return this.#conditions.changed()
    if (this.#isPumping) return
    this.#isPumping = true
    do {
      while (this.#backlog.hasQueued) {
        const permit = this.#nextPermit()
        if (permit === undefined) break
        this.#transit.send(this.#backlog.take(this.#transit.nextLines, this.#transit.nextLimits) as Lines, permit)
      }
      this.#backlog.admit()
    } while (this.#backlog.hasQueued && this.#canSend && !this.isTripped)
    this.#isPumping = false
    this.#settleSpool()
    // A `send` that is being given up pumps as it comes to its end.
    if (!this.#backlog.isEmpty && this.isTripped && !this.#transit.isGivingUp) this.#gate.awaitRecovery()
    this.#conditions.changed()
  }

  /** Leave to hand lines over now; `null` where the breaker has no say, `undefined` if it cannot be. */
  #nextPermit (): Permit | null | undefined {
    if (this.#hasLeft) return undefined
    if (this.#transit.child === undefined) {
      if (!this.isTripped || this.#gate.reserve()) this.#transit.start()
      return undefined
    }
    return this.#canSend ? this.#gate.take() : undefined
  }

  get #canSend (): boolean {
    return this.#transit.canSend(this.#backlog.doubts(this.#transit.nextLines))
  }

  /** Whether what was handed over may be handed over again. */
  get #redelivers (): boolean {
    return this.#settings.redelivery === 'at-least-once'
  }

  /** Whether its sink is being ended, or gone: nothing is handed over any more. */
  get #hasLeft (): boolean {
    return this.#phase === 'ending' || this.#phase === 'ended'
  }

  #takeBack (lines: readonly Lines[]): void {
    if (this.#redelivers) return this.#backlog.unshift(lines)
    for (const { count } of lines) this.#ledger.drop(count, 'at-most-once', false)
  }

  #onTransition (event: TransitionEvent): void {
    this.#deps.events.onTransition(event)
    if (this.#gate.isShut && this.#settings.whenOpen === 'fallback') {
      for (const lines of this.#backlog.drain()) this.#ledger.passOn(lines)
    } else if (event.to === 'closed') {
      this.#ledger.settleLosses()
    }
  }

  /** A disk needs time for what the sink has not taken by then. */
  #sinkDeadline (deadline: number): number {
    return this.#spooling === undefined ? deadline : deadline - Math.min(DISK_RESERVE_MS, (deadline - this.#clock.now()) / 4)
  }

  /** Tells the disk what need not be sent again. */
  #settleSpool (): void {
    if (this.#spooling !== undefined) this.#backlog.settle(Math.min(this.#unsettled.firstLine, this.#deadLetters.firstLine))
  }

  /** The last thing that happens: whatever is still here has no sink to go to. */
  async #leave (deadline: number): Promise<void> {
    this.#settleSpool()
    this.#phase = 'ended'
    const returned = this.#transit.stop()
    this.#gate.stop()
    let undelivered = 0
    const giveUp = (lines: NewLines): void => { undelivered += this.#ledger.giveUp(lines) }
    // A disk would have the next start send again what it keeps.
    if (!this.#redelivers) returned.splice(0).forEach(giveUp)
    await this.#backlog.close(returned, deadline, giveUp)
    this.#ledger.settleLosses()
    if (undelivered > 0) this.#deps.events.onUndelivered(undelivered, this.#ledger.lastFailure)
    this.#conditions.changed()
  }
}
