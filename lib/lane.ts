import type { Batch, Lines } from './batch.js'
import type { BreakerOptions, Permit, TransitionEvent } from './breaker.js'
import type { Child, ChildListener, PinoConfig } from './child/child.js'
import type { Clock } from './clock.js'
import { FanoutError } from './errors.js'
import { toFailure, type FailureReason, type SinkFailure } from './failure.js'
import { Intake, type IntakeSettings } from './lane/intake.js'
import { Alarm } from './lane/alarm.js'
import { Conditions } from './lane/conditions.js'
import { Gate } from './lane/gate.js'
import { Ledger, type Fallback } from './lane/ledger.js'
import type { Loss } from './lane/loss-report.js'
import { Pace } from './lane/pace.js'
import { Quiet } from './lane/quiet.js'
import { Supervisor } from './lane/supervisor.js'
import { Unsettled, type Attempt } from './lane/unsettled.js'
import type { HealthCheckSettings } from './options.js'
import { EVERYTHING } from './levels.js'
import type { DropReason, SinkSnapshot } from './metrics.js'
import type { NewLines } from './queue.js'

/** What a lane needs to know of its target; the options of the same names (DESIGN §3). */
export interface LaneSettings {
  name: string
  breaker: BreakerOptions
  queue: IntakeSettings
  whenOpen: 'hold' | 'skip' | 'fallback'
  writeTimeoutMs: number
  startTimeoutMs: number
  redelivery: 'at-least-once' | 'at-most-once'
  sense: false | { console: boolean }
  healthCheck?: HealthCheckSettings | undefined
}

/** What a lane tells of itself. */
export interface LaneEvents {
  onTransition (event: TransitionEvent): void
  onLoss (loss: Loss, lines: number): void
  onRestart (reason: FailureReason, restarts: number): void
  onUndelivered (lines: number): void
  onEvent (name: string, args: readonly unknown[]): void
}

/** What a lane is made of. */
export interface LaneDeps {
  settings: LaneSettings
  /** Names this life of the lane; the ids of its batches begin with it. */
  life: string
  willSendConfig: boolean
  clock: Clock
  random: () => number
  createChild: (listener: ChildListener) => Child
  events: LaneEvents
}

const PROBE_BYTES = 64 * 1024
const DELIVERY_BYTES = 512 * 1024
const ABORT_GRACE_MS = 1000
const RESTART_REPORT_MS = 10000

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
  readonly #intake: Intake
  readonly #unsettled = new Unsettled()
  readonly #supervisor: Supervisor
  readonly #ledger: Ledger
  readonly #conditions: Conditions
  readonly #pace = new Pace()
  /** The batch whose `send` was given up, and may yet come to its end. */
  #aborting: { id: string, timer: NodeJS.Timeout } | undefined
  /** Rings when lines in the sink's hands must have been accepted, or have been quiet for long enough. */
  readonly #alarm: Alarm
  /** When the sink, having nothing to accept, was given something. */
  #busySince = 0
  readonly #quiet: Quiet
  #restartReportedAt = -Infinity
  #phase: 'running' | 'draining' | 'ending' | 'ended' = 'running'
  #isPumping = false
  /** The breaker's generation in which the sink last delivered something. */
  #provenGeneration = -1
  #hasEnded = false

  constructor (deps: LaneDeps) {
    const { settings, clock, random, createChild, willSendConfig, events } = deps
    this.name = settings.name
    this.#settings = settings
    this.#deps = deps
    this.#clock = clock
    this.#intake = new Intake(settings.queue, { clock, pace: this.#pace, unsettled: this.#unsettled }, {
      isTakenFrom: () => !this.isTripped && (this.#phase === 'running' || this.#phase === 'draining'),
      onSurrender: attempt => this.#surrender(attempt),
      onDropped: (lines, isDiagnostic) => this.#ledger.drop(lines, 'queue-full', isDiagnostic),
      onRelief: () => this.onRelief(),
      onTick: () => this.#pump()
    })
    this.#ledger = new Ledger((loss, lines) => events.onLoss(loss, lines))
    this.#conditions = new Conditions(clock)
    this.#alarm = new Alarm(clock, () => this.#check())
    this.#gate = new Gate({ sink: settings.name, breaker: settings.breaker, healthCheck: settings.healthCheck, clock, random }, {
      onTransition: event => this.#onTransition(event),
      onDue: () => this.#pump(),
      onUnhealthy: failure => this.#setBack(failure)
    })
    this.#quiet = new Quiet({ settleMs: this.#gate.settleMs, writeTimeoutMs: settings.writeTimeoutMs, isSensing: settings.sense !== false })
    this.#supervisor = new Supervisor({ sink: settings.name, startTimeoutMs: settings.startTimeoutMs, willSendConfig, random, createChild }, {
      onReady: restarted => this.#onReady(restarted),
      onAccepted: bytes => this.#onAccepted(bytes),
      onDelivered: bytes => this.#onDelivered(bytes),
      onAnswered: bytes => this.#onAnswered(bytes),
      onSensed: traffic => this.#quiet.noteTraffic(traffic),
      onSetback: failure => this.#setBack(failure),
      onRefused: (bytes, failure) => this.#onRefused(bytes, failure),
      onSettled: (id, failure) => this.#onSettled(id, failure),
      onFailure: failure => this.#fail(failure),
      onEnded: () => this.#onEnded(),
      onEvent: (name, args) => events.onEvent(name, args)
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
    return this.#intake.isPressing
  }

  start (): void {
    this.#supervisor.start()
    this.#gate.start()
  }

  /** Passes pino's config on to the sink; `undefined` if it is not going to come any more. */
  configure (config: PinoConfig | undefined): void {
    this.#supervisor.configure(config)
  }

  /** Takes lines. Never throws and never fails: what cannot be kept is counted. */
  offer (batch: Batch): void {
    const hasLeft = this.#hasLeft
    const isTurnedAway = !hasLeft && this.#turnsAway()
    const goesStraight = !hasLeft && !isTurnedAway && batch.byteLength <= this.#sizeLimit && this.#intake.letsPass(batch)
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
    if (permit !== undefined) return this.#dispatch(this.#intake.pass(batch), permit)
    this.#intake.add(batch)
    this.#pump()
  }

  /** Counts lines that came for it, but that no lane can be given. */
  refuse (lines: number, reason: DropReason): void {
    this.#ledger.receive(lines)
    this.#ledger.drop(lines, reason, false)
  }

  /** Settles when all that was offered so far has been accepted, or the breaker is not closed, or at the deadline. */
  async settle (deadline: number): Promise<void> {
    await this.#conditions.until(() => !this.#intake.isPressing, deadline)
    const mark = this.#intake.nextLine
    await this.#conditions.until(() => this.isTripped || (this.#unsettled.firstUnacceptedLine ?? this.#intake.firstLine) >= mark, deadline)
  }

  /** As {@link settle}, and the sink's own `flush` is done. */
  async flush (deadline: number): Promise<void> {
    await this.settle(deadline)
    const child = this.#supervisor.ready?.child
    if (this.isTripped || child === undefined) return
    let isFlushed = false
    child.flush().then(() => {
      isFlushed = true
      this.#conditions.changed()
    })
    await this.#conditions.until(() => isFlushed || this.isTripped || this.#supervisor.ready?.child !== child, deadline)
  }

  /**
   * No more lines come: delivers what is here, as far as the deadline allows. A breaker that is not closed, with lines
   * to deliver, probes once, at once.
   */
  async drain (deadline: number): Promise<void> {
    this.#phase = 'draining'
    // There may be no time for the whole of it, and lines that are not sent now are lost.
    this.#quiet.shorten((deadline - this.#clock.now()) / 4)
    this.#watch()
    if (this.isTripped && this.#holdsLines) {
      this.#gate.reserveEarly()
      this.#pump()
    }
    await this.#conditions.until(() => this.#gate.isShut || !this.#holdsLines, deadline)
  }

  /** Ends the sink in good order, as far as the deadline allows; then whatever is left is passed on, or given up. */
  async end (deadline: number): Promise<void> {
    this.#phase = 'ending'
    const ready = this.#supervisor.ready
    if (ready !== undefined && !this.#gate.isShut) {
      ready.child.end()
      await this.#conditions.until(() => this.#hasEnded || this.#supervisor.ready === undefined, deadline)
    }
    this.#leave()
  }

  /** Everything there is to know of it, at this moment. */
  snapshot (): SinkSnapshot {
    return {
      name: this.name,
      state: this.#gate.state,
      ...this.#ledger.entries,
      linesDeadLettered: 0,
      queueLines: this.#intake.lines,
      queueBytes: this.#intake.bytes + this.#unsettled.bytes,
      unsettledLines: this.#unsettled.lines,
      spoolLines: 0,
      spoolBytes: 0,
      restarts: this.#supervisor.restarts,
      consecutiveFailures: this.#gate.consecutiveFailures
    }
  }

  get #holdsLines (): boolean {
    return !this.#intake.isEmpty || this.#unsettled.hasUnaccepted
  }

  /** Whether new lines are kept away from the queue, because the breaker is not closed. */
  #turnsAway (): boolean {
    if (this.#settings.whenOpen === 'hold' || !this.isTripped) return false
    // With nothing here to probe with, the first lines that come once recovery is due are the probe.
    return this.#gate.hasReserved || this.#holdsLines || !this.#gate.reserve()
  }

  /** Hands over as much as the breaker and the sink's window allow. */
  #pump (): void {
    if (this.#isPumping || this.#phase === 'ended') return
    this.#isPumping = true
    do {
      while (this.#intake.hasQueued) {
        const permit = this.#nextPermit()
        if (permit === undefined) break
        this.#dispatch(this.#intake.shift(this.#sizeLimit) as Lines, permit)
      }
      this.#intake.admit()
    } while (this.#intake.hasQueued && this.#canSend && !this.isTripped)
    this.#isPumping = false
    // A `send` that is being given up pumps as it comes to its end.
    if (!this.#intake.isEmpty && this.isTripped && this.#aborting === undefined) this.#gate.awaitRecovery()
    this.#conditions.changed()
  }

  /** Leave to hand lines over now; `null` where the breaker has no say, `undefined` if it cannot be. */
  #nextPermit (): Permit | null | undefined {
    if (this.#hasLeft) return undefined
    if (this.#supervisor.ready === undefined) {
      if (!this.isTripped || this.#gate.reserve()) this.#supervisor.start()
      return undefined
    }
    return this.#canSend ? this.#gate.take() : undefined
  }

  /** Whether its sink is being ended, or gone: nothing is handed over any more. */
  get #hasLeft (): boolean {
    return this.#phase === 'ending' || this.#phase === 'ended'
  }

  get #canSend (): boolean {
    const ready = this.#supervisor.ready
    if (this.#hasLeft || ready === undefined || this.#supervisor.isWaiting || this.#aborting !== undefined) return false
    return ready.kind === 'delivery' ? this.#unsettled.count === 0 : this.#unsettled.unacceptedBytes < ready.child.windowBytes
  }

  get #sizeLimit (): number {
    if (this.isTripped) return PROBE_BYTES
    return this.#supervisor.ready?.kind === 'delivery' ? DELIVERY_BYTES : Infinity
  }

  #dispatch (lines: Lines, permit: Permit | null): void {
    const id = `${this.#deps.life}:${lines.firstLine}`
    if (!this.#unsettled.hasUnaccepted) this.#busySince = this.#clock.now()
    this.#unsettled.add(id, lines, permit)
    this.#supervisor.ready?.child.send({ id, lines })
    this.#watch()
  }

  #onReady (restarted: FailureReason | undefined): void {
    this.#unsettled.restart()
    const now = this.#clock.now()
    this.#pace.begin(now)
    if (restarted !== undefined && now - this.#restartReportedAt >= RESTART_REPORT_MS) {
      this.#restartReportedAt = now
      this.#deps.events.onRestart(restarted, this.#supervisor.restarts)
    }
    // A probe has its lines by now, unless they were given up; an idle breaker waits for some.
    if (this.#intake.isEmpty) this.#gate.giveBack()
    this.#pump()
  }

  #onAccepted (bytes: number): void {
    const now = this.#clock.now()
    const accepted = this.#unsettled.acceptUpTo(bytes, now)
    if (accepted > 0) {
      this.#pace.progress(now, accepted)
      this.#quiet.noteAcceptance(now)
    }
    this.#watch()
    this.#pump()
  }

  #onDelivered (bytes: number): void {
    const now = this.#clock.now()
    const accepted = this.#unsettled.acceptUpTo(bytes, now)
    if (accepted > 0) this.#pace.progress(now, accepted)
    this.#succeed(this.#unsettled.deliverUpTo(bytes))
    this.#pump()
  }

  /** The backend is well, though not all of these lines need have been in that request: they stay unsettled. */
  #onAnswered (bytes: number): void {
    const permits = this.#unsettled.takePermits(bytes)
    if (permits.length === 0) return
    this.#provenGeneration = this.#gate.generation
    for (const permit of permits) permit.success()
    this.#pump()
  }

  #onSettled (id: string, failure: SinkFailure | undefined): void {
    if (this.#aborting?.id === id) {
      clearTimeout(this.#aborting.timer)
      this.#aborting = undefined
      return this.#pump()
    }
    const attempt = this.#unsettled.settle(id)
    if (attempt === undefined) return
    if (failure !== undefined) return this.#failAttempt(attempt, failure)
    this.#pace.progress(this.#clock.now(), attempt.lines.bytes.length)
    this.#succeed([attempt])
    this.#pump()
  }

  /** An acceptance that has to make room for new lines: it counts as delivered, and proves nothing. */
  #surrender ({ lines, permit }: Attempt): void {
    this.#ledger.deliver(lines.count)
    permit?.ignore()
  }

  #succeed (attempts: readonly Attempt[]): void {
    if (attempts.length === 0) return
    this.#provenGeneration = this.#gate.generation
    for (const { lines } of attempts) this.#ledger.deliver(lines.count)
    this.#supervisor.succeed()
    for (const { permit } of attempts) permit?.success()
  }

  /** All that it accepted has arrived, since it ended in good order. */
  #onEnded (): void {
    if (this.#phase !== 'ending') {
      return this.#fail(toFailure('closed-early', new FanoutError('ERR_FANOUT_SINK_CLOSED', 'the sink ended without being asked', { sink: this.name })))
    }
    const { attempts, deliveredLines } = this.#unsettled.takeAll()
    this.#ledger.deliver(deliveredLines)
    this.#succeed(attempts)
    this.#hasEnded = true
    this.#conditions.changed()
  }

  /** The sink is of no use any more: what it has is taken back, and it is replaced. */
  #fail (failure: SinkFailure): void {
    const permit = this.#takeAllBack()
    this.#supervisor.discard(failure.reason)
    clearTimeout(this.#aborting?.timer)
    this.#aborting = undefined
    this.#settleFailure(permit, failure)
    if (!this.isTripped && !this.#hasLeft) this.#supervisor.backOff(() => { this.#supervisor.start() })
    this.#pump()
  }

  /** Lines may have been lost behind the sink: they are sent again, by the same sink as long as it is not tripped. */
  #setBack (failure: SinkFailure): void {
    if (this.#phase === 'ended') return
    // Two attempts with the same lines at once: the answer to one would be taken for that to the other.
    if (this.#supervisor.ready?.kind === 'delivery' && this.#unsettled.count > 0) return this.#giveUpSend(failure)
    this.#settleFailure(this.#takeAllBack(), failure)
    // Whatever it still has in its buffers is not to be sent while the breaker is open.
    if (this.isTripped) this.#supervisor.discard(failure.reason)
    else this.#supervisor.backOff(() => this.#pump())
    this.#pump()
  }

  /** A refusal says that the backend answers; but one that has accepted nothing yet refuses more than these lines. */
  #onRefused (bytes: number, failure: SinkFailure): void {
    if (this.#provenGeneration !== this.#gate.generation) return this.#setBack(failure)
    for (const { lines, permit } of this.#unsettled.deliverUpTo(bytes)) {
      this.#ledger.drop(lines.count, 'poison', false)
      permit?.ignore()
    }
    this.#pump()
  }

  /** A delivery sink did not deliver; it goes on, after a pause. */
  #failAttempt (attempt: Attempt, failure: SinkFailure): void {
    this.#takeBack([attempt])
    this.#settleFailure(attempt.permit, failure)
    if (!this.isTripped) this.#supervisor.backOff(() => this.#pump())
    this.#pump()
  }

  #settleFailure (permit: Permit | null | undefined, failure: SinkFailure): void {
    this.#ledger.fail(failure)
    this.#gate.fail(permit, failure)
  }

  /** One failure settles one attempt, however much it takes down: returns the permit of the oldest, if there is any. */
  #takeAllBack (): Permit | null | undefined {
    const { attempts, deliveredLines } = this.#unsettled.takeAll()
    this.#ledger.deliver(deliveredLines)
    this.#takeBack(attempts)
    for (const { permit } of attempts.slice(1)) permit?.ignore()
    return attempts[0]?.permit
  }

  #takeBack (attempts: readonly Attempt[]): void {
    if (this.#settings.redelivery === 'at-most-once') {
      for (const { lines } of attempts) this.#ledger.drop(lines.count, 'at-most-once', false)
    } else {
      this.#intake.unshift(attempts.map(({ lines }) => ({ ...lines, attempts: lines.attempts + 1 })))
    }
  }

  #onTransition (event: TransitionEvent): void {
    this.#deps.events.onTransition(event)
    if (this.#gate.isShut && this.#settings.whenOpen === 'fallback') {
      for (const lines of this.#intake.drain()) this.#ledger.passOn(lines)
    } else if (event.to === 'closed') {
      this.#ledger.settleLosses()
    }
  }

  /** Looks after lines in the sink's hands: they must be accepted in time, and an acceptance that stays quiet counts. */
  #watch (): void {
    this.#alarm.setFor(Math.min(this.#acceptanceDue, this.#settlementDue))
  }

  get #acceptanceDue (): number {
    if (!this.#unsettled.hasUnaccepted) return Infinity
    return Math.max(this.#busySince, this.#pace.lastProgress) + this.#settings.writeTimeoutMs
  }

  get #settlementDue (): number {
    const { oldestAccepted } = this.#unsettled
    return oldestAccepted === undefined ? Infinity : this.#quiet.endOf(oldestAccepted.acceptedAt as number, this.isTripped)
  }

  #check (): void {
    const now = this.#clock.now()
    if (now >= this.#settlementDue) this.#succeed(this.#unsettled.takeAcceptedBefore(now - this.#quiet.ms))
    if (now >= this.#acceptanceDue) this.#timeOut()
    this.#watch()
    this.#pump()
  }

  #timeOut (): void {
    const { writeTimeoutMs } = this.#settings
    const failure = toFailure('write-timeout', new FanoutError('ERR_FANOUT_SINK_TIMEOUT', `the sink did not accept a batch, and nothing moved, for ${writeTimeoutMs} ms`, { sink: this.name }))
    if (this.#supervisor.ready?.kind === 'delivery') this.#giveUpSend(failure)
    else this.#fail(failure)
  }

  /** A `send` is asked to give up; only if it does not is the sink itself replaced. */
  #giveUpSend (failure: SinkFailure): void {
    const attempt = this.#unsettled.takeAll().attempts[0] as Attempt
    this.#aborting = {
      id: attempt.id,
      timer: setTimeout(() => {
        this.#aborting = undefined
        this.#supervisor.discard(failure.reason)
        if (!this.isTripped && this.#phase !== 'ending') this.#supervisor.start()
        this.#pump()
      }, ABORT_GRACE_MS)
    }
    this.#supervisor.ready?.child.abort(attempt.id)
    this.#failAttempt(attempt, failure)
  }

  /** The last thing that happens: whatever is still here has no sink to go to. */
  #leave (): void {
    const { attempts, deliveredLines } = this.#unsettled.takeAll()
    this.#ledger.deliver(deliveredLines)
    this.#phase = 'ended'
    this.#supervisor.stop()
    this.#gate.stop()
    this.#alarm.stop()
    clearTimeout(this.#aborting?.timer)

    const left: NewLines[] = [...attempts.map(({ lines }) => lines), ...this.#intake.drain()]
    this.#ledger.settleLosses()
    const undelivered = left.reduce((sum, lines) => sum + this.#ledger.giveUp(lines), 0)
    if (undelivered > 0) this.#deps.events.onUndelivered(undelivered)
    this.#conditions.changed()
  }
}
