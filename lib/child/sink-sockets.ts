import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { errorMonitor } from 'node:events'
import type { Socket } from 'node:net'

/** Bytes of all sockets of a sink together. */
export interface SocketTraffic {
  /** What was written to them. */
  written: number
  /** What of that has left this process. */
  sent: number
}

/** What is told of the sockets of a thread. */
export interface SinkSocketEvents {
  onOpened (): void
  /** The first that is connected and carries no requests, or one of UDP. */
  onPlain (): void
  /** A socket that carries no requests failed. */
  onError (error: Error): void
  /** Bytes that a socket has to send have made no progress for too long. */
  onStalled (unsentBytes: number): void
}

interface SocketProgress {
  sent: number
  /** In waited time. */
  movedAt: number
}

/** Watches the sockets that this thread opens to others: those of requests, and those of any other protocol. */
export class SinkSockets {
  readonly #events: SinkSocketEvents
  readonly #sockets = new Map<Socket, SocketProgress>()
  readonly #carriers = new WeakSet<object>()
  readonly #onSocket: (message: unknown) => void
  readonly #onUdpSocket = (): void => this.#findPlain()
  #hasPlain = false

  /** @param waited - The waited time of this thread. */
  constructor (waited: () => number, events: SinkSocketEvents) {
    this.#events = events
    this.#onSocket = message => this.#watch((message as { socket: Socket }).socket, waited())
    subscribe('net.client.socket', this.#onSocket)
    subscribe('udp.socket', this.#onUdpSocket)
  }

  /** Whether any is open. */
  get areOpen (): boolean {
    return this.#sockets.size > 0
  }

  /** What stands in those that carry no requests. */
  get traffic (): SocketTraffic {
    let [written, sent] = [0, 0]
    for (const socket of this.#sockets.keys()) {
      if (this.#carriesRequests(socket)) continue
      written += socket.bytesWritten
      sent += socket.bytesWritten - unsentBytes(socket)
    }
    return { written, sent }
  }

  /** This one carries requests. */
  noteCarrier (socket: object): void {
    this.#carriers.add(socket)
  }

  /** Tells of those that have sent nothing for so long, though they have something to send: both in waited time. */
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
    // errorMonitor does not change what an error without a listener does.
    ;(socket as NodeJS.EventEmitter).on(errorMonitor, (error: Error) => {
      // An idle connection of an HTTP agent may be reset at any time; its requests tell what matters.
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

/** What stands in a socket's own buffers and in those of its handle. */
function unsentBytes (socket: Socket): number {
  return socket.writableLength + ((socket as unknown as { _handle?: { writeQueueSize?: number } })._handle?.writeQueueSize ?? 0)
}
