import { Alarm } from '../alarm.js'
import { pickLines, type Lines } from '../batch.js'
import type { Permit } from '../breaker.js'
import type { Child, ChildListener } from '../child/child.js'
import type { Rejection } from '../child/rejection.js'
import type { Clock } from '../clock.js'
import { FanoutError } from '../errors.js'
import { toFailure, type FailureReason, type SinkFailure } from '../failure.js'
import type { LineIds } from '../line-ids.js'
import type { QueueSettings } from '../options.js'
import type { Next, QueueLimits } from '../queue.js'
import type { DeadLetters } from '../dead-letters/dead-letters.js'
import type { Gate } from './gate.js'
import type { LaneEvents } from './lane-deps.js'
import type { Ledger } from './ledger.js'
import type { Outlet } from './outlet.js'
import { Pace } from '../pace.js'
import { Poison } from './poison.js'
import { Quiet } from '../quiet.js'
import { Supervisor } from '../child/supervisor.js'
import { Unsettled, type Attempt, type PermittedAttempt } from './unsettled.js'
import { Watch } from './watch.js'

/** Dependencies of a {@link SinkOutlet}. */
export interface SinkOutletDeps {
  sink: string
  writeTimeoutMs: number
  startTimeoutMs: number
  willSendConfig: boolean
  /** True if lines that were handed over may be handed over again. */
  redelivers: boolean
  /** The most bytes of a batch for a delivery sink. */
  batchBytes: number
  /** True if the sink's requests and sockets are observed. */
  isSensing: boolean
  /** Limits of the lane's queue, which lines that the sink holds count against. */
  limits: QueueLimits & Pick<QueueSettings, 'protectLevel'>
  clock: Clock
  random: () => number
  createChild: (listener: ChildListener) => Child
  gate: Gate
  ledger: Ledger
  deadLetters: DeadLetters
  report: Pick<LaneEvents, 'onRestart' | 'onEvent'>
}

/** Events of a {@link SinkOutlet}, and one question. */
export interface SinkOutletEvents {
  /** The sink may be able to take more, or has ended. */
  onChange (): void
  /** These lines were handed over, oldest first, and have not arrived. */
  onReturned (lines: readonly Lines[]): void
  /**
   * A pending write of a discarded sink has delivered bytes of the returned lines, beginning with this line.
   *
   * @returns the number of the line after the last whole one among these bytes
   */
  onArrivedLate (firstLine: number, bytes: number): number
  /** A call that hung has returned: the sink can be started again, and may be healthy. */
  onComeBack (): void
  /** Lines older than this one may be why probes failed: one with newer lines has not. */
  onDoubted (before: number): void
  /**
   * The number of the newest line that waits to be sent and is least in doubt.
   *
   * @param isFresh - Only a line that is not in doubt will do
   */
  newestLine (isFresh: boolean): number | undefined
}

const PROBE_BYTES = 64 * 1024
/**
 * A queue that protects lines keeps room for them: lines that the sink has cannot be dropped. So the sink is given no more once
 * it has not accepted this share of the queue's limits, and not more than the second share at once.
 */
const HELD_SHARE = 1 / 2
const BATCH_SHARE = 1 / 4
/** An aborted `send` that has not settled within this waited time is stuck. */
const ABORT_GRACE_MS = 1000
const RESTART_REPORT_MS = 10000

/** The sink: lines that it holds, and what its evidence and its failures mean for them and for the breaker. */
export class SinkOutlet implements Outlet {
  /** Lines that the sink was given and that nothing has settled yet. */
  readonly held: Unsettled
  readonly pace = new Pace()
  readonly #deps: SinkOutletDeps
  readonly #events: SinkOutletEvents
  readonly #clock: Clock
  readonly #gate: Gate
  readonly #ledger: Ledger
  /** Starts the sink, and keeps it alive. */
  readonly supervisor: Supervisor
  readonly #quiet: Quiet
  readonly #watch: Watch
  /** The batch whose `send` was aborted and has not settled yet; until then the sink is given nothing. */
  #aborted: { id: string, reason: FailureReason } | undefined
  readonly #abortGrace: Alarm
  readonly #poison: Poison
  /** The limits whose shares the sink is given. */
  readonly #shared: QueueLimits
  #restartReportedAt = -Infinity
  #isHastened = false
  #isHurrying = false
  #ending: 'no' | 'asked' | 'ended' = 'no'
  /** The child that is being ended in order to be started again. */
  #reopened: Child | undefined
  /** A child that is starting may have opened its file already: it is reopened as soon as it is ready. */
  #reopensOnceReady = false
  /** The first of the lines that were sent before older ones, since these may be why probes fail. */
  #detour: number | undefined
  /** The first line, and the byte count before it, that a pending write of a discarded sink may still deliver. */
  #pendingWrite = { firstLine: Infinity, delivered: 0 }

  constructor (deps: SinkOutletDeps, events: SinkOutletEvents) {
    const { clock, writeTimeoutMs, isSensing, limits, gate, ledger, report } = deps
    this.#deps = deps
    this.#events = events
    this.#clock = clock
    this.#abortGrace = new Alarm(clock, () => this.#replaceStuck())
    this.#gate = gate
    this.#ledger = ledger
    this.held = new Unsettled(limits)
    this.#poison = new Poison(deps)
    this.#shared = limits.protectLevel === undefined ? { maxBytes: Infinity, maxLines: Infinity } : limits
    const quiet = this.#quiet = new Quiet({ settleMs: gate.breaker.settings.settleMs, writeTimeoutMs, isSensing })
    this.#watch = new Watch({ clock, pace: this.pace, unsettled: this.held, quiet, writeTimeoutMs, gate }, () => this.#look())
    this.supervisor = new Supervisor(deps, {
      onReady: restarted => this.#onReady(restarted),
      onAccepted: (bytes, consumed) => this.#onAccepted(bytes, consumed),
      onDelivered: bytes => this.#onDelivered(bytes),
      onAnswered: bytes => this.#onAnswered(bytes),
      onSensed: traffic => quiet.noteTraffic(traffic),
      onSetback: failure => this.setBack(failure),
      onRefused: (bytes, failure) => this.#onRefused(bytes, failure),
      onSettled: (id, rejection) => this.#onSettled(id, rejection),
      onFailure: failure => this.#fail(failure),
      onLateDelivery: bytes => this.#onLateDelivery(bytes),
      onLateFault: failure => ledger.failLate(failure),
      onGone: hasHung => {
        if (hasHung) events.onComeBack()
        events.onChange()
      },
      onEnded: () => this.#onEnded(),
      onEvent: (name, args) => report.onEvent(name, args)
    })
  }

  /** The child, once it can take lines. */
  get child (): Child | undefined {
    return this.supervisor.ready?.child
  }

  /** True once the sink has ended in good order. */
  get hasEnded (): boolean {
    return this.#ending === 'ended'
  }

  /** True for a delivery sink, which answers for each batch. */
  get answers (): boolean {
    return this.supervisor.ready?.kind === 'delivery'
  }

  get isTaking (): boolean {
    return !this.#gate.isTripped
  }

  get unacceptedBytes (): number {
    return this.held.unacceptedBytes
  }

  /** True while a `send` that was aborted has not settled: `onChange` is called once it has. */
  get isAborting (): boolean {
    return this.#aborted !== undefined
  }

  mayExceed (): boolean {
    return false
  }

  /** @param doubts - Lines in doubt are sent only by themselves, so that the answer is about them */
  canTake (bytes: number, doubts = 0, lines = 0): boolean {
    const ready = this.supervisor.ready
    if (bytes > this.#sizeLimit || lines > BATCH_SHARE * this.#shared.maxLines || this.#ending !== 'no' || ready === undefined || this.supervisor.isWaiting || this.isAborting || this.isReopening || this.#gate.isPaused) return false
    const isAlone = ready.kind === 'delivery' || doubts > 0 || this.#poison.nextLines === 'newest' || this.held.isInDoubt
    if (isAlone) return this.held.count === 0
    if (this.held.unacceptedBytes >= HELD_SHARE * this.#shared.maxBytes || this.held.unacceptedLines >= HELD_SHARE * this.#shared.maxLines) return false
    return this.held.unacceptedBytes < ready.child.windowBytes && !(this.held.isOverfull && this.#watch.expectsProof)
  }

  /** The lines that are to be sent next, and how many of them at once. */
  get next (): Next {
    return { which: this.#poison.nextLines, maxBytes: this.#sizeLimit, maxLines: Math.max(1, Math.floor(BATCH_SHARE * this.#shared.maxLines)), maxDoubtedLines: this.#poison.maxDoubtedLines }
  }

  /** True if the backend may be refusing only old lines, and there is no newer line to try. */
  get seeksNewer (): boolean {
    return this.#poison.isSeeking
  }

  /** Hands lines over. The caller has made sure that the sink can take them. */
  take (next: Lines, permit: Permit | null, ids: LineIds): void {
    this.#detour = this.#poison.nextLines === 'other' ? next.firstLine : undefined
    const lines = this.#poison.send(next)
    this.#watch.begin()
    this.held.add(ids.id, lines, permit, this.#clock.waited())
    this.child?.send({ ...ids, lines })
    this.#isHastened = false
    if (this.#gate.isTripped) this.hasten()
    this.#watch.update()
  }

  /** Has the sink report at once what it accepts of the lines that it holds, because somebody waits for that. */
  hasten (): void {
    if (this.#isHastened || !this.held.hasUnaccepted) return
    this.#isHastened = true
    this.child?.hasten()
  }

  /** Makes room by settling the oldest accepted lines as delivered, which proves nothing; returns whether there were any. */
  surrenderOldest (): boolean {
    const attempt = this.held.takeOldestAccepted()
    if (attempt !== undefined) this.#surrender(attempt)
    return attempt !== undefined
  }

  /** Lines may have been lost behind the sink: they are sent again, by the same sink unless the breaker trips. */
  setBack (failure: SinkFailure): void {
    // With two attempts for the same lines at once, the answer to one would be taken for that to the other.
    if (this.answers && this.held.count > 0) return this.#abortSend(failure)
    this.#failAll([], failure)
  }

  /**
   * The end is near. An acceptance need not stay quiet for longer than this from now on, and no attempt counts as slow: lines
   * that arrive slowly are better than lines that do not arrive.
   */
  settleWithin (ms: number): void {
    this.#isHurrying = true
    this.#quiet.shorten(ms)
    this.#watch.update()
  }

  /** Asks the sink to end in good order; `hasEnded` tells when it has. */
  end (): void {
    this.#ending = 'asked'
    if (!this.#gate.isShut && !this.isReopening) this.child?.end()
  }

  /** Ends the sink in good order and starts it again, so that it opens its file anew. Does nothing if it is not running. */
  reopen (): void {
    if (this.#ending !== 'no' || this.isReopening) return
    this.#reopensOnceReady = this.supervisor.isStarting
    this.#reopened = this.child
    this.#reopened?.end()
  }

  /** True until a sink that is being reopened has ended. */
  get isReopening (): boolean {
    return (this.#reopensOnceReady && this.supervisor.isStarting) || (this.#reopened !== undefined && this.#reopened === this.child)
  }

  /** The sink has not done what it was asked to in time: it is replaced. */
  timeOut (what: string): void {
    const { writeTimeoutMs, sink } = this.#deps
    const failure = toFailure('write-timeout', new FanoutError('ERR_FANOUT_SINK_TIMEOUT', `${what} for ${writeTimeoutMs} ms`, { sink }))
    if (this.answers && this.held.count > 0 && !this.isReopening) this.#abortSend(failure)
    else this.#fail(failure)
  }

  /** Discards the sink; returns the lines that it held. */
  stop (): Lines[] {
    const { attempts, deliveredLines } = this.held.takeAll()
    this.#ledger.deliver(deliveredLines)
    this.#ending = 'ended'
    this.supervisor.stop()
    this.#watch.stop()
    this.#forgetAborted()
    return attempts.map(({ lines }) => lines)
  }

  get #sizeLimit (): number {
    return Math.min(this.#gate.isTripped ? PROBE_BYTES : this.answers ? this.#deps.batchBytes : Infinity, BATCH_SHARE * this.#shared.maxBytes)
  }

  #onReady (restarted: FailureReason | undefined): void {
    this.held.restart()
    this.#pendingWrite = { firstLine: Infinity, delivered: 0 }
    this.#reopened = undefined
    if (this.#reopensOnceReady) this.reopen()
    const now = this.#clock.now()
    this.pace.begin(this.#clock.waited())
    if (restarted !== undefined && now - this.#restartReportedAt >= RESTART_REPORT_MS) {
      this.#restartReportedAt = now
      this.#deps.report.onRestart(restarted, this.supervisor.restarts)
    }
    this.#events.onChange()
  }

  #onAccepted (bytes: number, consumed: number): void {
    if (this.#accept(bytes) > 0) this.#quiet.noteAcceptance(this.#clock.waited())
    if (this.held.consumeUpTo(consumed, this.#clock.waited(), !this.#gate.isTripped)) this.#watch.noteConsumption()
    this.#watch.update()
    this.#events.onChange()
  }

  #onDelivered (bytes: number): void {
    this.#accept(bytes)
    const delivered = this.held.deliverUpTo(bytes)
    if (delivered.length > 0) this.#watch.noteProof()
    this.#succeed(delivered)
    this.#events.onChange()
  }

  /** The backend is healthy. Not all of these lines need have been in that request: they stay unsettled. */
  #onAnswered (bytes: number): void {
    // Lines in doubt are sent alone: a request that was made since was about them.
    if (this.held.isInDoubt) return this.#onDelivered(bytes)
    const attempts = this.held.takePermits(bytes)
    if (attempts.length === 0) return
    this.#prove([], attempts)
    this.#events.onChange()
  }

  /** A write that was pending when the sink was discarded has delivered bytes: these are not sent again. */
  #onLateDelivery (bytes: number): void {
    const { firstLine, delivered } = this.#pendingWrite
    this.#pendingWrite = { firstLine: this.#events.onArrivedLate(firstLine, bytes - delivered), delivered: bytes }
  }

  /** @returns the number of bytes that were not accepted before */
  #accept (bytes: number): number {
    const now = this.#clock.waited()
    const accepted = this.held.acceptUpTo(bytes, now)
    if (accepted > 0) this.pace.progress(now, accepted)
    if (!this.#watch.expectsProof) for (const attempt of this.held.takeSurplus()) this.#surrender(attempt)
    return accepted
  }

  #surrender ({ lines, permit }: Attempt): void {
    this.#ledger.deliver(lines.count)
    permit?.ignore()
  }

  #onSettled (id: string, rejection: Rejection | undefined): void {
    if (this.#aborted?.id === id) {
      this.#forgetAborted()
      return this.#events.onChange()
    }
    const attempt = this.held.settle(id, rejection === undefined ? this.#clock.waited() : undefined)
    if (attempt === undefined) return
    if (rejection?.retryAfterMs !== undefined) this.#gate.pause(rejection.retryAfterMs)
    if (rejection?.outcome !== undefined) return this.#settlePartly(attempt, rejection, rejection.outcome)
    if (rejection?.isRefusal === true) return this.#refuse([attempt], rejection)
    if (rejection !== undefined) return this.#failAttempt(attempt, rejection)
    this.pace.progress(this.#clock.waited(), attempt.lines.bytes.length)
    this.#succeed([attempt])
    this.#events.onChange()
  }

  /** A delivery sink reported an outcome for each line. */
  #settlePartly (attempt: Attempt, rejection: Rejection, { refused, retry, remark }: NonNullable<Rejection['outcome']>): void {
    const { lines, permit } = attempt
    const delivered = lines.count - refused.length - retry.length - (remark?.rejectedLines ?? 0)
    const isBelieved = this.#poison.bury(lines, refused, delivered)
    if (!isBelieved && retry.length === 0) {
      this.#events.onReturned([this.#poison.suspect(lines)])
      return this.#question([permit], rejection, lines)
    }
    if (delivered === 0 && (refused.length === 0 || !isBelieved)) return this.#failAttempt(attempt, rejection)
    this.pace.progress(this.#clock.waited(), lines.bytes.length)
    if (remark !== undefined) this.#ledger.remark(remark)
    if (retry.length > 0) this.#events.onReturned([{ ...pickLines(lines, retry), attempts: lines.attempts + 1 }])
    if (delivered > 0) {
      this.#ledger.deliver(delivered)
      this.#prove([lines], [attempt])
    } else if (retry.length > 0) {
      this.#settleFailure(permit, rejection)
    } else if (refused.every(({ isCertain }) => isCertain === true)) {
      permit?.ignore()
    } else {
      this.#poison.answer([permit])
    }
    if (retry.length > 0 && !this.#gate.isTripped) this.supervisor.backOff(() => this.#events.onChange())
    this.#events.onChange()
  }

  #succeed (attempts: readonly Attempt[]): void {
    if (attempts.length === 0) return
    for (const { lines } of attempts) this.#ledger.deliver(lines.count)
    this.#prove(attempts.map(({ lines }) => lines), attempts)
  }

  /** The sink has accepted lines, in this generation of the breaker, and in the one that their success may begin. */
  #prove (accepted: readonly Lines[], attempts: readonly PermittedAttempt[]): void {
    this.supervisor.succeed()
    this.#poison.accept(accepted)
    if (this.#detour !== undefined) this.#events.onDoubted(this.#detour)
    this.#detour = undefined
    this.#settleSuccess(attempts)
    this.#poison.renew()
  }

  /**
   * While the breaker is closed one proof settles one permit, the newest, as one failure does: a request may hold many batches.
   * Each attempt took until its lines were accepted, in waited time; a `send`, until it has resolved.
   */
  #settleSuccess (attempts: readonly PermittedAttempt[]): void {
    const areProbes = this.#gate.breaker.state !== 'closed'
    const newest = attempts.findLast(({ permit }) => permit !== null)
    for (const attempt of attempts) {
      const { permit, sentAt, acceptedAt = this.#clock.waited() } = attempt
      if (areProbes || attempt === newest) permit?.success(this.#isHurrying ? undefined : acceptedAt - sentAt)
      else permit?.ignore()
    }
  }

  /** Every accepted line has arrived, because the sink ended in good order. */
  #onEnded (): void {
    if (this.#ending !== 'asked' && !this.isReopening) {
      return this.#fail(toFailure('closed-early', new FanoutError('ERR_FANOUT_SINK_CLOSED', 'the sink ended without being asked', { sink: this.#deps.sink })))
    }
    const { attempts, deliveredLines } = this.held.takeAll()
    this.#ledger.deliver(deliveredLines)
    this.#succeed(attempts)
    if (this.#ending === 'asked') {
      this.#ending = 'ended'
    } else {
      this.supervisor.stop()
      if (!this.#gate.isTripped) this.supervisor.start()
    }
    this.#events.onChange()
  }

  /** The sink has failed: lines that it holds are taken back, and it is replaced. */
  #fail (failure: SinkFailure): void {
    this.#reopensOnceReady = false
    const permit = this.#takeAllBack(failure)
    this.supervisor.discard(failure.reason)
    this.#forgetAborted()
    this.#settleFailure(permit, failure)
    if (!this.#gate.isTripped && this.#ending === 'no') this.supervisor.backOff(() => { this.supervisor.start() })
    this.#events.onChange()
  }

  /** The backend refused lines up to this count of bytes. Sent alone, they show which of them it meant. */
  #onRefused (bytes: number, failure: SinkFailure): void {
    const { attempts, deliveredLines } = this.held.takeRefused(bytes)
    this.#ledger.deliver(deliveredLines)
    if (deliveredLines > 0) this.#poison.accept([])
    const [first, ...others] = attempts
    if (first !== undefined) this.#refuse([first, ...others], failure)
    else if (!this.#poison.isProven) this.#failAll([], failure)
  }

  /** A refusal proves that the backend answers. One that has accepted nothing may be refusing other lines too. */
  #refuse (attempts: readonly [Attempt, ...Attempt[]], failure: SinkFailure): void {
    const permits = attempts.map(({ permit }) => permit)
    const { isOfLines, returned } = this.#poison.refuse(attempts, failure)
    this.#events.onReturned(returned)
    if (!isOfLines) return this.#question(permits, failure, attempts.length === 1 && attempts[0].lines.count === 1 ? attempts[0].lines : undefined)
    this.#poison.answer(permits)
    this.#events.onChange()
  }

  /**
   * The backend may be refusing everything: the newest line is tried before the refusal counts as a failure.
   *
   * @param refused - Lines that were refused one by one
   */
  #question (permits: ReadonlyArray<Permit | null>, failure: SinkFailure, refused: Lines | undefined): void {
    if (!this.#poison.callWitness(refused, this.#events.newestLine(this.#poison.tellsOfLines))) return this.#failAll(permits, failure)
    for (const permit of permits) this.#gate.keep(permit)
    this.#events.onChange()
  }

  /** Every line that the sink holds has failed, and the attempts with these permits. */
  #failAll (permits: ReadonlyArray<Permit | null>, failure: SinkFailure): void {
    const [first, ...others] = [...permits, this.#takeAllBack(failure)]
    for (const permit of others) permit?.ignore()
    this.#settleFailure(first, failure)
    // Lines in its own buffers must not be sent while the breaker is open.
    if (!this.#gate.isTripped) this.supervisor.backOff(() => this.#events.onChange())
    else if (this.supervisor.ready?.kind !== 'delivery') this.supervisor.discard(failure.reason)
    this.#events.onChange()
  }

  /** A delivery sink did not deliver a batch; it goes on after a pause. */
  #failAttempt (attempt: Attempt, failure: SinkFailure): void {
    this.#events.onReturned(this.#poison.fail([attempt], failure))
    this.#settleFailure(attempt.permit, failure)
    if (!this.#gate.isTripped) this.supervisor.backOff(() => this.#events.onChange())
    this.#events.onChange()
  }

  #settleFailure (permit: Permit | null | undefined, failure: SinkFailure): void {
    this.#ledger.fail(failure)
    this.#gate.fail(permit, failure)
  }

  /** Takes back every line. A failure settles only one permit, which is returned: that of the oldest attempt. */
  #takeAllBack (failure: SinkFailure): Permit | null | undefined {
    const { deliveredBytes } = this.held
    const { attempts, deliveredLines } = this.held.takeAll()
    this.#ledger.deliver(deliveredLines)
    if (attempts[0] !== undefined) this.#pendingWrite = { firstLine: attempts[0].lines.firstLine, delivered: deliveredBytes }
    this.#events.onReturned(this.#poison.fail(attempts, failure))
    for (const { permit } of attempts.slice(1)) permit?.ignore()
    return attempts[0]?.permit
  }

  /** Settles acceptances that have stayed quiet for long enough, and looks for lines that should have been accepted by now. */
  #look (): void {
    const { quiet, isLate } = this.#watch.look()
    this.#succeed(quiet)
    if (isLate) this.timeOut('the sink did not accept a batch, and nothing moved,')
    this.#watch.update()
    this.#events.onChange()
  }

  /** Aborts a `send`. The sink itself is replaced only if the `send` does not settle. */
  #abortSend (failure: SinkFailure): void {
    const attempt = this.held.takeAll().attempts[0] as Attempt
    this.#aborted = { id: attempt.id, reason: failure.reason }
    this.#abortGrace.setFor(this.#clock.waited() + ABORT_GRACE_MS)
    this.child?.abort(attempt.id)
    this.#failAttempt(attempt, failure)
  }

  #forgetAborted (): void {
    this.#aborted = undefined
    this.#abortGrace.stop()
  }

  #replaceStuck (): void {
    const { reason } = this.#aborted as { reason: FailureReason }
    this.#aborted = undefined
    this.supervisor.discard(reason)
    if (!this.#gate.isTripped && this.#ending === 'no') this.supervisor.start()
    this.#events.onChange()
  }
}
