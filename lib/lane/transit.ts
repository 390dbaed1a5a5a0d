import type { Lines } from '../batch.js'
import type { Permit } from '../breaker.js'
import type { Child, ChildListener, PinoConfig } from '../child/child.js'
import type { Clock } from '../clock.js'
import { FanoutError } from '../errors.js'
import { toFailure, type FailureReason, type SinkFailure } from '../failure.js'
import type { Gate } from './gate.js'
import { GivenUpSend } from './given-up-send.js'
import type { Ledger } from './ledger.js'
import type { Pace } from './pace.js'
import { Supervisor } from './supervisor.js'
import type { Attempt, Unsettled } from './unsettled.js'
import { Watch } from './watch.js'

/** What a transit is made of. */
export interface TransitOptions {
  sink: string
  /** The ids of its batches begin with it. */
  life: string
  writeTimeoutMs: number
  startTimeoutMs: number
  willSendConfig: boolean
  clock: Clock
  random: () => number
  createChild: (listener: ChildListener) => Child
  gate: Gate
  ledger: Ledger
  pace: Pace
  unsettled: Unsettled
}

/** What a transit tells its lane. */
export interface TransitEvents {
  /** The sink can take lines. */
  onReady (): void
  /** The sink may be able to take more, or has ended. */
  onChange (): void
  /** These were handed over, oldest first, and have not arrived. */
  onReturned (lines: readonly Lines[]): void
  onRestart (reason: FailureReason, restarts: number): void
  onEvent (name: string, args: readonly unknown[]): void
}

const PROBE_BYTES = 64 * 1024
const DELIVERY_BYTES = 512 * 1024
const RESTART_REPORT_MS = 10000

/** Lines in the hands of the sink, and what its evidence and its failures mean for them and for the breaker. */
export class Transit {
  readonly #options: TransitOptions
  readonly #events: TransitEvents
  readonly #clock: Clock
  readonly #gate: Gate
  readonly #ledger: Ledger
  readonly #pace: Pace
  readonly #unsettled: Unsettled
  readonly #supervisor: Supervisor
  readonly #watch: Watch
  readonly #givenUp = new GivenUpSend()
  #restartReportedAt = -Infinity
  #phase: 'running' | 'ending' | 'ended' | 'stopped' = 'running'
  /** The breaker's generation in which the sink last delivered something. */
  #provenGeneration = -1

  constructor (options: TransitOptions, events: TransitEvents) {
    const { sink, clock, random, startTimeoutMs, writeTimeoutMs, willSendConfig, createChild, gate, ledger, pace, unsettled } = options
    this.#options = options
    this.#events = events
    this.#clock = clock
    this.#gate = gate
    this.#ledger = ledger
    this.#pace = pace
    this.#unsettled = unsettled
    this.#watch = new Watch({ clock, pace, unsettled, writeTimeoutMs, settleMs: gate.settleMs }, {
      onQuiet: attempts => this.#succeed(attempts),
      onTimeout: () => this.#timeOut(),
      onLooked: () => events.onChange()
    })
    this.#supervisor = new Supervisor({ sink, startTimeoutMs, willSendConfig, random, createChild }, {
      onReady: restarted => this.#onReady(restarted),
      onAccepted: bytes => this.#onAccepted(bytes),
      onDelivered: bytes => this.#onDelivered(bytes),
      onSensed: () => this.#watch.sense(),
      onSetback: failure => this.setBack(failure),
      onRefused: (bytes, failure) => this.#onRefused(bytes, failure),
      onSettled: (id, failure) => this.#onSettled(id, failure),
      onFailure: failure => this.#fail(failure),
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

  /** Whether the sink can be handed lines now. */
  get canSend (): boolean {
    const ready = this.#supervisor.ready
    if (this.isClosed || ready === undefined || this.#supervisor.isWaiting || this.isGivingUp) return false
    return ready.kind === 'delivery' ? this.#unsettled.count === 0 : this.#unsettled.unacceptedBytes < ready.child.windowBytes
  }

  /** How many bytes may be handed over at once. */
  get sizeLimit (): number {
    if (this.#gate.isTripped) return PROBE_BYTES
    return this.#supervisor.ready?.kind === 'delivery' ? DELIVERY_BYTES : Infinity
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
  send (lines: Lines, permit: Permit | null): void {
    const id = `${this.#options.life}:${lines.firstLine}`
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
    this.#settleFailure(this.#takeAllBack(), failure)
    // Whatever it still has in its buffers is not to be sent while the breaker is open.
    if (this.#gate.isTripped) this.#supervisor.discard(failure.reason)
    else this.#supervisor.backOff(() => this.#events.onChange())
    this.#events.onChange()
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
    const now = this.#clock.now()
    this.#pace.begin(now)
    if (restarted !== undefined && now - this.#restartReportedAt >= RESTART_REPORT_MS) {
      this.#restartReportedAt = now
      this.#events.onRestart(restarted, this.#supervisor.restarts)
    }
    this.#events.onReady()
  }

  #onAccepted (bytes: number): void {
    this.#accept(bytes)
    this.#watch.update()
    this.#events.onChange()
  }

  #onDelivered (bytes: number): void {
    this.#accept(bytes)
    this.#succeed(this.#unsettled.deliverUpTo(bytes))
    this.#events.onChange()
  }

  #accept (bytes: number): void {
    const now = this.#clock.now()
    const accepted = this.#unsettled.acceptUpTo(bytes, now)
    if (accepted > 0) this.#pace.progress(now, accepted)
  }

  #onSettled (id: string, failure: SinkFailure | undefined): void {
    if (this.#givenUp.settle(id)) return this.#events.onChange()
    const attempt = this.#unsettled.settle(id)
    if (attempt === undefined) return
    if (failure !== undefined) return this.#failAttempt(attempt, failure)
    this.#pace.progress(this.#clock.now(), attempt.lines.bytes.length)
    this.#succeed([attempt])
    this.#events.onChange()
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
      return this.#fail(toFailure('closed-early', new FanoutError('ERR_FANOUT_SINK_CLOSED', 'the sink ended without being asked', { sink: this.#options.sink })))
    }
    const { attempts, deliveredLines } = this.#unsettled.takeAll()
    this.#ledger.deliver(deliveredLines)
    this.#succeed(attempts)
    this.#phase = 'ended'
    this.#events.onChange()
  }

  /** The sink is of no use any more: what it has is taken back, and it is replaced. */
  #fail (failure: SinkFailure): void {
    const permit = this.#takeAllBack()
    this.#supervisor.discard(failure.reason)
    this.#givenUp.stop()
    this.#settleFailure(permit, failure)
    if (!this.#gate.isTripped && !this.isClosed) this.#supervisor.backOff(() => { this.#supervisor.start() })
    this.#events.onChange()
  }

  /** A refusal says that the backend answers; but one that has accepted nothing yet refuses more than these lines. */
  #onRefused (bytes: number, failure: SinkFailure): void {
    if (this.#provenGeneration !== this.#gate.generation) return this.setBack(failure)
    for (const { lines, permit } of this.#unsettled.deliverUpTo(bytes)) {
      this.#ledger.drop(lines.count, 'poison', false)
      permit?.ignore()
    }
    this.#events.onChange()
  }

  /** A delivery sink did not deliver; it goes on, after a pause. */
  #failAttempt (attempt: Attempt, failure: SinkFailure): void {
    this.#giveBack([attempt])
    this.#settleFailure(attempt.permit, failure)
    if (!this.#gate.isTripped) this.#supervisor.backOff(() => this.#events.onChange())
    this.#events.onChange()
  }

  #settleFailure (permit: Permit | null | undefined, failure: SinkFailure): void {
    this.#ledger.fail(failure)
    this.#gate.fail(permit, failure)
  }

  /** One failure settles one attempt, however much it takes down: returns the permit of the oldest, if there is any. */
  #takeAllBack (): Permit | null | undefined {
    const { attempts, deliveredLines } = this.#unsettled.takeAll()
    this.#ledger.deliver(deliveredLines)
    this.#giveBack(attempts)
    for (const { permit } of attempts.slice(1)) permit?.ignore()
    return attempts[0]?.permit
  }

  #giveBack (attempts: readonly Attempt[]): void {
    this.#events.onReturned(attempts.map(({ lines }) => ({ ...lines, attempts: lines.attempts + 1 })))
  }

  #timeOut (): void {
    const { writeTimeoutMs, sink } = this.#options
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
