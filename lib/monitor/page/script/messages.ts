import type { CircuitState, TransitionEvent } from '../../../breaker.js'
import type { FanoutSnapshot, SinkSnapshot } from '../../../metrics.js'
import type { Notice } from '../../../reports/notice.js'

export type { CircuitState, Notice, SinkSnapshot, TransitionEvent }

/** Data of the event `snapshot`. */
export interface Snapshot extends FanoutSnapshot {
  readonly pid: number
  readonly hostname: string
  readonly version: string
  /** True if the monitor takes actions. */
  readonly actions: boolean
}

/** The counts of one sink at each of the times of a {@link History}. */
export interface SinkHistory {
  /** Lines delivered and lost since the start. */
  readonly delivered: readonly number[]
  readonly lost: readonly number[]
  /** Lines that wait, in memory and on the disk. */
  readonly backlog: readonly number[]
}

/** Data of the event `history`: the last ten minutes. */
export interface History {
  readonly stepMs: number
  readonly times: readonly number[]
  readonly sinks: Readonly<Record<string, SinkHistory>>
  readonly transitions: readonly TransitionEvent[]
  readonly notices: readonly Notice[]
}

/** Lines of a sink that are lost. */
export function lostLines ({ linesSkipped, linesDropped }: SinkSnapshot): number {
  return Object.values(linesDropped).reduce((sum, lines) => sum + lines, linesSkipped)
}

/** Lines of a sink that wait for their delivery, in memory and on the disk. */
export function backlogLines ({ queueLines, unsettledLines, spoolLines }: SinkSnapshot): number {
  return queueLines + unsettledLines + spoolLines
}
