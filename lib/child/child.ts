import type { SinkFailure } from '../failure.js'
import type { Lines } from '../batch.js'
import type { LineIds } from '../line-ids.js'
import type { PinoConfig } from '../pino-config.js'
import type { Rejection } from './rejection.js'

/** Lines for a sink, with the identity that they keep when they are sent again. */
export interface Parcel extends LineIds {
  readonly lines: Lines
}

/** A sink takes lines as a stream, or batch by batch with an answer to each. */
export type SinkKind = 'stream' | 'delivery'

/**
 * The network traffic of a sink: HTTP requests, which are the only proof of delivery once they have been seen, or sockets without
 * requests.
 */
export type SensedTraffic = 'requests' | 'sockets'

/**
 * Listens to the reports of a child. Byte counts are cumulative over the life of the child. After `onFailure` or `onEnded` a child
 * reports only late deliveries and late faults.
 */
export interface ChildListener {
  /** The child can take lines. */
  onReady (kind: SinkKind): void
  /**
   * The sink has taken these bytes. Their delivery is not proven.
   *
   * @param consumed - The part of these that has left the sink's own buffers
   */
  onAccepted (bytes: number, consumed: number): void
  /** These bytes have arrived. */
  onDelivered (bytes: number): void
  /** The backend accepted a request that was made after these bytes had been accepted. The request may not carry all of them. */
  onAnswered (bytes: number): void
  /** The sink's network traffic has been seen for the first time. */
  onSensed (traffic: SensedTraffic): void
  /** Something failed behind the sink, which the sink does not report. Lines that are not proven delivered may be lost. */
  onSetback (failure: SinkFailure): void
  /** The backend refused the lines up to this byte for good. */
  onRefused (bytes: number, failure: SinkFailure): void
  /** A delivery sink has answered for a batch. */
  onSettled (id: string, rejection: Rejection | undefined): void
  /** The child has failed and takes no more lines. */
  onFailure (failure: SinkFailure): void
  /** The sink has ended in good order after {@link Child.end}. All lines that it accepted have arrived. */
  onEnded (): void
  /** These bytes have arrived after the child was discarded, by a write that was pending then. */
  onLateDelivery (bytes: number): void
  /** The sink has failed once more after the child was discarded. */
  onLateFault (failure: SinkFailure): void
  /** The sink posted an event for the app. */
  onEvent (name: string, args: readonly unknown[]): void
}

/** Runs a sink, in this thread or in a thread of its own. */
export interface Child {
  /** The most bytes that the sink may have been handed without having accepted them. */
  readonly windowBytes: number
  /** True if {@link send} copies lines, so that their memory is free once it has returned. */
  readonly copies: boolean
  /** Passes pino's config on to the sink. */
  configure (config: PinoConfig): void
  /** Hands lines to the sink. Only once the child is ready. */
  send (parcel: Parcel): void
  /** Reports evidence of the lines that were handed over so far at once, because somebody waits for it. */
  hasten (): void
  /** Asks a delivery sink to abort a batch. */
  abort (id: string): void
  /** Calls the sink's own `flush`, if it has one. Settles once that is done, and never rejects. */
  flush (): Promise<void>
  /** Asks the sink to end in good order. `onEnded` or `onFailure` follows, or nothing if the sink hangs. */
  end (): void
  /**
   * Discards the sink at once. Its late errors go to `onLateFault` only.
   *
   * @returns Settles once nothing of the sink is running any more, which may be never. Does not reject.
   */
  destroy (): Promise<void>
  /** After {@link destroy}: true while a call of the sink, which nobody can cancel, is pending in this process. */
  readonly isHanging: boolean
}

/** The target of a child, as plain data that can cross threads. */
export interface ChildSource {
  /** The name of the target. */
  sink: string
  /** One entry for a target, several for a pipeline. */
  entries: ReadonlyArray<{ file: string, isPinoFile: boolean, target?: string, options: unknown }>
  isPipeline: boolean
  /** True if lines that may have arrived are sent again. */
  redelivers: boolean
  /** Further stream events that mean failure. */
  failureEvents: readonly string[]
  /** Settings for watching the sink's requests and sockets, in a thread of its own; `false`: they are not watched. */
  sense: false | { console: boolean }
  /** The longest time that a request may take for its answer. */
  writeTimeoutMs: number
  /** True if pino has sent its config, or will send it. */
  willSendConfig: boolean
  /** True until a child of the target has started. A later one goes on within a line that the former has cut off. */
  isFirst?: boolean
}
