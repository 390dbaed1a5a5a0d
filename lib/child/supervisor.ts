import type { Child, ChildListener, SinkKind } from './child.js'
import type { Clock } from '../clock.js'
import { FanoutError } from '../errors.js'
import { toFailure, type FailureReason, type SinkFailure } from '../failure.js'
import type { PinoConfig } from '../pino-config.js'

const FIRST_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 5000
/** A thread takes some time to exit, and a file to be closed; after this waited time a pending call counts as hung. */
const GONE_GRACE_MS = 1000
const GONE_POLL_MS = 20

/** Dependencies of a {@link Supervisor}. */
export interface SupervisorDeps {
  sink: string
  startTimeoutMs: number
  /** True if pino sends its config. The time for the start then begins when the child is given the config. */
  willSendConfig: boolean
  clock: Clock
  random: () => number
  /** May throw: that counts as a failed start. */
  createChild: (listener: ChildListener) => Child
}

/** Events of a {@link Supervisor}: those of its child, and `onFailure` also for a child that has not become ready. */
export interface SupervisorEvents extends Omit<ChildListener, 'onReady'> {
  /** @param restarted - Why it was restarted, if it was */
  onReady (restarted: FailureReason | undefined): void
  /**
   * The last pending call of a discarded child has returned.
   *
   * @param hasHung - True if that took so long that the child counted as hung
   */
  onGone (hasHung: boolean): void
}

/**
 * Keeps the child of one lane alive: starts it, limits the time that this takes, and restarts it after a failure, each time
 * after a longer wait. It does not restart while a call of the former child is pending: otherwise a hung disk would block
 * one more thread of this process at each attempt.
 */
export class Supervisor {
  /** How often the sink was restarted, by the reason of the failure before. */
  readonly restartReasons: Partial<Record<FailureReason, number>> = {}
  readonly #options: SupervisorDeps
  readonly #events: SupervisorEvents
  #child: Child | undefined
  #kind: SinkKind | undefined
  #config: PinoConfig | undefined
  #awaitsConfig: boolean
  #cancelStartLimit: (() => void) | undefined
  #backoffTimer: NodeJS.Timeout | undefined
  #failuresInARow = 0
  #lastFailure: FailureReason | undefined
  /** The child before this one, while a call of it is pending. */
  #former: Child | undefined
  /** The waited time at which the former child counts as hung. */
  #graceEnd = 0
  /** Set while the former child has time left before it counts as hung. */
  #cancelGrace: (() => void) | undefined
  /** The child is to be started once the former one is gone. */
  #startsOnceGone = false

  constructor (options: SupervisorDeps, events: SupervisorEvents) {
    this.#options = options
    this.#awaitsConfig = options.willSendConfig
    this.#events = events
  }

  /** The child, once it can take lines. */
  get ready (): { child: Child, kind: SinkKind } | undefined {
    return this.#child !== undefined && this.#kind !== undefined ? { child: this.#child, kind: this.#kind } : undefined
  }

  /** True while there is a child that cannot take lines yet. */
  get isStarting (): boolean {
    return this.#child !== undefined && this.#kind === undefined
  }

  /** How often the sink was restarted. */
  get restarts (): number {
    return Object.values(this.restartReasons as Record<string, number>).reduce((sum, restarts) => sum + restarts, 0)
  }

  get isWaiting (): boolean {
    return this.#backoffTimer !== undefined
  }

  /** True while a call of a discarded child is pending, which nobody can cancel. */
  get isHanging (): boolean {
    return this.#former?.isHanging === true
  }

  /** Passes pino's config on; `undefined` if none will come. */
  configure (config: PinoConfig | undefined): void {
    this.#config = config
    this.#awaitsConfig = false
    if (this.#child === undefined) return
    if (config !== undefined) this.#child.configure(config)
    if (this.#kind === undefined) this.#limitStart()
  }

  /** Starts the child. Does nothing if there is one, or during the wait before a restart. */
  start (): void {
    if (this.#child !== undefined || this.#backoffTimer !== undefined) return
    const { sink, createChild } = this.#options
    if (this.isHanging) return this.#startAfterFormer()
    this.#startsOnceGone = false
    if (this.#lastFailure !== undefined) this.restartReasons[this.#lastFailure] = (this.restartReasons[this.#lastFailure] ?? 0) + 1
    const listener: ChildListener = {
      ...this.#events,
      onReady: kind => {
        this.#cancelStartLimit?.()
        this.#kind = kind
        const restarted = this.#lastFailure
        this.#lastFailure = undefined
        this.#events.onReady(restarted)
      },
      onFailure: failure => this.#fail(failure)
    }
    try {
      this.#child = createChild(listener)
    } catch (error) {
      this.#fail(toFailure('start-failed', error instanceof FanoutError ? error : new FanoutError('ERR_FANOUT_SINK_START', 'the child could not be started', { sink, cause: error })))
      return
    }
    if (this.#config !== undefined) this.#child.configure(this.#config)
    if (this.#config !== undefined || !this.#awaitsConfig) this.#limitStart()
  }

  /** Waits before the next start, or the next attempt: 100 ms, doubling to 5 s, jittered. */
  backOff (then: () => void): void {
    if (this.#backoffTimer !== undefined) return
    const ms = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(this.#failuresInARow, 10))
    this.#failuresInARow++
    this.#backoffTimer = setTimeout(() => {
      this.#backoffTimer = undefined
      then()
    }, ms * (0.75 + this.#options.random() / 2))
  }

  /** Lines have arrived: the wait after the next failure is the shortest again. */
  succeed (): void {
    this.#failuresInARow = 0
  }

  /** Discards the child because it failed. */
  discard (reason: FailureReason): void {
    if (reason !== 'still-hung') this.#lastFailure = reason
    this.stop()
  }

  stop (): void {
    this.#cancelStartLimit?.()
    clearTimeout(this.#backoffTimer)
    this.#backoffTimer = undefined
    this.#startsOnceGone = false
    const child = this.#child
    this.#child = this.#kind = undefined
    if (child === undefined) return
    const gone = child.destroy()
    if (child.isHanging) this.#awaitEnd(child, gone)
  }

  #awaitEnd (child: Child, gone: Promise<void>): void {
    const { clock } = this.#options
    this.#former = child
    const graceEnd = this.#graceEnd = clock.waited() + GONE_GRACE_MS
    const look = (): void => {
      if (!child.isHanging) return this.#onGone(child)
      this.#cancelGrace = undefined
      if (clock.waited() < graceEnd) this.#cancelGrace = clock.whenWaited(clock.waited() + GONE_POLL_MS, look)
      else if (this.#startsOnceGone) this.start()
    }
    look()
    gone.then(() => this.#onGone(child))
  }

  #onGone (child: Child): void {
    if (this.#former !== child) return
    this.#former = undefined
    this.#cancelGrace?.()
    this.#cancelGrace = undefined
    if (this.#startsOnceGone) this.start()
    this.#events.onGone(this.#options.clock.waited() >= this.#graceEnd)
  }

  #startAfterFormer (): void {
    if (this.#cancelGrace !== undefined) {
      this.#startsOnceGone = true
      return
    }
    const { sink } = this.#options
    this.#fail(toFailure('still-hung', new FanoutError('ERR_FANOUT_SINK_HUNG', 'the sink cannot be started again: a call that it made has not come back', { sink })))
  }

  #fail (failure: SinkFailure): void {
    this.discard(failure.reason)
    this.#events.onFailure(failure)
  }

  #limitStart (): void {
    this.#cancelStartLimit?.()
    const { clock, startTimeoutMs, sink } = this.#options
    this.#cancelStartLimit = clock.whenWaited(clock.waited() + startTimeoutMs, () => {
      this.#fail(toFailure('start-timeout', new FanoutError('ERR_FANOUT_SINK_TIMEOUT', `the sink had not started after ${startTimeoutMs} ms`, { sink })))
    })
  }
}
