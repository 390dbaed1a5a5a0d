const WINDOW_MS = 1000

/**
 * Measures how fast an outlet takes bytes while it has some to take, over the last one to two seconds of waited time. A turn
 * of the event loop in which this thread was busy with something else counts as next to nothing, however long it was.
 */
export class Pace {
  #busySince = 0
  #lastProgress = 0
  #windowStart = 0
  #windowBytes = 0
  #formerBytes = 0
  #formerMs = 0

  /** The outlet has something to take from this waited time on. */
  begin (now: number): void {
    this.#busySince = this.#lastProgress = this.#windowStart = now
    this.#windowBytes = this.#formerBytes = this.#formerMs = 0
  }

  /** The outlet took these bytes. */
  progress (now: number, bytes: number): void {
    this.#lastProgress = now
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#formerBytes = this.#windowBytes
      this.#formerMs = now - this.#windowStart
      this.#windowBytes = 0
      this.#windowStart = now
    }
    this.#windowBytes += bytes
  }

  /** The waited time of the last progress. */
  get lastProgress (): number {
    return this.#lastProgress
  }

  /** True if anything has moved since it became busy. */
  get hasMoved (): boolean {
    return this.#lastProgress > this.#busySince || this.#windowBytes > 0
  }

  /** How many ms these bytes would take; `Infinity` if it stands still. */
  msFor (bytes: number, now: number): number {
    const ms = now - this.#windowStart + this.#formerMs
    const moved = this.#windowBytes + this.#formerBytes
    return moved === 0 ? Infinity : bytes * ms / moved
  }
}
