import type { Clock } from '../clock.js'
import { connectionLost, noInbox, notAllowed, readAck, timedOut, tooLarge, type MessageFailure } from './failures.js'
import type { Link, LinkListener } from './link.js'
import type { Message } from './messages.js'

/** The part of a link that a {@link Publishing} uses. */
export type PublishingLink = Pick<Link, 'listener' | 'publish' | 'lengthOf' | 'maxPayload'>

/** Dependencies of a {@link Publishing}. */
export interface PublishingDeps {
  link: PublishingLink
  /** The most messages without an acknowledgement. */
  window: number
  /** The longest time until an acknowledgement. */
  timeoutMs: number
  /** True if the subject depends on the line: then a line is to blame for a subject that is not allowed. */
  hasFields: boolean
  clock: Pick<Clock, 'waited' | 'whenWaited'>
  /** Called with each message that was not stored. */
  onFailed: (message: Message, failure: MessageFailure) => void
}

/** A message that was published, and when, in waited time: an answer that came while this thread stood still is not late. */
interface PendingMessage extends Message {
  readonly sentAt: number
}

/** Each message gets a token of its own, which is never used again: an answer may come after its message has failed. */
let nextToken = 0

/** Publishes messages, with a limited number of them in flight. After a failure no more are published. */
export class Publishing implements LinkListener {
  readonly #deps: PublishingDeps
  readonly #messages: Iterator<Message>
  /** Messages without an answer, the oldest first. */
  readonly #pending = new Map<number, PendingMessage>()
  readonly #done: Promise<void>
  #finish: () => void = () => {}
  #cancelLook: (() => void) | undefined
  #hasFailed = false
  /** True once a stream has answered, with whatever. */
  #isHeard = false
  /** True once a message has got no answer of a stream. */
  #isMissed = false
  #publishedLines = 0

  constructor (deps: PublishingDeps, messages: Iterable<Message>) {
    this.#deps = deps
    this.#messages = messages[Symbol.iterator]()
    this.#done = new Promise(resolve => { this.#finish = resolve })
  }

  /** How many of the first lines were in messages that were published, or failed before. */
  get publishedLines (): number {
    return this.#publishedLines
  }

  /** True if no stream has answered, although there is a connection: its server may be cut off from those of the stream. */
  get isUnheard (): boolean {
    return this.#isMissed && !this.#isHeard
  }

  /** Resolves once each message is stored, or has failed, or was not published because another had failed. */
  async run (): Promise<void> {
    const { link } = this.#deps
    link.listener = this
    this.#proceed()
    await this.#done
    this.#cancelLook?.()
    link.listener = undefined
  }

  /** Nobody waits for it any more. */
  abandon (): void {
    this.#isMissed ||= this.#pending.size > 0
    this.#hasFailed = true
    this.#pending.clear()
    this.#finish()
  }

  onAnswer (token: number, status: number | undefined, data: Uint8Array): void {
    const message = this.#pending.get(token)
    if (message === undefined) return
    this.#pending.delete(token)
    if (data.length > 0) this.#isHeard = true
    else this.#isMissed = true
    const failure = readAck(message.subject, status, data)
    if (failure !== undefined) this.#fail(message, failure)
    this.#proceed()
  }

  onLost (): void {
    this.#failEach(() => true, connectionLost())
  }

  onDenied (subject: string): void {
    this.#failEach(message => message.subject === subject, notAllowed(subject, this.#deps.hasFields))
  }

  onDeaf (inbox: string): void {
    this.#failEach(() => true, noInbox(inbox))
  }

  /** Publishes as much as the window allows, and tells the end. */
  #proceed (): void {
    const { link, window, clock } = this.#deps
    const sentAt = clock.waited()
    while (!this.#hasFailed && this.#pending.size < window) {
      const { value: message, done } = this.#messages.next() as IteratorResult<Message, undefined>
      if (done === true || message === undefined) break
      this.#publish(link, message, sentAt)
    }
    if (this.#pending.size === 0) this.#finish()
    else this.#cancelLook ??= this.#lookAt(sentAt + this.#deps.timeoutMs)
  }

  #publish (link: PublishingLink, message: Message, sentAt: number): void {
    this.#publishedLines = message.first + message.count
    const length = link.lengthOf(message)
    if (length > link.maxPayload) return this.#fail(message, tooLarge(length, link.maxPayload))
    const token = nextToken++
    this.#pending.set(token, { ...message, sentAt })
    try {
      link.publish(message, token)
    } catch {
      // The client takes no messages once it is closed.
      this.onLost()
    }
  }

  /** Once one message is late, none of the others is waited for any longer: the time of a batch is limited. */
  #look (): void {
    const { timeoutMs, clock } = this.#deps
    const [oldest] = this.#pending.values()
    if (oldest === undefined) return
    const due = oldest.sentAt + timeoutMs
    if (due > clock.waited()) {
      this.#cancelLook = this.#lookAt(due)
    } else {
      this.#isMissed = true
      this.#failEach(() => true, timedOut(oldest.subject, timeoutMs))
    }
  }

  #lookAt (due: number): () => void {
    return this.#deps.clock.whenWaited(due, () => this.#look())
  }

  #failEach (isMeant: (message: Message) => boolean, failure: MessageFailure): void {
    for (const [token, message] of this.#pending) {
      if (!isMeant(message)) continue
      this.#pending.delete(token)
      this.#fail(message, failure)
    }
    this.#proceed()
  }

  #fail (message: Message, failure: MessageFailure): void {
    if (failure.kind === 'failed') this.#hasFailed = true
    this.#deps.onFailed(message, failure)
  }
}
