import { MessageChannel, receiveMessageOnPort, type MessagePort, type TransferListItem } from 'node:worker_threads'
import type { SinkAction } from '../controls.js'
import { FanoutError } from '../errors.js'
import type { FanoutSnapshot } from '../metrics.js'
import type { Channel, ChannelListener } from './channel.js'
import { CHANNEL_CODE, processTime, type Call, type ChannelMessage, type ChannelOffer, type Refusal } from './messages.js'

/** How long a call waits for a transport that is still starting: as long as thread-stream itself waits for its thread. */
const START_MS = 10000
/** The transport may begin a call only within this share of the time for its answer. So it begins no call that the app has rejected already. */
const BEGIN_SHARE = 0.9

/** The part of a `ThreadStream` (thread-stream 3 and 4) that this package uses. `pino.transport` returns one. */
export interface TransportStream {
  /** True once the thread has loaded its transport. */
  readonly ready: boolean
  readonly destroyed: boolean
  readonly writableErrored: unknown
  /** Passes on a message to the thread. Returns false if nobody does. */
  emit (event: 'message', message: ChannelOffer, transferList: TransferListItem[]): boolean
  on (event: 'ready' | 'close', listener: () => void): unknown
  off (event: 'ready' | 'close', listener: () => void): unknown
}

interface PendingCall {
  call: Call
  holdsProcess: boolean
  wasSent: boolean
  /** The transport has said since that it is at work. */
  hasBegun: boolean
  timer: NodeJS.Timeout | undefined
  resolve (value: unknown): void
  reject (error: Error): void
}

/** How it has ended. */
interface End {
  snapshot: FanoutSnapshot | undefined
  /** Makes the error with which calls reject. */
  refuse (): FanoutError
}

/** The {@link Channel} to the thread of a transport. The channel itself never keeps the process alive. */
export class ChannelClient implements Channel {
  /** Weak, as thread-stream ends the thread of a stream that nobody has any more. */
  readonly #transport: WeakRef<TransportStream>
  readonly #listener: ChannelListener
  readonly #timeoutMs: number
  readonly #calls = new Map<number, PendingCall>()
  #port: MessagePort | undefined
  #isOpen = false
  #end: End | undefined
  #lastId = 0

  /** @param timeoutMs - How long a call waits for an answer */
  constructor (transport: TransportStream, listener: ChannelListener, timeoutMs: number) {
    this.#transport = new WeakRef(transport)
    this.#listener = listener
    this.#timeoutMs = timeoutMs
    if (transport.destroyed) {
      this.#concludeByClose()
    } else {
      transport.on('ready', this.#onReady)
      transport.on('close', this.#onClose)
      this.#offer(transport)
    }
  }

  async snapshot (holdsProcess = true): Promise<FanoutSnapshot> {
    return await this.#call({ method: 'snapshot' }, holdsProcess) as FanoutSnapshot
  }

  async act (action: SinkAction, sink: string): Promise<void> {
    await this.#call({ method: 'act', action, sink })
  }

  async reopenFiles (): Promise<string[]> {
    return await this.#call({ method: 'reopenFiles' }) as string[]
  }

  async setLevel (level: number | string, sink: string | undefined): Promise<void> {
    await this.#call({ method: 'setLevel', level, sink })
  }

  close (): void {
    this.#end = { snapshot: undefined, refuse: () => new FanoutError('ERR_FANOUT_CLOSED', 'the monitor is detached') }
    this.#release()
  }

  #call (call: Call, holdsProcess = true): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const pending: PendingCall = { call, holdsProcess, wasSent: false, hasBegun: false, timer: undefined, resolve, reject }
      if (this.#end !== undefined) return settleByEnd(pending, this.#end)
      const id = ++this.#lastId
      this.#calls.set(id, pending)
      if (this.#isOpen) this.#send(id, pending)
      else this.#giveTime(id, pending, this.#transport.deref()?.ready === false ? START_MS : this.#timeoutMs)
    })
  }

  #offer (transport: TransportStream): void {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    port1.on('message', (message: ChannelMessage) => this.#take(message))
    port1.on('close', () => {
      // Otherwise the stream emits `close` too, and knows why.
      if (this.#transport.deref() === undefined) this.#concludeByClose()
    })
    port1.unref()
    transport.emit('message', { code: CHANNEL_CODE, port: port2 }, [port2])
  }

  readonly #onReady = (): void => {
    this.#receive()
    const transport = this.#transport.deref()
    if (this.#isOpen || this.#end !== undefined || transport === undefined) return
    // Somebody else in the thread may have received the first offer, before the transport was there.
    this.#port?.removeAllListeners().close()
    this.#offer(transport)
    for (const [id, call] of this.#calls) this.#giveTime(id, call, this.#timeoutMs)
  }

  readonly #onClose = (): void => {
    this.#receive()
    if (this.#end === undefined) this.#concludeByClose()
  }

  #send (id: number, pending: PendingCall): void {
    pending.wasSent = true
    this.#port?.postMessage({ id, call: pending.call, dueAt: processTime() + BEGIN_SHARE * this.#timeoutMs })
    this.#giveTime(id, pending, this.#timeoutMs)
  }

  #giveTime (id: number, pending: PendingCall, ms: number): void {
    clearTimeout(pending.timer)
    const timer = pending.timer = setTimeout(() => {
      // If this thread was blocked, the answer has come already.
      this.#receive()
      if (this.#calls.get(id)?.timer !== timer) return
      this.#calls.delete(id)
      pending.reject(noAnswer(pending, ms))
    }, ms)
    if (!pending.holdsProcess) timer.unref()
  }

  /** Takes all messages that have come. */
  #receive (): void {
    while (this.#port !== undefined) {
      const received = receiveMessageOnPort(this.#port) as { message: ChannelMessage } | undefined
      if (received === undefined) return
      this.#take(received.message)
    }
  }

  #take (message: ChannelMessage): void {
    switch (message.type) {
      case 'open':
        this.#isOpen = true
        for (const [id, pending] of this.#calls) this.#send(id, pending)
        return
      case 'answer': return this.#settle(message.id, ({ resolve }) => resolve(message.value))
      case 'refusal': return this.#settle(message.id, ({ reject }) => reject(errorOf(message.error)))
      case 'alive':
        for (const [id, pending] of this.#calls) {
          if (!message.ids.includes(id)) continue
          pending.hasBegun = true
          this.#giveTime(id, pending, this.#timeoutMs)
        }
        return
      case 'transition': return this.#listener.onTransition(message.event)
      case 'notice': return this.#listener.onNotice(message.notice)
      case 'end': return this.#conclude({ snapshot: message.snapshot, refuse: hasEnded })
      case 'fault': return this.#conclude({ snapshot: undefined, refuse: () => new FanoutError('ERR_FANOUT_NO_ANSWER', `the transport cannot be monitored: ${message.message}`) })
    }
  }

  #settle (id: number, settle: (pending: PendingCall) => void): void {
    const pending = this.#calls.get(id)
    if (pending === undefined) return
    this.#calls.delete(id)
    clearTimeout(pending.timer)
    settle(pending)
  }

  /** The thread has exited, or there is nobody who could start to use it. */
  #concludeByClose (): void {
    const transport = this.#transport.deref()
    const hasFailed = transport === undefined || (transport.writableErrored ?? null) !== null
    this.#conclude({ snapshot: undefined, refuse: hasFailed ? () => hasExited(transport?.writableErrored) : hasEnded })
  }

  #conclude (end: End): void {
    if (this.#end !== undefined) return
    this.#end = end
    this.#release()
    this.#listener.onEnd(end.snapshot)
  }

  #release (): void {
    const transport = this.#transport.deref()
    transport?.off('ready', this.#onReady)
    transport?.off('close', this.#onClose)
    this.#port?.removeAllListeners().close()
    this.#port = undefined
    const { calls, end } = { calls: [...this.#calls.values()], end: this.#end as End }
    this.#calls.clear()
    for (const pending of calls) {
      clearTimeout(pending.timer)
      settleByEnd(pending, end)
    }
  }
}

function settleByEnd ({ call, resolve, reject }: PendingCall, { snapshot, refuse }: End): void {
  if (call.method === 'snapshot' && snapshot !== undefined) resolve(snapshot)
  else reject(refuse())
}

function hasEnded (): FanoutError {
  return new FanoutError('ERR_FANOUT_CLOSED', 'the transport has ended')
}

function hasExited (cause: unknown): FanoutError {
  return new FanoutError('ERR_FANOUT_NO_ANSWER', 'the thread of the transport has exited', { cause })
}

function noAnswer ({ wasSent, hasBegun }: PendingCall, ms: number): FanoutError {
  if (hasBegun) return new FanoutError('ERR_FANOUT_NO_ANSWER', `the transport has begun with this, and has not answered for ${ms} ms: its thread is blocked`)
  if (wasSent) return new FanoutError('ERR_FANOUT_NO_ANSWER', `the transport has not answered within ${ms} ms, and will not do it any more: its thread is blocked`)
  return new FanoutError('ERR_FANOUT_NO_ANSWER', `no transport has answered within ${ms} ms, and nothing was done: its thread is blocked, or is not one of pino.transport({ target: 'pino-breaker-fanout', … })`)
}

/** An error of the transport. Its message is as it was there. */
function errorOf ({ code, message, sink }: Refusal): Error {
  return code === undefined ? new Error(message) : new FanoutError(code, message, sink === undefined ? {} : { sink })
}
