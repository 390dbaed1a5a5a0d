import type { SinkFailure } from '../failure.js'
import type { Lines } from '../batch.js'
import type { PinoConfig } from '../pino-config.js'
import type { Rejection } from './rejection.js'

/** Lines on their way to a sink, with the identity that they keep when they are sent again. */
export interface Parcel {
  /** `<life>:<number of the first line>`. */
  readonly id: string
  readonly lines: Lines
}

/** How a sink takes lines: as a stream, or batch by batch with an answer to each. */
export type SinkKind = 'stream' | 'delivery'

/**
 * What a sink is on the network with: HTTP requests, which from then on are all that proves anything, or sockets that
 * carry none.
 */
export type SensedTraffic = 'requests' | 'sockets'

/**
 * What a child reports to its lane. Byte counts are cumulative over the life of the child. After `onFailure` or
 * `onEnded` a child reports nothing more but what was still pending: late deliveries and late faults.
 */
export interface ChildListener {
  /** It can take lines. */
  onReady (kind: SinkKind): void
  /**
   * It took these bytes; whether they arrive is not proven.
   *
   * @param consumed - How many of these do not stand in buffers of its own any more
   */
  onAccepted (bytes: number, consumed: number): void
  /** These bytes have arrived. */
  onDelivered (bytes: number): void
  /** The backend has answered well to a request that was made once these bytes had been accepted; it may not carry all. */
  onAnswered (bytes: number): void
  /** What the sink is on the network with has been seen. */
  onSensed (traffic: SensedTraffic): void
  /** Something failed behind the sink, and the sink did not say so: what is not proven delivered may be lost. */
  onSetback (failure: SinkFailure): void
  /** The backend refused for good what came up to there. */
  onRefused (bytes: number, failure: SinkFailure): void
  /** A delivery sink answered for a batch. */
  onSettled (id: string, rejection: Rejection | undefined): void
  /** It is of no use any more. */
  onFailure (failure: SinkFailure): void
  /** It ended in good order after {@link Child.end}: all that it accepted has arrived. */
  onEnded (): void
  /** These bytes have arrived, though it had been discarded before: by a write that was pending then. */
  onLateDelivery (bytes: number): void
  /** It has failed once more, after it had been discarded. */
  onLateFault (failure: SinkFailure): void
  /** The sink posted an event for the app. */
  onEvent (name: string, args: readonly unknown[]): void
}

/** Where a sink runs: in this thread or in one of its own. */
export interface Child {
  /** How many bytes may be on their way to the sink without having been accepted. */
  readonly windowBytes: number
  /** Whether the memory of lines is not needed any more once {@link send} has returned. */
  readonly copies: boolean
  /** Passes pino's config on. */
  configure (config: PinoConfig): void
  /** Hands lines over, once it is ready. */
  send (parcel: Parcel): void
  /** Asks a delivery sink to give up a batch. */
  abort (id: string): void
  /** Calls the sink's own `flush`, where there is one; settles when that is done, and never rejects. */
  flush (): Promise<void>
  /** Asks the sink to end in good order; `onEnded` or `onFailure` follows, or nothing, if it hangs. */
  end (): void
  /**
   * Discards it at once, whatever it does. Its late errors go nowhere but to `onLateFault`.
   *
   * @returns Settles once nothing of it is running any more, which may be never. Does not reject.
   */
  destroy (): Promise<void>
  /** Whether a call that it made is still pending in this process, after {@link destroy}: nobody can cancel it. */
  readonly isHanging: boolean
}

/** What a child is made from. */
export interface ChildSource {
  /** The name of the target. */
  sink: string
  /** One entry for a target, several for a pipeline. */
  entries: ReadonlyArray<{ file: string, isPinoFile: boolean, options: unknown }>
  isPipeline: boolean
  /** Whether lines that may have arrived are sent again. */
  redelivers: boolean
  /** Further stream events that mean failure. */
  failureEvents: readonly string[]
  /** Whether the sink's requests and sockets are watched, where it has a thread to itself. */
  sense: false | { console: boolean }
  /** How long a request may go without an answer. */
  writeTimeoutMs: number
  /** Whether pino has sent, or will send, its config. */
  willSendConfig: boolean
}
