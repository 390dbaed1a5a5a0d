import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import type { PinoConfig } from './pino-config.js'

// Thread-stream's own events and ours. From a sink they would end or confuse the app's stream.
const RESERVED_EVENTS = new Set(['error', 'close', 'ready', 'finish', 'drain', 'message', 'breaker', 'metrics', 'notice', 'monitor', 'newListener', 'removeListener'])

/** The `workerData` that pino gives to the thread of a transport. */
interface PinoWorkerData {
  /** Always set by thread-stream. Our own threads set it too, since a sink may itself be a transport of this package. */
  $context?: object
  pinoWillSendConfig?: boolean
}

/** Set if pino has started this worker thread for the transport. */
const pinoWorkerData: PinoWorkerData | undefined = isMainThread ? undefined : readPinoWorkerData()

/** True if pino runs the transport in this thread, and tells the app once it is ready. */
export const isPinosWorker = pinoWorkerData !== undefined

/** True if pino sends the config of the app's logger to this thread. */
export const willSendConfig = pinoWorkerData?.pinoWillSendConfig === true

/** Emits an event on the app's `transport`. Does nothing outside pino's worker. */
export function emitInApp (name: string, args: readonly unknown[]): void {
  if (isPinosWorker) parentPort?.postMessage({ code: 'EVENT', name, args })
}

/** Passes an event of a sink on to the app, unless its name has a meaning of its own there. */
export function passToApp (name: string, args: readonly unknown[]): void {
  if (RESERVED_EVENTS.has(name)) return
  try {
    emitInApp(name, args)
  } catch {
    // An object that came by transfer, such as a MessagePort, cannot be cloned to the next thread.
  }
}

/**
 * Calls back with each config that pino sends.
 *
 * @returns A function that stops the calls
 */
export function onPinoConfig (take: (config: PinoConfig) => void): () => void {
  const onMessage = (message: { code?: unknown, config?: PinoConfig } | null): void => {
    if (message?.code === 'PINO_CONFIG') take(message.config ?? {})
  }
  parentPort?.on('message', onMessage)
  return () => { parentPort?.off('message', onMessage) }
}

/**
 * Calls back with each message that the app sends to the transport. Does nothing outside pino's worker, where a listener could
 * keep a thread of the user's from its end.
 *
 * @returns A function that stops the calls
 */
export function onAppMessage (take: (message: { code?: unknown } | null) => void): () => void {
  if (pinoWorkerData === undefined) return () => {}
  parentPort?.on('message', take)
  return () => { parentPort?.off('message', take) }
}

function readPinoWorkerData (): PinoWorkerData | undefined {
  const inner = (workerData as { workerData?: PinoWorkerData } | null)?.workerData
  return inner?.$context === undefined ? undefined : inner
}
