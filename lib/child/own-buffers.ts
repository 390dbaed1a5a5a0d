import { countLines } from '../batch.js'

/** The properties of a stream that show the content of its buffers. */
interface Buffering {
  readableLength?: number
  readableObjectMode?: boolean
  writableLength?: number
  writableObjectMode?: boolean
  _transform?: unknown
  _readableState?: { pipes?: readonly Buffering[] }
}

/** The content of buffers. A buffer in object mode counts objects, which are lines. */
interface Held {
  bytes: number
  lines: number
}

/**
 * Follows lines through the buffers of a transport that is a Transform, as with pino-abstract-transport, and of the streams that it is
 * piped into. A Transform calls back as soon as it has room for more: then each buffer may still hold 16 lines, or 16 KiB.
 */
export class OwnBuffers {
  readonly #head: Buffering
  /** For each write that has not been consumed, the total written up to its end. */
  readonly #written: Held[] = []
  #lines = 0
  #consumed = 0

  private constructor (head: Buffering) {
    this.#head = head
  }

  /** `undefined` for other streams: their readable buffer may hold something other than the written lines. */
  static of (stream: object): OwnBuffers | undefined {
    return isTransform(stream) ? new OwnBuffers(stream) : undefined
  }

  /**
   * Notes lines that are written to the stream.
   *
   * @param end - The total of written bytes, these included
   */
  note (chunk: string | Buffer, end: number): void {
    this.#lines += countLines(chunk)
    this.#written.push({ bytes: end, lines: this.#lines })
  }

  /** A lower bound for the accepted bytes that have left all visible buffers. */
  consumedOf (accepted: number): number {
    const [first] = this.#written
    if (first === undefined || first.bytes > accepted) return this.#consumed
    let last = first
    for (const written of this.#written) {
      if (written.bytes > accepted) break
      last = written
    }
    const held: Held = { bytes: 0, lines: 0 }
    addHeld(held, this.#head)
    // While lines wait in buffers, a reader that takes them one by one holds one more.
    const lines = last.lines - held.lines - Number(held.lines > 0)
    const bytes = last.bytes - held.bytes
    let done = 0
    for (const written of this.#written) {
      if (written.bytes > bytes || written.lines > lines) break
      this.#consumed = written.bytes
      done++
    }
    this.#written.splice(0, done)
    return this.#consumed
  }
}

/** Adds the readable content of a stream, and the content of the streams that it is piped into. */
function addHeld (held: Held, { readableLength = 0, readableObjectMode, _readableState }: Buffering): void {
  held[readableObjectMode === true ? 'lines' : 'bytes'] += readableLength
  for (const next of _readableState?.pipes ?? []) {
    held[next.writableObjectMode === true ? 'lines' : 'bytes'] += next.writableLength ?? 0
    if (isTransform(next)) addHeld(held, next)
  }
}

function isTransform (stream: object): stream is Buffering {
  return typeof (stream as Buffering)._transform === 'function'
}
