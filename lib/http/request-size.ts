// More than any batch, but for one of a single long line.
const UNBOUND_BYTES = 1024 * 1024
/** How many requests of about the most that is sent have to be taken before twice as much is tried. */
const PATIENCE = 16
const MAX_PATIENCE = 16 * 1024
/** So many breaks in a row, and nothing taken between them, say that what was taken before need not be taken now. */
const CONTRADICTIONS = 3

/**
 * How large the requests of a sink may be, as its backend teaches it. What was too large is halved; what has been taken
 * for a while is doubled, so that neither a crash nor a limit that was lifted makes requests small for good.
 */
export class RequestSize {
  #limit = Infinity
  #largestTaken = 0
  #breaks = 0
  #takenAtLimit = 0
  #patience = PATIENCE
  #hasGrown = false

  /** The most bytes of lines that are sent at once, unless a line by itself is longer. */
  get limit (): number {
    return this.#limit
  }

  /** A request with so many bytes of lines was taken. */
  take (bytes: number): void {
    this.#breaks = 0
    this.#largestTaken = Math.max(this.#largestTaken, bytes)
    if (bytes * 2 <= this.#limit || ++this.#takenAtLimit < this.#patience) return
    this.#takenAtLimit = 0
    // The last growth was right: the limit that was learned is none any more.
    if (this.#hasGrown) this.#patience = PATIENCE
    this.#limit = this.#limit * 2 >= UNBOUND_BYTES ? Infinity : this.#limit * 2
    this.#hasGrown = true
  }

  /** A request with so many bytes of lines was too large. */
  refuse (bytes: number): void {
    this.#limit = Math.max(1, Math.min(this.#limit, Math.floor(bytes / 2)))
    this.#largestTaken = Math.min(this.#largestTaken, bytes - 1)
    this.#takenAtLimit = 0
    // A limit that stays is tried less and less often.
    if (this.#hasGrown) this.#patience = Math.min(this.#patience * 2, MAX_PATIENCE)
    this.#hasGrown = false
  }

  /** The connection of a request with so many bytes of lines was broken off. Tells whether its size can be why. */
  breakOff (bytes: number): boolean {
    if (bytes > this.#largestTaken) return true
    if (++this.#breaks < CONTRADICTIONS) return false
    this.#largestTaken = 0
    return true
  }
}
