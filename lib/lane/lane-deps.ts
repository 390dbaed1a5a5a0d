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

/** What a lane needs to know of its target; the options of the same names (DESIGN §3). */
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
  /** Where lines go that the sink refuses for good; `undefined`: they are dropped. */
  deadLetter?: { maxBytes: number } | undefined
  /** Set with `whenOpen: 'spool'`. */
  spool?: { mode: 'open' | 'always' } | undefined
}

/** What a lane tells of itself. */
export interface LaneEvents {
  onTransition (event: TransitionEvent): void
  onLoss (loss: Loss, lines: number): void
  onRestart (reason: FailureReason, restarts: number): void
  /** @param lastFailure - What went wrong last with the sink, if anything has. */
  onUndelivered (lines: number, lastFailure: SinkFailure | undefined): void
  onSpoolNews (news: SpoolNews): void
  onEvent (name: string, args: readonly unknown[]): void
}

/** What a lane is made of. */
export interface LaneDeps {
  settings: LaneSettings
  /** Names this life of the lane; the ids of its batches begin with it. */
  life: string
  willSendConfig: boolean
  clock: Clock
  app: AppThread
  random: () => number
  createChild: (listener: ChildListener) => Child
  /** Where dead letters are kept, if the settings have them kept. */
  deadLetterStore?: DeadLetterStore | undefined
  /** Makes the queue on disk, if the settings have one. */
  createSpool?: ((events: SlotEvents) => LaneSpool) | undefined
  events: LaneEvents
}
