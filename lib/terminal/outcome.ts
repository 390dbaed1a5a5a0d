import { lostLinesOf, type FanoutSnapshot } from '../metrics.js'
import { linesText } from './amounts.js'
import type { IntakeEnd } from './intake.js'
import { lossReasons } from './sink-facts.js'

/** How a run has ended. */
export interface Outcome {
  /** True if every line has arrived, or is kept on the disk. */
  readonly isComplete: boolean
  /** A sentence for each thing that somebody should know. */
  readonly summary: readonly string[]
}

/** Concludes from the last counts, and from the way in which reading ended, what has become of all lines. */
export function outcomeOf ({ sinks }: Pick<FanoutSnapshot, 'sinks'>, intake: IntakeEnd): Outcome {
  const lost: string[] = []
  const kept: string[] = []
  if (intake.kind === 'failed') lost.push(`the input could not be read to its end: ${intake.error.message}`)
  if (intake.kind === 'stopped' && !intake.isEmpty) lost.push('stopped before the end of the input: what was not read is left')
  for (const sink of sinks) {
    const { name, queueLines, unsettledLines, spoolLines, linesDeadLettered } = sink
    if (lostLinesOf(sink) > 0) lost.push(`${name}: ${linesText(lostLinesOf(sink))} lost: ${lossReasons(sink)}`)
    if (queueLines + unsettledLines > 0) lost.push(`${name}: ${linesText(queueLines + unsettledLines)} left`)
    if (spoolLines > 0) kept.push(`${name}: ${linesText(spoolLines)} in its spool, for the next run`)
    if (linesDeadLettered > 0) kept.push(`${name}: ${linesText(linesDeadLettered)} in its dead-letter file`)
  }
  return { isComplete: lost.length === 0, summary: [...lost, ...kept] }
}
