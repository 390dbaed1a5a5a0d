import { OwnBuffers } from './own-buffers.js'
import type { SocketTraffic } from './sink-sockets.js'

/** A stream, as an {@link Acceptance} needs it. */
interface Drainable {
  once (event: 'drain', listener: () => void): unknown
  readableLength?: number
}

/** Dependencies of an {@link Acceptance}. */
export interface AcceptanceDeps {
  /** True if the stream's own buffers are watched for lines that it has accepted and keeps. */
  followsBuffers: boolean
  /** The traffic of the sink's sockets; `undefined` if that is not watched. */
  socketTraffic: () => SocketTraffic | undefined
  /**
   * Called after each acceptance.
   *
   * @param accepted - The bytes accepted so far
   * @param consumed - The part of these that has left the stream's own buffers
   */
  onAccepted: (accepted: number, consumed: number) => void
}

const SENDING_POLL_MS = 20
const HELD_POLL_MS = 50

/** Finds out when a stream has accepted lines, and when these have left its visible buffers. */
export class Acceptance {
  readonly #stream: Drainable
  readonly #deps: AcceptanceDeps
  readonly #buffers: OwnBuffers | undefined
  #written = 0
  #accepted = 0
  #consumed = 0
  #toldConsumed = 0
  #undrained = 0
  #isStopped = false
  /** Lines taken while the sink's sockets had unsent bytes, oldest first, and the bytes written to the sockets by then. */
  #sending: Array<{ bytes: number, written: number }> = []
  #sendingTimer: NodeJS.Timeout | undefined
  #heldTimer: NodeJS.Timeout | undefined

  constructor (stream: Drainable, deps: AcceptanceDeps) {
    this.#stream = stream
    this.#deps = deps
    this.#buffers = deps.followsBuffers ? OwnBuffers.of(stream) : undefined
  }

  /** The accepted bytes that the transport has taken out of the stream's own buffers. */
  get consumedBytes (): number {
    const { readableLength } = this.#stream
    if (this.#buffers !== undefined) this.#consumed = this.#buffers.consumedOf(this.#accepted)
    else if (readableLength === undefined || readableLength === 0) this.#consumed = this.#accepted
    return this.#consumed
  }

  /** Lines are about to be written. */
  note (chunk: string | Buffer, bytes: number): void {
    this.#written += bytes
    this.#buffers?.note(chunk, this.#written)
  }

  /** Accepts this many bytes more. The stream's own buffers are then watched until the lines have left them. */
  accept (bytes: number): void {
    if (this.#isStopped) return
    this.#accepted += bytes
    this.#toldConsumed = this.#buffers === undefined ? this.#accepted : this.consumedBytes
    this.#deps.onAccepted(this.#accepted, this.#toldConsumed)
    if (this.#toldConsumed < this.#accepted) this.#heldTimer ??= setInterval(() => this.#lookForHeld(), HELD_POLL_MS).unref()
  }

  /** Accepts the bytes once they have left this process: pino-socket calls back at once, however much its socket has to send. */
  acceptOnceSent (bytes: number): void {
    const traffic = this.#deps.socketTraffic()
    if (this.#sending.length === 0 && (traffic === undefined || traffic.sent === traffic.written)) return this.accept(bytes)
    this.#sending.push({ bytes, written: traffic?.written ?? 0 })
    this.#sendingTimer ??= setTimeout(() => this.#acceptSent(), 0)
  }

  /** Accepts the bytes at the next `drain`, since `write()` has asked for a pause. */
  acceptAtDrain (bytes: number): void {
    if (this.#undrained === 0) {
      this.#stream.once('drain', () => {
        const drained = this.#undrained
        this.#undrained = 0
        this.accept(drained)
      })
    }
    this.#undrained += bytes
  }

  /** True while `drain` is awaited. */
  get awaitsDrain (): boolean {
    return this.#undrained > 0
  }

  stop (): void {
    this.#isStopped = true
    clearInterval(this.#heldTimer)
    clearTimeout(this.#sendingTimer)
  }

  #lookForHeld (): void {
    // Others may have read `consumedBytes` meanwhile. That updates it without a report.
    const consumed = this.consumedBytes
    if (consumed !== this.#toldConsumed) this.#deps.onAccepted(this.#accepted, consumed)
    this.#toldConsumed = consumed
    if (consumed < this.#accepted) return
    clearInterval(this.#heldTimer)
    this.#heldTimer = undefined
  }

  #acceptSent (): void {
    this.#sendingTimer = undefined
    const { sent, written } = this.#deps.socketTraffic() ?? { sent: 0, written: 0 }
    let n = 0
    const limit = sent === written ? Infinity : sent
    while (n < this.#sending.length && (this.#sending[n] as { written: number }).written <= limit) n++
    const bytes = this.#sending.splice(0, n).reduce((sum, { bytes }) => sum + bytes, 0)
    if (bytes > 0) this.accept(bytes)
    if (this.#sending.length > 0 && !this.#isStopped) this.#sendingTimer = setTimeout(() => this.#acceptSent(), SENDING_POLL_MS)
  }
}
