const MAX_BYTES_PER_UNIT = 3

/** Joins texts as UTF-8. To join them as one long text first would take longer than all else that a request needs. */
export class Utf8Writer {
  #bytes: Buffer
  #length = 0

  /** @param expected - About how many bytes will be written. */
  constructor (expected: number) {
    this.#bytes = Buffer.allocUnsafe(expected)
  }

  /** The bytes written so far. */
  get bytes (): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  write (text: string): void {
    const needed = this.#length + text.length * MAX_BYTES_PER_UNIT
    if (needed > this.#bytes.length) {
      const bytes = Buffer.allocUnsafe(needed * 2)
      this.bytes.copy(bytes)
      this.#bytes = bytes
    }
    this.#length += this.#bytes.write(text, this.#length)
  }
}
