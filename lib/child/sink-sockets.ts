import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { errorMonitor } from 'node:events'
import type { Socket } from 'node:net'

/** The bytes of all sockets of a sink together. */
export interface SocketTraffic {
  /** The bytes written to the sockets. */
  written: number
  /** The part of these that has left this process. */
  sent: number
}

/** Callbacks of {@link SinkSockets}. */
export interface SinkSocketEvents {
  onOpened (): void
  /** The first socket without requests has connected, or the first UDP socket was opened. */
  onPlain (): void
  /** A socket that carries no requests has failed. */
  onError (error: Error): void
  /** A socket has bytes to send, and has sent none for too long. */
  onStalled (unsentBytes: number): void
}

interface SocketProgress {
  sent: number
  /** In waited time. */
  movedAt: number
}

/** Watches the client sockets of this thread, with HTTP requests or any other protocol. */
export class SinkSockets {
  readonly #events: SinkSocketEvents
  readonly #sockets = new Map<Socket, SocketProgress>()
  readonly #carriers = new WeakSet<object>()
  readonly #onSocket: (message: unknown) => void
  readonly #onUdpSocket = (): void => this.#findPlain()
  #hasPlain = false

  /** @param waited - Returns the waited time of this thread */
  constructor (waited: () => number, events: SinkSocketEvents) {
    this.#events = events
    this.#onSocket = message => this.#watch((message as { socket: Socket }).socket, waited())
    subscribe('net.client.socket', this.#onSocket)
    subscribe('udp.socket', this.#onUdpSocket)
  }

  /** True while any socket is open. */
  get areOpen (): boolean {
    return this.#sockets.size > 0
  }

  /** The traffic of the sockets that carry no requests. */
  get traffic (): SocketTraffic {
    let [written, sent] = [0, 0]
    for (const socket of this.#sockets.keys()) {
      if (this.#carriesRequests(socket)) continue
      written += socket.bytesWritten
      sent += socket.bytesWritten - unsentBytes(socket)
    }
    return { written, sent }
  }

  /** Notes that this socket carries requests. */
  noteCarrier (socket: object): void {
    this.#carriers.add(socket)
  }

  /** Reports sockets that have bytes to send, and have sent none for `limitMs`. Both times are waited time. */
  findStalled (now: number, limitMs: number): void {
    for (const [socket, progress] of this.#sockets) {
      const unsent = unsentBytes(socket)
      const sent = socket.bytesWritten - unsent
      if (unsent === 0 || sent !== progress.sent) {
        progress.sent = sent
        progress.movedAt = now
      } else if (now - progress.movedAt >= limitMs) {
        progress.movedAt = now
        this.#events.onStalled(unsent)
      }
    }
  }

  /** Stops watching. */
  close (): void {
    unsubscribe('net.client.socket', this.#onSocket)
    unsubscribe('udp.socket', this.#onUdpSocket)
  }

  #watch (socket: Socket, now: number): void {
    this.#sockets.set(socket, { sent: 0, movedAt: now })
    socket.once('close', () => this.#sockets.delete(socket))
    socket.once('connect', () => { if (!this.#carriesRequests(socket)) this.#findPlain() })
    // An errorMonitor listener does not change what an error without a listener does.
    ;(socket as NodeJS.EventEmitter).on(errorMonitor, (error: Error) => {
      // An idle connection of an HTTP agent may be reset at any time. A request that is lost with it reports its own failure.
      if (!this.#carriesRequests(socket)) this.#events.onError(error)
    })
    this.#events.onOpened()
  }

  #findPlain (): void {
    if (this.#hasPlain) return
    this.#hasPlain = true
    this.#events.onPlain()
  }

  #carriesRequests (socket: object): boolean {
    return this.#carriers.has(socket) || (socket as { parser?: unknown }).parser != null || (socket as { _httpMessage?: unknown })._httpMessage != null
  }
}

/** The bytes in a socket's own buffers and in those of its handle. */
function unsentBytes (socket: Socket): number {
  return socket.writableLength + ((socket as unknown as { _handle?: { writeQueueSize?: number } })._handle?.writeQueueSize ?? 0)
}
