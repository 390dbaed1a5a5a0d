import { countLines } from '../batch.js'

/** What of a stream tells how much stands in its buffers. */
interface Buffering {
  readableLength?: number
  readableObjectMode?: boolean
  writableLength?: number
  writableObjectMode?: boolean
  _transform?: unknown
  _readableState?: { pipes?: readonly Buffering[] }
}

/** So much, in objects where buffers count objects; each of them is a line. */
interface Held {
  bytes: number
  lines: number
}

/**
 * Follows lines through the buffers of a transport that is a Transform, as those of pino-abstract-transport are, and of
 * what it is piped into: it calls back as soon as it has room for more, while up to 16 lines, or 16 KiB, stand in each.
 */
export class OwnBuffers {
  readonly #head: Buffering
  /** What was written in all, up to each write that has not been consumed. */
  readonly #written: Held[] = []
  #lines = 0
  #consumed = 0

  private constructor (head: Buffering) {
    this.#head = head
  }

  /** `undefined` for a stream that is no Transform: what stands in others to be read need not have been written to them. */
  static of (stream: object): OwnBuffers | undefined {
    return isTransform(stream) ? new OwnBuffers(stream) : undefined
  }

  /** Notes lines that are written to it, which end at this byte of all. */
  note (chunk: string | Buffer, end: number): void {
    this.#lines += countLines(chunk)
    this.#written.push({ bytes: end, lines: this.#lines })
  }

  /** How many of the bytes that it has accepted have left all buffers that can be seen, or somewhat less. */
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
    // Who takes line by line has one more in hand, as long as others wait for it.
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

/** Adds what stands to be read in a stream, and in those that it is piped into. */
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
