// More than any batch has, except one of a single long line.
const UNBOUND_BYTES = 1024 * 1024
/** How many requests of about the limit's size have to be taken before the limit is doubled. */
const PATIENCE = 16
const MAX_PATIENCE = 16 * 1024
/** After this many breaks in a row, with no request taken in between, sizes that were taken before may be too large now. */
const CONTRADICTIONS = 3

/**
 * The limit of the size of a sink's requests, learned from its backend. It is half of a request that was too large. It is
 * doubled once enough requests were taken, so that neither a crash of the backend nor a limit that it no longer has keeps
 * requests small for good.
 */
export class RequestSize {
  #limit = Infinity
  #largestTaken = 0
  #breaks = 0
  #takenAtLimit = 0
  #patience = PATIENCE
  #hasGrown = false

  /** The limit of the lines in one request, in bytes. A single line may be longer. */
  get limit (): number {
    return this.#limit
  }

  /** A request with `bytes` bytes of lines was taken. */
  take (bytes: number): void {
    this.#breaks = 0
    this.#largestTaken = Math.max(this.#largestTaken, bytes)
    if (bytes * 2 <= this.#limit || ++this.#takenAtLimit < this.#patience) return
    this.#takenAtLimit = 0
    // The last doubling was right: the limit of the backend is gone.
    if (this.#hasGrown) this.#patience = PATIENCE
    this.#limit = this.#limit * 2 >= UNBOUND_BYTES ? Infinity : this.#limit * 2
    this.#hasGrown = true
  }

  /** A request with `bytes` bytes of lines was too large. */
  refuse (bytes: number): void {
    this.#limit = Math.max(1, Math.min(this.#limit, Math.floor(bytes / 2)))
    this.#largestTaken = Math.min(this.#largestTaken, bytes - 1)
    this.#takenAtLimit = 0
    // A limit that the backend still has is tested less and less often.
    if (this.#hasGrown) this.#patience = Math.min(this.#patience * 2, MAX_PATIENCE)
    this.#hasGrown = false
  }

  /** The connection of a request with `bytes` bytes of lines was broken off. Returns whether its size may be the cause. */
  breakOff (bytes: number): boolean {
    if (bytes > this.#largestTaken) return true
    if (++this.#breaks < CONTRADICTIONS) return false
    this.#largestTaken = 0
    return true
  }
}
