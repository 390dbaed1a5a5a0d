import { sumOf, type Counts } from './progress.js'
import type { ReplayContext } from './replay-context.js'
import type { Verdict } from './replay-lane.js'
import type { Tally } from './tally.js'

/** Lines that are to be sent, that the filter excludes, that cannot be sent, and whose target is not known, by their sinks. */
export interface Survey { tally: Tally, filtered: number, unreadable: number, unknown: Map<string, number> }

/** Outcome of the lines of one target, the reasons of refusals, and the message of its last failure. */
export interface TargetResult extends Counts { name: string, verdict: Verdict, refusal: string, lastError: string | undefined }

/** Lines that are left in a file or a folder, and further remarks. */
export interface Rest { path: string, left: number, noun?: 'line' | 'record', notes?: readonly string[] }

/** Writes what would be sent, or that there is nothing to send. */
export function writeSurvey ({ tally, filtered, unreadable }: Survey, { isDryRun, stdout, stderr }: ReplayContext): void {
  const others = `${filtered > 0 ? `; ${countOf(filtered)} left by the filter` : ''}${unreadable > 0 ? `; ${countOf(unreadable)} left that ${unreadable === 1 ? 'is no record' : 'are no records'}` : ''}`
  if (isDryRun) stdout.write(`${tally.lines === 0 ? '' : `${tally}\n`}would send ${countOf(tally.lines)}${others}\n`)
  else stderr.write(`nothing to send${others}\n`)
}

/** Writes how a replay has ended. @returns whether all lines were delivered, and whether it is of no use to send more */
export function writeSummary (results: readonly TargetResult[], { path, left, noun = 'line', notes = [] }: Rest, { stderr, timeoutMs }: ReplayContext): { isComplete: boolean, isOver: boolean } {
  const { total, delivered, refused, damaged } = sumOf(results)
  const isWaiting = (result: TargetResult): boolean => result.delivered + result.refused + result.damaged < result.total
  const isStopped = results.some(result => result.verdict === 'stopped')
  for (const result of results) {
    const reason = result.verdict === 'stalled' ? `gave up, since nothing was delivered for ${timeoutMs / 1000} s` : 'accepted all lines, but ended without proof that all have arrived'
    const error = result.lastError === undefined ? '' : `: ${result.lastError}`
    if (isWaiting(result) && result.verdict !== 'stopped') stderr.write(`${result.name}: ${reason}${error}\n`)
    if (result.refused > 0) stderr.write(`${result.name}: refused ${countOf(result.refused)}: ${result.refusal}\n`)
    if (result.damaged > 0) stderr.write(`${countOf(result.damaged)} damaged: see the quarantine in ${path}\n`)
  }
  for (const note of notes) stderr.write(`${note}\n`)
  const others = `${refused > 0 ? `, ${refused} refused` : ''}${damaged > 0 ? `, ${damaged} damaged` : ''}`
  const rest = left === 0 ? 'nothing is left' : `${countOf(left, noun)} left in ${path}`
  stderr.write(`${isStopped && results.some(isWaiting) ? 'stopped: ' : ''}delivered ${delivered} of ${countOf(total)}${others}; ${rest}\n`)
  return { isComplete: delivered === total, isOver: isStopped || results.some(result => result.verdict === 'stalled' && isWaiting(result)) }
}

/** `1 line`, `2 lines`. */
export function countOf (count: number, noun = 'line'): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
