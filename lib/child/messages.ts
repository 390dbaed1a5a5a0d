import type { SinkFailure } from '../failure.js'
import type { LineIds } from '../line-ids.js'
import type { ChildSource, SensedTraffic, SinkKind } from './child.js'
import type { RingPlace } from './line-ring.js'
import type { Rejection } from './rejection.js'

/** The `workerData` of a sink's thread. */
export interface HostData {
  /** For the thread host. */
  readonly host: {
    readonly source: ChildSource
    /** Holds the lines for a stream sink. */
    readonly ring: SharedArrayBuffer
  }
  /** For the sink: the place and the shape are those of a thread-stream worker, in which pino runs a transport. */
  readonly workerData: {
    readonly $context: object
    readonly pinoWillSendConfig: boolean
  }
}

/**
 * An order from a child to its host, by `postMessage`. The bytes of a batch are in shared memory, which holds the next batch
 * once this one is settled.
 */
export type HostOrder =
  | { code: 'FANOUT_LINES', lines: RingPlace | Uint8Array }
  | { code: 'FANOUT_SEND', id: string, runs: LineIds['runs'], bytes: Uint8Array, count: number, attempt: number }
  | { code: 'FANOUT_HASTEN' }
  | { code: 'FANOUT_ABORT', id: string }
  | { code: 'FANOUT_FLUSH', flush: number }
  | { code: 'FANOUT_END' }

/** A message from a host to its child. */
export interface HostMessage {
  readonly code: 'FANOUT_REPORT'
  readonly report: HostReport
}

/** A report of a host about its sink. */
export type HostReport =
  | { type: 'ready', kind: SinkKind }
  | { type: 'evidence', accepted: number, consumed: number, delivered: number, answered: number }
  | { type: 'sensed', traffic: SensedTraffic }
  | { type: 'setback', failure: SinkFailure }
  | { type: 'refused', bytes: number, failure: SinkFailure }
  | { type: 'settled', id: string, rejection: Rejection | undefined }
  | { type: 'failure', failure: SinkFailure }
  | { type: 'flushed', flush: number }
  | { type: 'ended' }
