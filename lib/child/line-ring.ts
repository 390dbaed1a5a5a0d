/** Where some lines stand in the memory of a {@link LineRing}, in bytes. */
export interface RingPlace {
  at: number
  length: number
}

/**
 * Lines on their way to another thread, in memory that both have in common: a copy there costs a tenth of what decoding
 * them does, and leaves nothing to collect. First in, first out; the thread that puts lines in keeps the books.
 */
export class LineRing {
  /** What the other thread is to read, at the places that it is told. */
  readonly memory: SharedArrayBuffer
  readonly #bytes: Uint8Array
  /** What is in use, oldest first: where it ends here, and among all bytes that came in. */
  #used: Array<{ end: number, mark: number }> = []
  /** Where the next lines go. */
  #head = 0
  /** Where the oldest lines begin. */
  #tail = 0
  #mark = 0

  constructor (memory: SharedArrayBuffer) {
    this.memory = memory
    this.#bytes = new Uint8Array(memory)
  }

  /** Copies lines in; `undefined` if there is no room for them in one piece. They count as having come in all the same. */
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

  /** So many of all bytes that came in are of no use any more. */
  free (mark: number): void {
    let n = 0
    while (n < this.#used.length && (this.#used[n] as { mark: number }).mark <= mark) n++
    if (n === 0) return
    this.#tail = (this.#used[n - 1] as { end: number }).end
    this.#used.splice(0, n)
  }

  /** Lines that would reach over the end stand at the beginning; a full ring and an empty one must not look alike. */
  #findRoom (length: number): number | undefined {
    if (this.#used.length === 0) this.#head = this.#tail = 0
    if (this.#head < this.#tail) return this.#head + length < this.#tail ? this.#head : undefined
    if (this.#head + length <= this.#bytes.length) return this.#head
    return length < this.#tail ? 0 : undefined
  }
}
