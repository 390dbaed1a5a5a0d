import type { Clock } from './clock.js'
import { FanoutError } from './errors.js'
import { toFailure, type SinkFailure } from './failure.js'
import type { HealthCheckSettings } from './options.js'

/** Events of a {@link HealthCheck}. */
export interface HealthCheckEvents {
  onPassed (): void
  onFailed (failure: SinkFailure): void
}

/**
 * Checks each `intervalMs`, from `start` to `stop`, whether a backend can be reached, independently of the sink: for a
 * transport whose outcomes cannot be seen.
 */
export class HealthCheck {
  readonly #settings: HealthCheckSettings
  readonly #sink: string
  readonly #clock: Clock
  readonly #events: HealthCheckEvents
  #timer: NodeJS.Timeout | undefined
  #cancel: (() => void) | undefined
  #hasPassed = false

  constructor (sink: string, settings: HealthCheckSettings, clock: Clock, events: HealthCheckEvents) {
    this.#sink = sink
    this.#settings = settings
    this.#clock = clock
    this.#events = events
  }

  /** True if the last check passed. */
  get hasPassed (): boolean {
    return this.#hasPassed
  }

  start (): void {
    this.#timer ??= setInterval(() => this.check(), this.#settings.intervalMs).unref()
  }

  stop (): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#cancel?.()
  }

  /** The result of the last check does not count any more. */
  forget (): void {
    this.#hasPassed = false
  }

  /** Does one now, unless one is under way. */
  check (): void {
    if (this.#cancel !== undefined) return
    const { timeoutMs } = this.#settings
    const settle = (error: unknown): void => {
      if (this.#cancel === undefined) return
      this.#cancel()
      this.#hasPassed = error === undefined
      if (error === undefined) this.#events.onPassed()
      else this.#events.onFailed(toFailure('health-check', error))
    }
    const cancelTimeout = this.#clock.whenWaited(this.#clock.waited() + timeoutMs, () => {
      settle(new FanoutError('ERR_FANOUT_SINK_TIMEOUT', `the health check had no answer after ${timeoutMs} ms`, { sink: this.#sink }))
    })
    const giveUp = new AbortController()
    this.#cancel = () => {
      this.#cancel = undefined
      cancelTimeout()
      giveUp.abort()
    }
    this.#ask(giveUp.signal).then(settle, settle)
  }

  // Most transports have no health check: what it takes is loaded for the first one.
  async #ask (signal: AbortSignal): Promise<void> {
    if (this.#settings.kind === 'tcp') {
      const { host, port } = this.#settings
      const { connect } = await import('node:net')
      return await new Promise((resolve, reject) => { connect({ host, port, signal }, resolve).on('error', reject) })
    }
    const { url } = this.#settings
    const { get } = url.startsWith('https:') ? await import('node:https') : await import('node:http')
    const statusCode = await new Promise<number>((resolve, reject) => {
      get(url, { agent: false, signal }, ({ statusCode = 0 }) => resolve(statusCode)).on('error', reject)
    })
    if (statusCode < 400) return
    throw Object.assign(new FanoutError('ERR_FANOUT_SINK_REPORTED', `the health check was answered by http ${statusCode}`, { sink: this.#sink }), { statusCode })
  }
}
