import type { ConnectionOptions, Msg, MsgHdrs, NatsConnection } from '@nats-io/transport-node'
import { systemClock } from '../clock.js'
import { readProperty } from '../errors.js'
import type { TlsSettings } from '../http/tls.js'
import type { NatsClient } from './client.js'
import { authenticatorOf } from './credentials.js'
import { connectErrorOf } from './failures.js'
import type { Message } from './messages.js'
import type { NatsSettings } from './options.js'

/** Hears what becomes of messages. */
export interface LinkListener {
  /** The answer to the message with this token. */
  onAnswer (token: number, status: number | undefined, data: Uint8Array): void
  /** Messages without an answer will get none. */
  onLost (): void
  /** The user may not publish to this subject. */
  onDenied (subject: string): void
  /** The user may not subscribe to the subject that answers come to. */
  onDeaf (inbox: string): void
}

const MSG_ID = 'Nats-Msg-Id'
/** The client tries each server again after this time. */
const RECONNECT_MS = 250
/** The client pings the server this often, and drops the connection if two pings in a row get no answer. */
const PING_MS = 5000
/** Bytes of the headers of a message beside its id. */
const HEADER_BYTES = Buffer.byteLength(`NATS/1.0\r\n${MSG_ID}: \r\n\r\n`)

/** A connection of the client, which makes it anew whenever it is lost. */
export class Link {
  /** Hears of messages, until the next listener is set. */
  listener: LinkListener | undefined
  readonly #connection: NatsConnection
  readonly #inbox: string
  readonly #headers: MsgHdrs
  readonly #servers: readonly string[]
  #isUp = true
  #isOver = false
  #waiting: Array<() => void> = []

  /** @throws an error that says what `send` is to reject with, if no server takes the connection */
  static async open ({ transport }: NatsClient, settings: NatsSettings, tls: TlsSettings | undefined, redact: (text: string) => string): Promise<Link> {
    const { servers, name, timeoutMs, auth, inboxPrefix } = settings
    const options: ConnectionOptions = {
      servers: [...servers],
      name,
      timeout: timeoutMs,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_MS,
      reconnectJitter: RECONNECT_MS,
      reconnectJitterTLS: RECONNECT_MS,
      pingInterval: PING_MS,
      noAsyncTraces: true,
      ...tls !== undefined && { tls: tls as NonNullable<ConnectionOptions['tls']> },
      ...auth !== undefined && { authenticator: authenticatorOf(auth, transport) },
      ...inboxPrefix !== undefined && { inboxPrefix }
    }
    try {
      return new Link(transport, await transport.connect(options), settings)
    } catch (error) {
      throw connectErrorOf(error, redact)
    }
  }

  private constructor (transport: NatsClient['transport'], connection: NatsConnection, { servers, inboxPrefix }: NatsSettings) {
    this.#connection = connection
    this.#servers = servers
    this.#inbox = `${transport.createInbox(inboxPrefix)}.`
    this.#headers = transport.headers()
    this.#hear(transport).catch(() => {})
    connection.closed().then(() => {
      this.#isOver = true
      this.#lose()
    }, () => {})
  }

  /** The connection, for questions about streams. */
  get connection (): NatsConnection {
    return this.#connection
  }

  /** True if the client has closed the connection for good, as it does when the server no longer accepts the user. A new link is needed then. */
  get isOver (): boolean {
    return this.#isOver || this.#connection.isClosed()
  }

  /** The largest message that the server takes, in bytes, with its headers. */
  get maxPayload (): number {
    return this.#connection.info?.max_payload ?? Infinity
  }

  /** Resolves once there is a connection; to `false` if there is none after this time, of which only waited time counts. */
  async isReady (ms: number): Promise<boolean> {
    if (this.isOver) return false
    if (this.#isUp) return true
    await new Promise<void>(resolve => {
      const cancel = systemClock.whenWaited(systemClock.waited() + ms, resolve)
      this.#waiting.push(() => {
        cancel()
        resolve()
      })
    })
    return this.#isUp
  }

  /** The length of a message with its headers. */
  lengthOf ({ id, payload }: Message): number {
    return HEADER_BYTES + id.length + payload.length
  }

  /** Publishes a message. The answer will have its token. The client copies the payload before this turn of the event loop ends. */
  publish ({ subject, id, payload }: Message, token: number): void {
    this.#headers.set(MSG_ID, id)
    this.#connection.publish(subject, payload, { reply: this.#inbox + token, headers: this.#headers })
  }

  /** Has the client connect to another server, if it knows one. It would stay as long as this one answers its pings. */
  leaveServer (): void {
    const known = new Set([...this.#servers, ...this.#connection.info?.connect_urls ?? []])
    if (known.size < 2 || !this.#isUp || this.isOver) return
    this.#isUp = false
    this.#connection.reconnect().catch(() => {})
  }

  async close (): Promise<void> {
    await this.#connection.close()
  }

  async #hear (transport: NatsClient['transport']): Promise<void> {
    this.#connection.subscribe(`${this.#inbox}*`, {
      callback: (error, message: Msg) => {
        if (error === null) this.listener?.onAnswer(Number(message.subject.slice(this.#inbox.length)), message.headers?.code, message.data)
      }
    })
    for await (const status of this.#connection.status()) {
      if (status.type === 'disconnect') {
        this.#isUp = false
        this.#lose()
      } else if (status.type === 'reconnect') {
        this.#isUp = true
        this.#wake()
      } else if (status.type === 'error' && status.error instanceof transport.PermissionViolationError) {
        const subject = String(readProperty(status.error, 'subject'))
        if (status.error.operation === 'publish') this.listener?.onDenied(subject)
        else if (subject === `${this.#inbox}*`) this.#deafen(subject)
      }
    }
  }

  /** Rights may change: the next connection asks for the subscription again. */
  #deafen (inbox: string): void {
    this.listener?.onDeaf(inbox)
    this.#isOver = true
    this.#connection.close().catch(() => {})
  }

  #lose (): void {
    this.#isUp = false
    this.listener?.onLost()
    this.#wake()
  }

  #wake (): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
