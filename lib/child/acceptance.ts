import { OwnBuffers } from './own-buffers.js'
import type { SocketTraffic } from './sink-sockets.js'

/** The least that is needed of a stream. */
interface Drainable {
  once (event: 'drain', listener: () => void): unknown
  readableLength?: number
}

/** What an acceptance is made of. */
export interface AcceptanceDeps {
  /** Whether the stream is looked into for lines that it has accepted and keeps. */
  followsBuffers: boolean
  /** What stands in the sockets of the sink, where that is watched. */
  socketTraffic: () => SocketTraffic | undefined
  /**
   * Told of each acceptance.
   *
   * @param accepted - How many bytes were accepted in all
   * @param consumed - How many of these do not stand in the stream's own buffers any more
   */
  onAccepted: (accepted: number, consumed: number) => void
}

const SENDING_POLL_MS = 20
const HELD_POLL_MS = 50

/** When a stream has accepted what it was given, and when that has left the buffers in which it can be seen to stand. */
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
  /** What was taken while bytes stood in the sink's sockets, in its order, and how much these had been given by then. */
  #sending: Array<{ bytes: number, written: number }> = []
  #sendingTimer: NodeJS.Timeout | undefined
  #heldTimer: NodeJS.Timeout | undefined

  constructor (stream: Drainable, deps: AcceptanceDeps) {
    this.#stream = stream
    this.#deps = deps
    this.#buffers = deps.followsBuffers ? OwnBuffers.of(stream) : undefined
  }

  /** How many of the bytes that were accepted do not stand in the stream's own buffers any more, waiting for the transport to take them. */
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

  /** So many bytes are accepted now. What the stream keeps in its own buffers is looked for until it is gone. */
  accept (bytes: number): void {
    if (this.#isStopped) return
    this.#accepted += bytes
    this.#toldConsumed = this.#buffers === undefined ? this.#accepted : this.consumedBytes
    this.#deps.onAccepted(this.#accepted, this.#toldConsumed)
    if (this.#toldConsumed < this.#accepted) this.#heldTimer ??= setInterval(() => this.#lookForHeld(), HELD_POLL_MS).unref()
  }

  /** pino-socket calls back at once, however much stands in its socket: what has not left this process is not accepted. */
  acceptOnceSent (bytes: number): void {
    const traffic = this.#deps.socketTraffic()
    if (this.#sending.length === 0 && (traffic === undefined || traffic.sent === traffic.written)) return this.accept(bytes)
    this.#sending.push({ bytes, written: traffic?.written ?? 0 })
    this.#sendingTimer ??= setTimeout(() => this.#acceptSent(), 0)
  }

  /** `write()` asked for a pause, or had before: its `drain` accepts. */
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

  /** Whether `drain` is being waited for. */
  get awaitsDrain (): boolean {
    return this.#undrained > 0
  }

  stop (): void {
    this.#isStopped = true
    clearInterval(this.#heldTimer)
    clearTimeout(this.#sendingTimer)
  }

  #lookForHeld (): void {
    // Whoever asks for `consumedBytes` meanwhile tells nobody.
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
