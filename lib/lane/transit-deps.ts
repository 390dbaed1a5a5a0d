import type { Lines } from '../batch.js'
import type { Child, ChildListener } from '../child/child.js'
import type { Clock } from '../clock.js'
import type { FailureReason } from '../failure.js'
import type { DeadLetters } from './dead-letters.js'
import type { Gate } from './gate.js'
import type { Ledger } from './ledger.js'
import type { Pace } from './pace.js'
import type { Unsettled } from './unsettled.js'

/** What a transit is made of. */
export interface TransitDeps {
  sink: string
  /** The id of a batch that begins with the line of this number. */
  idOf: (firstLine: number) => string
  writeTimeoutMs: number
  startTimeoutMs: number
  willSendConfig: boolean
  clock: Clock
  random: () => number
  createChild: (listener: ChildListener) => Child
  gate: Gate
  ledger: Ledger
  deadLetters: DeadLetters
  /** Whether lines that were handed over may be handed over again. */
  redelivers: boolean
  /** Whether the sink's requests and sockets are watched. */
  isSensing: boolean
  pace: Pace
  unsettled: Unsettled
}

/** What a transit tells its lane. */
export interface TransitEvents {
  /** The sink can take lines. */
  onReady (): void
  /** The sink may be able to take more, or has ended. */
  onChange (): void
  /** These were handed over, oldest first, and have not arrived. */
  onReturned (lines: readonly Lines[]): void
  /**
   * A pending write of a discarded sink has delivered bytes of the returned lines, beginning with this line.
   *
   * @returns the number of whole lines among these bytes, and the number of the line after them
   */
  onArrivedLate (firstLine: number, bytes: number): { count: number, nextLine: number }
  /** A call that hung has returned: the sink can be started again, and may be healthy. */
  onComeBack (): void
  /**
   * The number of the newest line that waits to be sent and is least in doubt.
   *
   * @param isFresh - Only a line that is not in doubt will do
   */
  newestLine (isFresh: boolean): number | undefined
  /** All that is older than this line may be why probes failed: one of newer lines has not. */
  onDoubted (before: number): void
  onRestart (reason: FailureReason, restarts: number): void
  onEvent (name: string, args: readonly unknown[]): void
}
