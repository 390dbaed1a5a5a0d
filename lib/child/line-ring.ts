/** The place of some lines in the memory of a {@link LineRing}, in bytes. */
export interface RingPlace {
  at: number
  length: number
}

/**
 * A ring buffer in shared memory that hands lines to another thread. A copy into it costs a tenth of decoding the lines, and leaves
 * no garbage. First in, first out; only the thread that puts lines in knows which places are used.
 */
export class LineRing {
  /** The other thread reads lines from this, at the places that it is told. */
  readonly memory: SharedArrayBuffer
  readonly #bytes: Uint8Array
  /** The lines in use, oldest first: their end in the ring, and their end among all bytes that came in. */
  #used: Array<{ end: number, mark: number }> = []
  /** The place of the next lines. */
  #head = 0
  /** The beginning of the oldest lines. */
  #tail = 0
  #mark = 0

  constructor (memory: SharedArrayBuffer) {
    this.memory = memory
    this.#bytes = new Uint8Array(memory)
  }

  /** Copies lines in. Returns `undefined` if there is no room for them in one piece; they still count among the bytes that came in. */
  put (lines: Uint8Array): RingPlace | undefined {
    const { length } = lines
    this.#mark += length
    const at = this.#findRoom(length)
    if (at === undefined) return undefined
    this.#bytes.set(lines, at)
    this.#head = at + length
    this.#used.push({ end: this.#head, mark: this.#mark })
    return { at, length }
  }

  /** Frees the places of the first `mark` bytes of all that came in. */
  free (mark: number): void {
    let n = 0
    while (n < this.#used.length && (this.#used[n] as { mark: number }).mark <= mark) n++
    if (n === 0) return
    this.#tail = (this.#used[n - 1] as { end: number }).end
    this.#used.splice(0, n)
  }

  /** Lines that do not fit before the end go to the beginning. One byte stays free: a full ring must not look like an empty one. */
  #findRoom (length: number): number | undefined {
    if (this.#used.length === 0) this.#head = this.#tail = 0
    if (this.#head < this.#tail) return this.#head + length < this.#tail ? this.#head : undefined
    if (this.#head + length <= this.#bytes.length) return this.#head
    return length < this.#tail ? 0 : undefined
  }
}
