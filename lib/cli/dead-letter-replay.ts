import { sendLines, surveyLines } from './send-lines.js'
import type { ReplayContext } from './replay-context.js'
import { UsageError } from './command.js'
import { countOf, writeSummary, writeSurvey } from './summary.js'
import { namesOf, targetFinder } from './target-choice.js'
import { linesOf, WorkingCopy } from './working-copy.js'

/**
 * Sends the records of a dead-letter file, each to its target, and puts back what was not delivered.
 *
 * @returns true if no record is left that was to be sent
 * @throws UsageError if a record has no target, or if another process is replaying the file
 */
export async function replayDeadLetters (path: string, context: ReplayContext): Promise<boolean> {
  const { settings, targetName, isDryRun } = context
  const targetOf = targetFinder(settings.targets, targetName)
  const survey = await surveyLines(linesOf(path), targetOf, context)
  const unknown = [...survey.unknown].map(([sink, lines]) => `${countOf(lines)} of "${sink}"`)
  if (unknown.length > 0) throw new UsageError(`${path}: has ${unknown.join(', ')}, which is no target of the config; choose one with --target: ${namesOf(settings.targets)}`)
  if (isDryRun || survey.tally.lines === 0) {
    writeSurvey(survey, context)
    return isDryRun || survey.unreadable === 0
  }
  const copy = await WorkingCopy.open(path)
  const results = await sendLines(copy, targetOf, survey, context)
  const left = await copy.putBack()
  return writeSummary(results, { path, left, noun: 'record' }, context).isComplete && survey.unreadable === 0
}
