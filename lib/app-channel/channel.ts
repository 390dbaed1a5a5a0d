import type { TransitionEvent } from '../breaker.js'
import type { SinkAction } from '../controls.js'
import type { FanoutSnapshot } from '../metrics.js'
import type { Notice } from '../reports/notice.js'

/**
 * `Controls` of a transport that may be in another thread, so that every answer takes a while.
 *
 * Calls reject with `ERR_FANOUT_NO_ANSWER` if the transport cannot answer, and with `ERR_FANOUT_CLOSED` after its end.
 */
export interface Channel {
  /**
   * After the end of the transport, its last snapshot.
   *
   * @param holdsProcess - False: without an answer it does not keep the process alive, as every other call does
   */
  snapshot (holdsProcess?: boolean): Promise<FanoutSnapshot>
  act (action: SinkAction, sink: string): Promise<void>
  reopenFiles (): Promise<string[]>
  setLevel (level: number | string, sink: string | undefined): Promise<void>
  /** Releases everything. Calls reject with `ERR_FANOUT_CLOSED` from now on, also those without an answer. */
  close (): void
}

/** Somebody who is told what happens at the other end of a {@link Channel}. */
export interface ChannelListener {
  onTransition (event: TransitionEvent): void
  onNotice (notice: Notice): void
  /** The transport has ended, with its last snapshot, or `undefined` if nobody was there to receive it. Nothing follows. */
  onEnd (snapshot: FanoutSnapshot | undefined): void
}
