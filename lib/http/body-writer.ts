const QUOTE = 0x22
const BACKSLASH = 0x5c
const MAX_BYTES_PER_UNIT = 3
/** A control character as `\u001f`. */
const MAX_BYTES_PER_ESCAPE = 6
/** For shorter texts and bytes, a call of Node.js takes longer than a loop. */
const SHORT_LENGTH = 64
/** Lines are quoted in pieces of this length, so that the room for the worst case stays small. */
const PIECE_BYTES = 4096
const MIN_BYTES = 16 * 1024
/** Larger memory is not kept for the next body. */
const MAX_KEPT_BYTES = 2 * 1024 * 1024
/** The escape sequence that `JSON.stringify()` writes for a byte; `undefined` where the byte needs none. */
const ESCAPES = Array.from({ length: 256 }, (_, byte) => {
  const text = byte < 0x80 ? JSON.stringify(String.fromCharCode(byte)).slice(1, -1) : ''
  return text.length > 1 ? Buffer.from(text) : undefined
})
const IS_ESCAPED = Uint8Array.from(ESCAPES, escape => escape === undefined ? 0 : 1)

/**
 * Composes the body of a request from bytes of lines and from texts, in UTF-8. To join texts as one long text first would take
 * longer than all else that a request needs.
 */
export class BodyWriter {
  #memory = Buffer.alloc(0)
  #length = 0

  /** The bytes written so far. They are valid until {@link clear}. */
  get bytes (): Buffer {
    return this.#memory.subarray(0, this.#length)
  }

  /** Begins a new body in the same memory. Nobody may use the former body any more. */
  clear (): void {
    this.#length = 0
    if (this.#memory.length > MAX_KEPT_BYTES) this.#memory = Buffer.alloc(0)
  }

  /** Makes room for this many bytes. All else makes room as needed. */
  reserve (bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#memory.length) return
    const memory = Buffer.allocUnsafeSlow(Math.max(MIN_BYTES, needed, this.#memory.length * 2))
    this.#memory.copy(memory, 0, 0, this.#length)
    this.#memory = memory
  }

  /** Writes one ASCII character, by its code. */
  byte (code: number): void {
    if (this.#length === this.#memory.length) this.reserve(1)
    this.#memory[this.#length++] = code
  }

  /** Writes a text. */
  text (text: string): void {
    this.reserve(text.length * MAX_BYTES_PER_UNIT)
    if (text.length > SHORT_LENGTH || !this.#ascii(text)) this.#length += this.#memory.write(text, this.#length)
  }

  /** Writes bytes as they are. */
  copy (source: Buffer, start = 0, end = source.length): void {
    this.reserve(end - start)
    const memory = this.#memory
    if (end - start > SHORT_LENGTH) {
      this.#length += source.copy(memory, this.#length, start, end)
      return
    }
    let at = this.#length
    for (let from = start; from < end; from++) memory[at++] = source[from] as number
    this.#length = at
  }

  /** Writes valid UTF-8 as a JSON string, just as JSON.stringify() would write its text. */
  quoted (source: Buffer, start: number, end: number): void {
    this.byte(QUOTE)
    for (let from = start; from < end; from += PIECE_BYTES) this.#escaped(source, from, Math.min(end, from + PIECE_BYTES))
    this.byte(QUOTE)
  }

  #escaped (source: Buffer, start: number, end: number): void {
    this.reserve((end - start) * MAX_BYTES_PER_ESCAPE)
    const memory = this.#memory
    let at = this.#length
    for (let from = start; from < end; from++) {
      const byte = source[from] as number
      if (IS_ESCAPED[byte] === 0) {
        memory[at++] = byte
      } else if (byte === QUOTE || byte === BACKSLASH) {
        memory[at++] = BACKSLASH
        memory[at++] = byte
      } else {
        for (const code of ESCAPES[byte] as Buffer) memory[at++] = code
      }
    }
    this.#length = at
  }

  /** Writes a text if it is ASCII; otherwise nothing that counts. */
  #ascii (text: string): boolean {
    const memory = this.#memory
    const start = this.#length
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (code >= 0x80) return false
      memory[start + index] = code
    }
    this.#length = start + text.length
    return true
  }
}
