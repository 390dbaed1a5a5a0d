import type { Clock } from '../clock.js'

const ABORT_GRACE_MS = 1000

/** The batch whose `send` was aborted and has not settled yet. */
export class GivenUpSend {
  readonly #clock: Clock
  #send: { id: string, cancel: () => void } | undefined

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** Whether there is one. Until it has settled, or is stuck, its sink is given nothing. */
  get isPending (): boolean {
    return this.#send !== undefined
  }

  /** @param onStuck - Called if it does not settle within a second. */
  begin (id: string, onStuck: () => void): void {
    this.#send = {
      id,
      cancel: this.#clock.whenWaited(this.#clock.waited() + ABORT_GRACE_MS, () => {
        this.#send = undefined
        onStuck()
      })
    }
  }

  /** Returns whether it was this batch that settled. */
  settle (id: string): boolean {
    if (this.#send?.id !== id) return false
    this.stop()
    return true
  }

  stop (): void {
    this.#send?.cancel()
    this.#send = undefined
  }
}
