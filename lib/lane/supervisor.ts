import type { Child, ChildListener, PinoConfig, SinkKind } from '../child/child.js'
import { FanoutError } from '../errors.js'
import { toFailure, type FailureReason, type SinkFailure } from '../failure.js'

const FIRST_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 5000

/** What a supervisor is made of. */
export interface SupervisorOptions {
  sink: string
  startTimeoutMs: number
  /** Whether pino sends its config: the time for the start then counts from when the child was given it. */
  willSendConfig: boolean
  random: () => number
  /** May throw: that is a failed start. */
  createChild: (listener: ChildListener) => Child
}

/** What a supervisor reports; `onFailure` of a child that has not become ready too. */
export interface SupervisorEvents extends Omit<ChildListener, 'onReady'> {
  /** @param restarted - Why it had to be started again, if it had. */
  onReady (restarted: FailureReason | undefined): void
}

/** Keeps the child of one lane alive: starts it, in time, and after a failure again, later each time. */
export class Supervisor {
  /** How often the sink was started again. */
  restarts = 0
  readonly #options: SupervisorOptions
  readonly #events: SupervisorEvents
  #child: Child | undefined
  #kind: SinkKind | undefined
  #config: PinoConfig | undefined
  #awaitsConfig: boolean
  #startTimer: NodeJS.Timeout | undefined
  #backoffTimer: NodeJS.Timeout | undefined
  #failuresInARow = 0
  #lastFailure: FailureReason | undefined

  constructor (options: SupervisorOptions, events: SupervisorEvents) {
    this.#options = options
    this.#awaitsConfig = options.willSendConfig
    this.#events = events
  }

  /** The child, once it can take lines. */
  get ready (): { child: Child, kind: SinkKind } | undefined {
    return this.#child !== undefined && this.#kind !== undefined ? { child: this.#child, kind: this.#kind } : undefined
  }

  get isWaiting (): boolean {
    return this.#backoffTimer !== undefined
  }

  /** Passes pino's config on; `undefined` if it is not going to come any more. */
  configure (config: PinoConfig | undefined): void {
    this.#config = config
    this.#awaitsConfig = false
    if (this.#child === undefined) return
    if (config !== undefined) this.#child.configure(config)
    if (this.#kind === undefined) this.#limitStart()
  }

  /** Starts the child, unless it is there, or a restart is being waited for. */
  start (): void {
    if (this.#child !== undefined || this.#backoffTimer !== undefined) return
    const { sink, createChild } = this.#options
    if (this.#lastFailure !== undefined) this.restarts++
    const listener: ChildListener = {
      ...this.#events,
      onReady: kind => {
        clearTimeout(this.#startTimer)
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
      this.#fail(toFailure('start-failed', new FanoutError('ERR_FANOUT_SINK_START', 'the child could not be started', { sink, cause: error })))
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

  /** Lines have arrived: the next failure is the first again. */
  succeed (): void {
    this.#failuresInARow = 0
  }

  /** Gets rid of the child because it failed. */
  discard (reason: FailureReason): void {
    this.#lastFailure = reason
    this.stop()
  }

  stop (): void {
    clearTimeout(this.#startTimer)
    clearTimeout(this.#backoffTimer)
    this.#backoffTimer = undefined
    const child = this.#child
    this.#child = this.#kind = undefined
    child?.destroy()
  }

  #fail (failure: SinkFailure): void {
    this.discard(failure.reason)
    this.#events.onFailure(failure)
  }

  #limitStart (): void {
    clearTimeout(this.#startTimer)
    const { startTimeoutMs, sink } = this.#options
    this.#startTimer = setTimeout(() => {
      this.#fail(toFailure('start-timeout', new FanoutError('ERR_FANOUT_SINK_TIMEOUT', `the sink had not started after ${startTimeoutMs} ms`, { sink })))
    }, startTimeoutMs)
  }
}
