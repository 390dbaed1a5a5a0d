import { pickLines, type Lines } from '../batch.js'
import type { Permit } from '../breaker.js'
import type { Child } from '../child/child.js'
import type { Rejection } from '../child/rejection.js'
import type { Clock } from '../clock.js'
import { FanoutError } from '../errors.js'
import { toFailure, type FailureReason, type SinkFailure } from '../failure.js'
import type { PinoConfig } from '../pino-config.js'
import type { NextLimits, NextLines } from '../queue.js'
import type { Gate } from './gate.js'
import { GivenUpSend } from './given-up-send.js'
import type { Ledger } from './ledger.js'
import type { Pace } from './pace.js'
import { Poison } from './poison.js'
import { Quiet } from './quiet.js'
import { Supervisor } from './supervisor.js'
import type { TransitDeps, TransitEvents } from './transit-deps.js'
import type { Attempt, Unsettled } from './unsettled.js'
import { Watch } from './watch.js'

const PROBE_BYTES = 64 * 1024
const DELIVERY_BYTES = 512 * 1024
const RESTART_REPORT_MS = 10000

/** Lines in the hands of the sink, and what its evidence and its failures mean for them and for the breaker. */
export class Transit {
  readonly #deps: TransitDeps
  readonly #events: TransitEvents
  readonly #clock: Clock
  readonly #gate: Gate
  readonly #ledger: Ledger
  readonly #pace: Pace
  readonly #unsettled: Unsettled
  readonly #supervisor: Supervisor
  readonly #watch: Watch
  readonly #givenUp: GivenUpSend
  #restartReportedAt = -Infinity
  #phase: 'running' | 'ending' | 'ended' | 'stopped' = 'running'
  readonly #poison: Poison
  /** The first of the lines that were sent before older ones, since these may be why probes fail. */
  #detour: number | undefined
  /** The first line, and the byte count before it, that a pending write of a discarded sink may still deliver. */
  #pendingWrite = { firstLine: Infinity, delivered: 0 }

  constructor (deps: TransitDeps, events: TransitEvents) {
    const { sink, clock, random, startTimeoutMs, writeTimeoutMs, willSendConfig, createChild, gate, ledger, pace, unsettled } = deps
    this.#deps = deps
    this.#events = events
    this.#clock = clock
    this.#givenUp = new GivenUpSend(clock)
    this.#gate = gate
    this.#ledger = ledger
    this.#pace = pace
    this.#unsettled = unsettled
    this.#poison = new Poison({ gate, deadLetters: deps.deadLetters, redelivers: deps.redelivers })
    const quiet = new Quiet({ settleMs: gate.settleMs, writeTimeoutMs, isSensing: deps.isSensing })
    this.#watch = new Watch({ clock, pace, unsettled, quiet, writeTimeoutMs, isTripped: () => gate.isTripped }, {
      onQuiet: attempts => this.#succeed(attempts),
      onTimeout: () => this.#timeOut(),
      onLooked: () => events.onChange()
    })
    this.#supervisor = new Supervisor({ sink, startTimeoutMs, willSendConfig, clock, random, createChild }, {
      onReady: restarted => this.#onReady(restarted),
      onAccepted: (bytes, consumed) => this.#onAccepted(bytes, consumed),
      onDelivered: bytes => this.#onDelivered(bytes),
      onAnswered: bytes => this.#onAnswered(bytes),
      onSensed: traffic => this.#watch.noteTraffic(traffic),
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
      onEvent: (name, args) => events.onEvent(name, args)
    })
  }

  get restarts (): number {
    return this.#supervisor.restarts
  }

  /** The child, once it can take lines. */
  get child (): Child | undefined {
    return this.#supervisor.ready?.child
  }

  /** Whether a call of the sink is pending that nobody can cancel, although the sink is discarded. */
  get isHanging (): boolean {
    return this.#supervisor.isHanging
  }

  /** Whether the sink has ended in good order. */
  get hasEnded (): boolean {
    return this.#phase === 'ended'
  }

  /** Whether its sink is being ended, or gone: nothing is handed over any more. */
  get isClosed (): boolean {
    return this.#phase !== 'running'
  }

  /** Whether a `send` has been given up and is not over: `onChange` comes when it is. */
  get isGivingUp (): boolean {
    return this.#givenUp.isPending
  }

  /** Which lines are to be sent next. */
  get nextLines (): NextLines {
    return this.#poison.nextLines
  }

  /** Whether the sink can be handed lines now; lines in doubt only by themselves, so that the answer is about them. */
  canSend (doubts: number): boolean {
    const ready = this.#supervisor.ready
    if (this.isClosed || ready === undefined || this.#supervisor.isWaiting || this.isGivingUp || this.#gate.isPaused) return false
    if (doubts > 0 || this.nextLines === 'newest' || this.#unsettled.isInDoubt) return this.#unsettled.count === 0
    if (ready.kind === 'delivery') return this.#unsettled.count === 0
    return this.#unsettled.unacceptedBytes < ready.child.windowBytes && !(this.#unsettled.isOverfull && this.#watch.expectsProof)
  }

  /** How many bytes may be handed over at once. */
  get sizeLimit (): number {
    if (this.#gate.isTripped) return PROBE_BYTES
    return this.#supervisor.ready?.kind === 'delivery' ? DELIVERY_BYTES : Infinity
  }

  /** How much may be handed over of what waits. */
  get nextLimits (): NextLimits {
    return { maxBytes: this.sizeLimit, maxDoubtedLines: this.#poison.maxDoubtedLines }
  }

  /** Whether the backend may be refusing only what is old, and there is no newer line to try. */
  get seeksNewer (): boolean {
    return this.#poison.isSeeking
  }

  /** Starts the sink, unless it is there, or a restart is being waited for. */
  start (): void {
    this.#supervisor.start()
  }

  /** Passes pino's config on to the sink; `undefined` if it is not going to come any more. */
  configure (config: PinoConfig | undefined): void {
    this.#supervisor.configure(config)
  }

  /** Hands lines over. The caller has made sure that the sink can take them. */
  send (next: Lines, permit: Permit | null): void {
    this.#detour = this.nextLines === 'other' ? next.firstLine : undefined
    const lines = this.#poison.send(next)
    const id = this.#deps.idOf(lines.firstLine)
    this.#watch.begin()
    this.#unsettled.add(id, lines, permit)
    this.child?.send({ id, lines })
    this.#watch.update()
  }

  /** An acceptance that has to make room for new lines: it counts as delivered, and proves nothing. */
  surrender ({ lines, permit }: Attempt): void {
    this.#ledger.deliver(lines.count)
    permit?.ignore()
  }

  /** Lines may have been lost behind the sink: they are sent again, by the same sink as long as it is not tripped. */
  setBack (failure: SinkFailure): void {
    if (this.#phase === 'stopped') return
    // Two attempts with the same lines at once: the answer to one would be taken for that to the other.
    if (this.#supervisor.ready?.kind === 'delivery' && this.#unsettled.count > 0) return this.#giveUpSend(failure)
    this.#failAll([], failure)
  }

  /** An acceptance need not be quiet for longer than that any more. */
  settleWithin (ms: number): void {
    this.#watch.settleWithin(ms)
  }

  /** Asks the sink to end in good order; `hasEnded` tells when it has. */
  end (): void {
    this.#phase = 'ending'
    if (!this.#gate.isShut) this.child?.end()
  }

  /** Gets rid of the sink; returns what was in its hands. */
  stop (): Lines[] {
    const { attempts, deliveredLines } = this.#unsettled.takeAll()
    this.#ledger.deliver(deliveredLines)
    this.#phase = 'stopped'
    this.#supervisor.stop()
    this.#watch.stop()
    this.#givenUp.stop()
    return attempts.map(({ lines }) => lines)
  }

  #onReady (restarted: FailureReason | undefined): void {
    this.#unsettled.restart()
    this.#pendingWrite = { firstLine: Infinity, delivered: 0 }
    const now = this.#clock.now()
    this.#pace.begin(this.#clock.waited())
    if (restarted !== undefined && now - this.#restartReportedAt >= RESTART_REPORT_MS) {
      this.#restartReportedAt = now
      this.#events.onRestart(restarted, this.#supervisor.restarts)
    }
    this.#events.onReady()
  }

  #onAccepted (bytes: number, consumed: number): void {
    if (this.#accept(bytes) > 0) this.#watch.noteAcceptance()
    if (this.#unsettled.consumeUpTo(consumed, this.#clock.waited())) this.#watch.noteConsumption()
    this.#watch.update()
    this.#events.onChange()
  }

  #onDelivered (bytes: number): void {
    this.#accept(bytes)
    const delivered = this.#unsettled.deliverUpTo(bytes)
    if (delivered.length > 0) this.#watch.noteProof()
    this.#succeed(delivered)
    this.#events.onChange()
  }

  /** The backend is well, though not all of these lines need have been in that request: they stay unsettled. */
  #onAnswered (bytes: number): void {
    // Lines in doubt are all that the sink has: a request that was made since was about them.
    if (this.#unsettled.isInDoubt) return this.#onDelivered(bytes)
    const permits = this.#unsettled.takePermits(bytes)
    if (permits.length === 0) return
    this.#prove([], () => { for (const permit of permits) permit.success() })
    this.#events.onChange()
  }

  /** A write was pending when the sink was discarded, and has now delivered bytes: these are not sent again. */
  #onLateDelivery (bytes: number): void {
    const { firstLine, delivered } = this.#pendingWrite
    const { count, nextLine } = this.#events.onArrivedLate(firstLine, bytes - delivered)
    this.#ledger.deliver(count)
    this.#pendingWrite = { firstLine: nextLine, delivered: bytes }
  }

  /** @returns how many bytes are accepted that were not before */
  #accept (bytes: number): number {
    const now = this.#clock.waited()
    const accepted = this.#unsettled.acceptUpTo(bytes, now)
    if (accepted > 0) this.#pace.progress(now, accepted)
    if (!this.#watch.expectsProof) for (const attempt of this.#unsettled.takeSurplus()) this.surrender(attempt)
    return accepted
  }

  #onSettled (id: string, rejection: Rejection | undefined): void {
    if (this.#givenUp.settle(id)) return this.#events.onChange()
    const attempt = this.#unsettled.settle(id)
    if (attempt === undefined) return
    if (rejection?.retryAfterMs !== undefined) this.#gate.pause(rejection.retryAfterMs)
    if (rejection?.outcome !== undefined) return this.#settlePartly(attempt, rejection, rejection.outcome)
    if (rejection?.isRefusal === true) return this.#refuse([attempt], rejection)
    if (rejection !== undefined) return this.#failAttempt(attempt, rejection)
    this.#pace.progress(this.#clock.waited(), attempt.lines.bytes.length)
    this.#succeed([attempt])
    this.#events.onChange()
  }

  /** A delivery sink told of each line. */
  #settlePartly (attempt: Attempt, rejection: Rejection, { refused, retry }: NonNullable<Rejection['outcome']>): void {
    const { lines, permit } = attempt
    const delivered = lines.count - refused.length - retry.length
    const isBelieved = this.#poison.bury(lines, refused, delivered)
    if (!isBelieved && retry.length === 0) {
      this.#events.onReturned([this.#poison.suspect(lines)])
      return this.#question([permit], rejection, lines)
    }
    if (delivered === 0 && (refused.length === 0 || !isBelieved)) return this.#failAttempt(attempt, rejection)
    this.#pace.progress(this.#clock.waited(), lines.bytes.length)
    if (retry.length > 0) this.#events.onReturned([{ ...pickLines(lines, retry), attempts: lines.attempts + 1 }])
    if (delivered > 0) {
      this.#ledger.deliver(delivered)
      this.#prove([lines], () => permit?.success())
    } else if (retry.length > 0) {
      this.#settleFailure(permit, rejection)
    } else {
      this.#poison.answer([permit])
    }
    if (retry.length > 0 && !this.#gate.isTripped) this.#supervisor.backOff(() => this.#events.onChange())
    this.#events.onChange()
  }

  #succeed (attempts: readonly Attempt[]): void {
    if (attempts.length === 0) return
    for (const { lines } of attempts) this.#ledger.deliver(lines.count)
    this.#prove(attempts.map(({ lines }) => lines), () => { for (const { permit } of attempts) permit?.success() })
  }

  /** The sink has accepted lines, also in the generation that their success begins. */
  #prove (accepted: readonly Lines[], settle: () => void): void {
    this.#supervisor.succeed()
    this.#poison.accept(accepted)
    if (this.#detour !== undefined) this.#events.onDoubted(this.#detour)
    this.#detour = undefined
    settle()
    this.#poison.renew()
  }

  /** All that it accepted has arrived, since it ended in good order. */
  #onEnded (): void {
    if (this.#phase !== 'ending') {
      return this.#fail(toFailure('closed-early', new FanoutError('ERR_FANOUT_SINK_CLOSED', 'the sink ended without being asked', { sink: this.#deps.sink })))
    }
    const { attempts, deliveredLines } = this.#unsettled.takeAll()
    this.#ledger.deliver(deliveredLines)
    this.#succeed(attempts)
    this.#phase = 'ended'
    this.#events.onChange()
  }

  /** The sink is of no use any more: what it has is taken back, and it is replaced. */
  #fail (failure: SinkFailure): void {
    const permit = this.#takeAllBack(failure)
    this.#supervisor.discard(failure.reason)
    this.#givenUp.stop()
    this.#settleFailure(permit, failure)
    if (!this.#gate.isTripped && !this.isClosed) this.#supervisor.backOff(() => { this.#supervisor.start() })
    this.#events.onChange()
  }

  /** The backend refused what came up to there; which of these lines it meant shows when they are sent by themselves. */
  #onRefused (bytes: number, failure: SinkFailure): void {
    const { attempts, deliveredLines } = this.#unsettled.takeRefused(bytes)
    this.#ledger.deliver(deliveredLines)
    if (deliveredLines > 0) this.#poison.accept([])
    const [first, ...others] = attempts
    if (first !== undefined) this.#refuse([first, ...others], failure)
    else if (!this.#poison.isProven) this.#failAll([], failure)
  }

  /** A refusal says that the backend answers; a backend that has accepted nothing may refuse more than these lines. */
  #refuse (attempts: readonly [Attempt, ...Attempt[]], failure: SinkFailure): void {
    const permits = attempts.map(({ permit }) => permit)
    const { isOfLines, returned } = this.#poison.refuse(attempts, failure)
    this.#events.onReturned(returned)
    if (!isOfLines) return this.#question(permits, failure, attempts.length === 1 && attempts[0].lines.count === 1 ? attempts[0].lines : undefined)
    this.#poison.answer(permits)
    this.#events.onChange()
  }

  /**
   * The backend may be refusing everything: the newest line is tried before that counts as a failure.
   *
   * @param refused - Lines of which each was refused
   */
  #question (permits: ReadonlyArray<Permit | null>, failure: SinkFailure, refused: Lines | undefined): void {
    if (!this.#poison.callWitness(refused, this.#events.newestLine(this.#poison.tellsOfLines))) return this.#failAll(permits, failure)
    for (const permit of permits) this.#gate.keep(permit)
    this.#events.onChange()
  }

  /** All that the sink has in its hands has failed, and what had these permits. */
  #failAll (permits: ReadonlyArray<Permit | null>, failure: SinkFailure): void {
    const [first, ...others] = [...permits, this.#takeAllBack(failure)]
    for (const permit of others) permit?.ignore()
    this.#settleFailure(first, failure)
    // Whatever it still has in its buffers is not to be sent while the breaker is open.
    if (!this.#gate.isTripped) this.#supervisor.backOff(() => this.#events.onChange())
    else if (this.#supervisor.ready?.kind !== 'delivery') this.#supervisor.discard(failure.reason)
    this.#events.onChange()
  }

  /** A delivery sink did not deliver; it goes on, after a pause. */
  #failAttempt (attempt: Attempt, failure: SinkFailure): void {
    this.#events.onReturned(this.#poison.fail([attempt], failure))
    this.#settleFailure(attempt.permit, failure)
    if (!this.#gate.isTripped) this.#supervisor.backOff(() => this.#events.onChange())
    this.#events.onChange()
  }

  #settleFailure (permit: Permit | null | undefined, failure: SinkFailure): void {
    this.#ledger.fail(failure)
    this.#gate.fail(permit, failure)
  }

  /** One failure settles one attempt, however much it takes down: returns the permit of the oldest, if there is any. */
  #takeAllBack (failure: SinkFailure): Permit | null | undefined {
    const { deliveredBytes } = this.#unsettled
    const { attempts, deliveredLines } = this.#unsettled.takeAll()
    this.#ledger.deliver(deliveredLines)
    if (attempts[0] !== undefined) this.#pendingWrite = { firstLine: attempts[0].lines.firstLine, delivered: deliveredBytes }
    this.#events.onReturned(this.#poison.fail(attempts, failure))
    for (const { permit } of attempts.slice(1)) permit?.ignore()
    return attempts[0]?.permit
  }

  #timeOut (): void {
    const { writeTimeoutMs, sink } = this.#deps
    const failure = toFailure('write-timeout', new FanoutError('ERR_FANOUT_SINK_TIMEOUT', `the sink did not accept a batch, and nothing moved, for ${writeTimeoutMs} ms`, { sink }))
    if (this.#supervisor.ready?.kind === 'delivery') this.#giveUpSend(failure)
    else this.#fail(failure)
  }

  /** A `send` is asked to give up; only if it does not is the sink itself replaced. */
  #giveUpSend (failure: SinkFailure): void {
    const attempt = this.#unsettled.takeAll().attempts[0] as Attempt
    this.#givenUp.begin(attempt.id, () => {
      this.#supervisor.discard(failure.reason)
      if (!this.#gate.isTripped && !this.isClosed) this.#supervisor.start()
      this.#events.onChange()
    })
    this.child?.abort(attempt.id)
    this.#failAttempt(attempt, failure)
  }
}
