import type { MessagePort } from 'node:worker_threads'
import type { TransitionEvent } from '../breaker.js'
import type { SinkAction } from '../controls.js'
import type { FanoutErrorCode } from '../errors.js'
import type { FanoutSnapshot } from '../metrics.js'
import type { Notice } from '../reports/notice.js'

/** The `code` of this package's messages to a transport's thread. Thread-stream and pino ignore messages with this code. */
export const CHANNEL_CODE = 'PINO_BREAKER_FANOUT_CHANNEL'

/** How often a transport says that it is still at work on a call, in ms. */
export const ALIVE_MS = 250

/** Opens a channel: the first message, by which the app hands a port to the transport's thread. The rest goes through the port. */
export interface ChannelOffer {
  code: typeof CHANNEL_CODE
  /** Taken out by the transport that serves it: several transports in one thread get the same message. */
  port?: MessagePort
}

/** A call of the app: a method of `Controls`, with its arguments. */
export type Call =
  | { method: 'snapshot' }
  | { method: 'act', action: SinkAction, sink: string }
  | { method: 'reopenFiles' }
  | { method: 'setLevel', level: number | string, sink: string | undefined }

/** A call, from the app to the transport. */
export interface CallMessage {
  id: number
  call: Call
  /** Once {@link processTime} has passed this, the app has given the call up, and it must have no effect. */
  dueAt: number
}

/** From the transport to the app. */
export type ChannelMessage =
  /** The transport takes calls. */
  | { type: 'open' }
  | { type: 'answer', id: number, value: unknown }
  | { type: 'refusal', id: number, error: Refusal }
  /** The transport is at work on these calls. */
  | { type: 'alive', ids: number[] }
  | { type: 'transition', event: TransitionEvent }
  | { type: 'notice', notice: Notice }
  /** The transport has ended. Nothing follows. */
  | { type: 'end', snapshot: FanoutSnapshot }
  /** The transport cannot take calls. Nothing follows. */
  | { type: 'fault', message: string }

/** An error as plain data: a structured clone would drop its code. */
export interface Refusal {
  /** `undefined` for an error that is not of this package. */
  code: FanoutErrorCode | undefined
  /** Without the code at its head. */
  message: string
  sink: string | undefined
}

/** Monotonic time in ms that is the same in all threads of a process. The clock has the same; to import it here would make one more file to load. */
export function processTime (): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000
}
