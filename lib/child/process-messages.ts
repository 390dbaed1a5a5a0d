import type { WorkerOptions } from 'node:worker_threads'
import type { LineIds } from '../line-ids.js'
import type { PinoConfig } from '../pino-config.js'
import type { ChildListener, ChildSource } from './child.js'

/** Limit of a report. More than this in the pipe is no report, but something that the sink has written there. */
export const MAX_REPORT_BYTES = 16 * 1024 * 1024

/** The sink that a process runs, and its settings. */
export interface ProcessStart {
  source: ChildSource
  /** Settings of the sink's thread in its process. */
  worker: Pick<WorkerOptions, 'argv' | 'resourceLimits'> & { name: string }
  /** The most memory that the process may have resident, in MB. */
  maxRssMb: number | undefined
}

/** An order to the process of a sink: the name of a method of `Child`, and its arguments. The lines of `send` are the body of the frame. */
export type ProcessOrder =
  | ['start', ProcessStart]
  | ['configure', PinoConfig]
  | ['send', id: string, count: number, attempts: number, runs: LineIds['runs']]
  | ['hasten']
  | ['abort', id: string]
  | ['flush', flush: number]
  | ['end']
  | ['printed', stream: OutputStream]

/** A stream that `console` writes to. */
export type OutputStream = 'stdout' | 'stderr'

/** A report of the process of a sink: the name of a method of {@link ChildListener}, and its arguments; or an answer to an order. */
export type ProcessReport =
  | { [Name in keyof ChildListener]: [Name, ...Parameters<ChildListener[Name]>] }[keyof ChildListener]
  | ['flushed', flush: number]
  | ['output', stream: OutputStream, text: Uint8Array]

/** The names of all events of a child. */
export const eventNames = Object.keys({
  onReady: true,
  onAccepted: true,
  onDelivered: true,
  onAnswered: true,
  onSensed: true,
  onSetback: true,
  onRefused: true,
  onSettled: true,
  onFailure: true,
  onEnded: true,
  onLateDelivery: true,
  onLateFault: true,
  onEvent: true
} satisfies Record<keyof ChildListener, true>) as ReadonlyArray<keyof ChildListener>

const reportNames: ReadonlySet<unknown> = new Set([...eventNames, 'flushed', 'output'])

/** @throws if a message is no report */
export function asReport (message: unknown): ProcessReport {
  if (!Array.isArray(message) || !reportNames.has(message[0])) throw new TypeError('expected a report')
  return message as ProcessReport
}
