/** Counts the calls into a sink's code, in this thread, that have not returned yet. */
export class Calls {
  #pending = 0
  #onNone: Array<() => void> = []

  get arePending (): boolean {
    return this.#pending > 0
  }

  /**
   * A call begins.
   *
   * @returns A function that ends the call; only its first call counts
   */
  begin (): () => void {
    this.#pending++
    let isBack = false
    return () => {
      if (isBack) return
      isBack = true
      if (--this.#pending > 0) return
      for (const callback of this.#onNone.splice(0)) callback()
    }
  }

  /** Settles once none is pending. */
  async whenNone (): Promise<void> {
    if (this.#pending > 0) await new Promise<void>(resolve => { this.#onNone.push(resolve) })
  }
}
