import { parentPort } from 'node:worker_threads'
import type { SinkFailure } from '../failure.js'
import type { PinoConfig } from '../pino-config.js'
import type { Child, ChildListener, ChildSource, Parcel } from './child.js'
import { runContained, runUncontained, type ContainedSinkListener } from './containment.js'
import { SinkHost } from './host.js'
import { hasPoolRequests } from './pool-requests.js'

const WINDOW_BYTES = 1024 * 1024
/**
 * The most that pino's ThreadStream hands over at once. All files share its memory. With a smaller window, the rest would be copied
 * into the queue of each.
 */
const FILE_WINDOW_BYTES = 4 * 1024 * 1024
const CONFIG_INTERVAL_MS = 50

/** A sink in the fanout's own thread. */
export class InlineChild implements Child, ContainedSinkListener {
  readonly windowBytes: number
  readonly copies = false
  readonly #host: SinkHost
  readonly #listener: ChildListener
  readonly #isTrusted: boolean
  #isStarting = true
  #isOver = false
  #hasBeenIdle = false
  #configTimer: NodeJS.Timeout | undefined

  constructor (source: ChildSource, listener: ChildListener) {
    this.#isTrusted = source.entries.every(entry => entry.isPinoFile)
    this.windowBytes = this.#isTrusted ? FILE_WINDOW_BYTES : WINDOW_BYTES
    this.#listener = this.#isTrusted ? listener : outside(listener)
    this.#host = new SinkHost(source, {
      ...this.#listener,
      onReady: kind => {
        this.#started()
        this.#listener.onReady(kind)
      },
      onFailure: failure => this.#fail(failure)
    })
    // The lane must have its child before the child reports anything.
    setImmediate(() => {
      if (!this.#isOver) this.#contained(() => this.#host.start())
    })
  }

  configure (config: PinoConfig): void {
    if (!this.#isStarting || this.#configTimer !== undefined) return
    // A sink listens for pino's message once its factory runs. pino has sent it only once, perhaps long before, so it is repeated.
    const tell = (): void => repeatMessage({ code: 'PINO_CONFIG', config })
    this.#configTimer = setInterval(tell, CONFIG_INTERVAL_MS)
    setImmediate(tell)
  }

  send ({ id, runs, lines }: Parcel): void {
    const { count, attempts, arrivedBytes } = lines
    const bytes = lines.bytes.subarray(arrivedBytes)
    const text = arrivedBytes === 0 && this.#host.takes !== 'bytes' ? lines.text : undefined
    this.#contained(() => {
      if (this.#host.takes === 'batches') this.#host.send({ id, runs, content: text ?? bytes, count, bytes: bytes.length, attempt: attempts + 1 })
      else this.#host.write(this.#host.takes === 'text' ? text ?? bytes.toString() : bytes, bytes.length)
    })
  }

  /** Its evidence is never gathered. */
  hasten (): void {}

  abort (id: string): void {
    this.#contained(() => this.#host.abort(id))
  }

  async flush (): Promise<void> {
    await this.#contained(() => this.#host.flush())
  }

  end (): void {
    this.#contained(() => this.#host.end())
  }

  async destroy (): Promise<void> {
    this.#isOver = true
    this.#started()
    this.#contained(() => this.#host.destroy())
    await this.#host.whenIdle()
  }

  /**
   * True while a call hangs in the system. Such a call is in libuv's pool all the time. If this thread has no request there, the sink
   * has only forgotten to call back, which must not prevent its restart. For a file, every pending call counts.
   */
  get isHanging (): boolean {
    if (!this.#host.hasPendingCalls || this.#hasBeenIdle) return false
    this.#hasBeenIdle = !this.#isTrusted && !hasPoolRequests()
    return !this.#hasBeenIdle
  }

  onStrayFault (failure: SinkFailure): void {
    if (this.#isOver) this.#listener.onLateFault(failure)
    else this.#fail(failure)
  }

  onPostedEvent (name: string, args: readonly unknown[]): void {
    this.#listener.onEvent(name, args)
  }

  #fail (failure: SinkFailure): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#started()
    this.#listener.onFailure(failure)
  }

  #started (): void {
    this.#isStarting = false
    clearInterval(this.#configTimer)
  }

  #contained<T> (run: () => T): T {
    return this.#isTrusted ? run() : runContained(this, run)
  }
}

/** Wraps a listener, so that errors in it do not count as the sink's, although the sink calls it. */
function outside (listener: ChildListener): ChildListener {
  return {
    onReady: kind => runUncontained(() => listener.onReady(kind)),
    onAccepted: (bytes, consumed) => runUncontained(() => listener.onAccepted(bytes, consumed)),
    onDelivered: bytes => runUncontained(() => listener.onDelivered(bytes)),
    onAnswered: bytes => runUncontained(() => listener.onAnswered(bytes)),
    onSensed: traffic => runUncontained(() => listener.onSensed(traffic)),
    onSetback: failure => runUncontained(() => listener.onSetback(failure)),
    onRefused: (bytes, failure) => runUncontained(() => listener.onRefused(bytes, failure)),
    onSettled: (id, rejection) => runUncontained(() => listener.onSettled(id, rejection)),
    onLateDelivery: bytes => runUncontained(() => listener.onLateDelivery(bytes)),
    onLateFault: failure => runUncontained(() => listener.onLateFault(failure)),
    onFailure: failure => runUncontained(() => listener.onFailure(failure)),
    onEnded: () => runUncontained(() => listener.onEnded()),
    onEvent: (name, args) => runUncontained(() => listener.onEvent(name, args))
  }
}

/** Gives a message to the listeners of this thread's port, as if it came from the app. */
function repeatMessage (message: unknown): void {
  // Deno's port has no `emit()`. Its messages are events of the global object.
  if ('deno' in process.versions) (globalThis as unknown as EventTarget).dispatchEvent(new MessageEvent('message', { data: message }))
  else (parentPort as unknown as { emit (name: string, message: unknown): void } | null)?.emit('message', message)
}
