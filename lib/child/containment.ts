import { AsyncLocalStorage } from 'node:async_hooks'
import { inspect } from 'node:util'
import { isMainThread, parentPort } from 'node:worker_threads'
import { FanoutError } from '../errors.js'
import { toFailure, type SinkFailure } from '../failure.js'

/** Callbacks for an inline sink whose code runs contained. */
export interface ContainedSinkListener {
  /** The sink, or something that it started, threw past all handlers, or tried to end the thread. */
  onStrayFault (failure: SinkFailure): void
  /** The sink posted an event for the app. */
  onPostedEvent (name: string, args: readonly unknown[]): void
}

type FaultEvent = 'uncaughtException' | 'unhandledRejection'

const context = new AsyncLocalStorage<ContainedSinkListener | undefined>()
let installed = false
let isContaining = !isMainThread

/** Contains inline sinks in the main thread too: for a process that has no other purpose than the transport. */
export function containFaults (): void {
  isContaining = true
}

/**
 * Runs code of an inline sink. Errors that this code, or anything that it starts, throws past all handlers are reported as faults
 * of the sink, and end nothing else. In the main thread only after {@link containFaults}: its faults belong to the app.
 */
export function runContained<T> (listener: ContainedSinkListener, run: () => T): T {
  if (!isContaining) return run()
  install()
  return context.run(listener, run)
}

/** Runs code of our own that a sink calls. Its faults, and those of anything that it starts, are not the sink's. */
export function runUncontained<T> (run: () => T): T {
  // Up to Node.js 22, the first `run()` makes each promise and timer of the thread cost more.
  if (!installed) return run()
  // Not `exit()`, whose effect ends at the next `run()` within it.
  return context.run(undefined, run)
}

// thread-stream's worker ends the thread at every stray fault, and the app's stream ends at any unknown message. So faults and
// messages of inline sinks must not reach them.
function install (): void {
  if (installed) return
  installed = true
  takeOver('uncaughtException')
  takeOver('unhandledRejection')

  const exit = process.exit
  process.exit = (code?: number | string | null): never => {
    const listener = context.getStore()
    if (listener === undefined) return exit(code)
    const error = new FanoutError('ERR_FANOUT_SINK_THREAD', `process.exit(${code ?? ''}) was called`)
    listener.onStrayFault(toFailure('thread-exit', error))
    throw error
  }

  if (parentPort === null) return
  const port = parentPort
  const postMessage = port.postMessage.bind(port)
  port.postMessage = (message: unknown, ...rest: unknown[]) => {
    const listener = context.getStore()
    const { code, name, args } = (message ?? {}) as { code?: unknown, name?: unknown, args?: unknown }
    if (listener === undefined || code === undefined || code === null) return (postMessage as (...args: unknown[]) => void)(message, ...rest)
    // A warning that is no error makes the app's stream throw, and an event named `error` may end the app.
    if (code === 'WARNING') return
    if (code !== 'EVENT') return listener.onStrayFault(toFailure('stream-error', new FanoutError('ERR_FANOUT_SINK_THREAD', `it posted a message with the unknown code ${inspect(code)}`)))
    if (typeof name === 'string') listener.onPostedEvent(name, Array.isArray(args) ? args : [args])
  }
}

function takeOver (event: FaultEvent): void {
  const former = process.listeners(event as 'uncaughtException')
  process.removeAllListeners(event)
  process.on(event as 'uncaughtException', (...args: [Error, NodeJS.UncaughtExceptionOrigin]) => {
    const listener = context.getStore()
    if (listener !== undefined) return listener.onStrayFault(toFailure('thread-exit', args[0]))
    // With a listener, Node.js no longer ends the process itself.
    if (former.length === 0) throw args[0]
    for (const next of former) next.apply(process, args)
  })
}
