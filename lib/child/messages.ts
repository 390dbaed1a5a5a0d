import type { SinkFailure } from '../failure.js'
import type { ChildSource, SensedTraffic, SinkKind } from './child.js'
import type { RingPlace } from './line-ring.js'
import type { Rejection } from './rejection.js'

/** The name of the events by which a thread host speaks to its child. */
export const HOST_EVENT = 'pino-breaker-fanout:host'

/** What a thread host is started with. */
export interface HostData {
  source: ChildSource
  pinoWillSendConfig: boolean
  /** Where the lines stand that a stream sink is given. */
  ring: SharedArrayBuffer
}

/**
 * From the child to its host, by `postMessage`. The bytes of a batch are in shared memory, where the next one will stand
 * once this one is settled.
 */
export type HostOrder =
  | { code: 'FANOUT_LINES', lines: RingPlace | Uint8Array }
  | { code: 'FANOUT_SEND', id: string, bytes: Uint8Array, count: number, attempt: number }
  | { code: 'FANOUT_ABORT', id: string }
  | { code: 'FANOUT_FLUSH', flush: number }
  | { code: 'FANOUT_END' }

/** From the host to its child, as the only argument of a {@link HOST_EVENT}. */
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
