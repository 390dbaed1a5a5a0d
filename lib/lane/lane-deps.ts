import type { AppThread } from '../app-thread.js'
import type { BreakerOptions, TransitionEvent } from '../breaker.js'
import type { Child, ChildListener } from '../child/child.js'
import type { Clock } from '../clock.js'
import type { DeadLetterStore } from '../dead-letters/dead-letter.js'
import type { FailureReason, SinkFailure } from '../failure.js'
import type { DeadLetterSettings, SpoolSettings, TargetSettings } from '../options.js'
import type { LaneSpool } from '../spool/spool.js'
import type { SlotEvents } from '../spool/spool-events.js'
import type { Loss } from '../reports/loss-report.js'
import type { SpoolNews } from '../reports/spool-report.js'

type PlainSettings = Pick<TargetSettings, 'name' | 'queue' | 'whenOpen' | 'batch' | 'writeTimeoutMs' | 'startTimeoutMs' | 'redelivery' | 'sense'>

/** Settings of a lane: those of its target that it needs. */
export interface LaneSettings extends PlainSettings, Partial<Pick<TargetSettings, 'healthCheck'>> {
  breaker: BreakerOptions
  deadLetter?: Pick<DeadLetterSettings, 'maxBytes'> | undefined
  spool?: Pick<SpoolSettings, 'mode'> & Partial<SpoolSettings> | undefined
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
