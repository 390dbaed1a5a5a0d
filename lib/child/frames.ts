import { deserialize, serialize } from 'node:v8'

const HEADER_BYTES = 8
const FIRST_MEMORY_BYTES = 64 * 1024

/** A frame in parts, to be written one after the other: its header with its message, and its body. */
export type Frame = readonly [head: Buffer, body: Uint8Array]

const NOTHING = new Uint8Array(0)

/**
 * Makes a frame of a pipe between two processes: two lengths, a message, and bytes that are passed on as they are.
 *
 * @param body - Is not copied
 * @throws if the message has something that cannot be cloned
 */
export function toFrame (message: unknown, body: Uint8Array = NOTHING): Frame {
  const serialized = serialize(message)
  const head = Buffer.allocUnsafe(HEADER_BYTES + serialized.length)
  head.writeUInt32LE(serialized.length, 0)
  head.writeUInt32LE(body.length, 4)
  serialized.copy(head, HEADER_BYTES)
  return [head, body]
}

/** Reads frames from chunks that are cut anywhere. Its memory is used for one frame after another. */
export class FrameReader {
  readonly #maxBytes: number
  readonly #onFrame: (message: unknown, body: Buffer) => void
  #memory = Buffer.allocUnsafeSlow(FIRST_MEMORY_BYTES)
  #length = 0

  /**
   * @param maxBytes - A frame with more than this is a fault
   * @param onFrame - Called with each frame. The body is overwritten after the call
   */
  constructor (maxBytes: number, onFrame: (message: unknown, body: Buffer) => void) {
    this.#maxBytes = maxBytes
    this.#onFrame = onFrame
  }

  /**
   * Reads a chunk, which may be overwritten after the call.
   *
   * @throws if the chunk has something that is no frame. Nothing can be read after that
   */
  read (chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      const wanted = this.#wantedBytes()
      const part = chunk.subarray(at, at + wanted - this.#length)
      this.#reserve(wanted)
      part.copy(this.#memory, this.#length)
      this.#length += part.length
      at += part.length
      if (this.#length >= HEADER_BYTES && this.#length === this.#wantedBytes()) this.#finish()
    }
  }

  /** The bytes of the header, or of the whole frame once its header is there. */
  #wantedBytes (): number {
    if (this.#length < HEADER_BYTES) return HEADER_BYTES
    const bytes = HEADER_BYTES + this.#memory.readUInt32LE(0) + this.#memory.readUInt32LE(4)
    if (bytes > this.#maxBytes) throw new RangeError(`expected a frame of at most ${this.#maxBytes} bytes, got ${bytes}`)
    return bytes
  }

  #reserve (bytes: number): void {
    if (bytes <= this.#memory.length) return
    const former = this.#memory
    this.#memory = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(2 * former.length, this.#maxBytes)))
    former.copy(this.#memory, 0, 0, this.#length)
  }

  #finish (): void {
    const bodyAt = HEADER_BYTES + this.#memory.readUInt32LE(0)
    const body = this.#memory.subarray(bodyAt, this.#length)
    this.#length = 0
    // Buffers within a deserialized value are views of what it was read from.
    this.#onFrame(deserialize(Buffer.from(this.#memory.subarray(HEADER_BYTES, bodyAt))), body)
  }
}
