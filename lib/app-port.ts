import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import type { PinoConfig } from './pino-config.js'

// What would end or confuse the app's stream: thread-stream's own events, and ours.
const RESERVED_EVENTS = new Set(['error', 'close', 'ready', 'finish', 'drain', 'message', 'breaker', 'metrics', 'newListener', 'removeListener'])

/** What pino tells the worker thread of a transport. */
interface PinoWorkerData {
  /** Always set by thread-stream, and by the thread of a sink of ours, which may itself be such a transport. */
  $context?: object
  pinoWillSendConfig?: boolean
}

/** Set where this is the worker thread that pino gave to the transport. */
const pinoWorkerData: PinoWorkerData | undefined = isMainThread ? undefined : readPinoWorkerData()

/** Whether pino has said that it will send the config of the app's logger to this thread. */
export const willSendConfig = pinoWorkerData?.pinoWillSendConfig === true

/** Emits an event on the app's `transport`. Does nothing where the transport does not run in pino's worker. */
export function emitInApp (name: string, args: readonly unknown[]): void {
  if (pinoWorkerData !== undefined) parentPort?.postMessage({ code: 'EVENT', name, args })
}

/** Passes an event of a sink on to the app, but for the names that mean something else there. */
export function passToApp (name: string, args: readonly unknown[]): void {
  if (RESERVED_EVENTS.has(name)) return
  try {
    emitInApp(name, args)
  } catch {
    // What came from one thread by transfer (a MessagePort) cannot be cloned on to the next.
  }
}

/** Calls back with each config that pino sends; returns how to stop that. */
export function onPinoConfig (take: (config: PinoConfig) => void): () => void {
  const onMessage = (message: { code?: unknown, config?: PinoConfig } | null): void => {
    if (message?.code === 'PINO_CONFIG') take(message.config ?? {})
  }
  parentPort?.on('message', onMessage)
  return () => { parentPort?.off('message', onMessage) }
}

function readPinoWorkerData (): PinoWorkerData | undefined {
  const inner = (workerData as { workerData?: PinoWorkerData } | null)?.workerData
  return inner?.$context === undefined ? undefined : inner
}
