import type { AppThread } from '../app-thread.js'
import type { BreakerOptions, TransitionEvent } from '../breaker.js'
import type { Child, ChildListener } from '../child/child.js'
import type { Clock } from '../clock.js'
import type { FailureReason, SinkFailure } from '../failure.js'
import type { HealthCheckSettings } from '../options.js'
import type { LaneSpool } from '../spool/spool.js'
import type { SlotEvents } from '../spool/spool-events.js'
import type { DeadLetterStore } from './dead-letters.js'
import type { QueueSettings } from './admission.js'
import type { Loss } from '../reports/loss-report.js'
import type { SpoolNews } from '../reports/spool-report.js'

/** Settings of a lane: the options of the same names. */
export interface LaneSettings {
  name: string
  breaker: BreakerOptions
  queue: QueueSettings
  whenOpen: 'hold' | 'skip' | 'spool' | 'fallback'
  writeTimeoutMs: number
  startTimeoutMs: number
  redelivery: 'at-least-once' | 'at-most-once'
  sense: false | { console: boolean }
  healthCheck?: HealthCheckSettings | undefined
  /** Keeps lines that the sink refuses for good; without it they are dropped. */
  deadLetter?: { maxBytes: number } | undefined
  /** Set with `whenOpen: 'spool'`. */
  spool?: { mode: 'open' | 'always' } | undefined
}

/** Events of a lane. */
export interface LaneEvents {
  onTransition (event: TransitionEvent): void
  onLoss (loss: Loss, lines: number): void
  onRestart (reason: FailureReason, restarts: number): void
  /** @param lastFailure - The last failure of the sink, if there was one */
  onUndelivered (lines: number, lastFailure: SinkFailure | undefined): void
  onSpoolNews (news: SpoolNews): void
  onEvent (name: string, args: readonly unknown[]): void
}

/** Dependencies of a lane. */
export interface LaneDeps {
  settings: LaneSettings
  /** Identifies this life of the lane: the ids of its batches begin with it. */
  life: string
  willSendConfig: boolean
  clock: Clock
  app: AppThread
  random: () => number
  createChild: (listener: ChildListener) => Child
  /** Keeps dead letters, if the settings say so. */
  deadLetterStore?: DeadLetterStore | undefined
  /** Creates the queue on disk, if the settings have one. */
  createSpool?: ((events: SlotEvents) => LaneSpool) | undefined
  events: LaneEvents
}
