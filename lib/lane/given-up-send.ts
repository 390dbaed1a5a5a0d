const ABORT_GRACE_MS = 1000

/** The batch whose `send` was given up, and may yet come to its end. */
export class GivenUpSend {
  #send: { id: string, timer: NodeJS.Timeout } | undefined

  /** Whether there is one: until it is over, its sink is given nothing. */
  get isPending (): boolean {
    return this.#send !== undefined
  }

  /** @param onStuck - It does not come to its end either. */
  begin (id: string, onStuck: () => void): void {
    this.#send = {
      id,
      timer: setTimeout(() => {
        this.#send = undefined
        onStuck()
      }, ABORT_GRACE_MS)
    }
  }

  /** Whether it was this one that has come to its end. */
  settle (id: string): boolean {
    if (this.#send?.id !== id) return false
    this.stop()
    return true
  }

  stop (): void {
    clearTimeout(this.#send?.timer)
    this.#send = undefined
  }
}
