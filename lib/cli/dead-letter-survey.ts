import { factsOf } from './line-facts.js'
import type { ReplayContext } from './replay-context.js'
import { Tally } from './tally.js'
import type { TargetFinder } from './target-choice.js'
import { partsOf } from './working-copy.js'

/** What a dead-letter file has. */
export interface DeadLetterSurvey {
  /** What is to be sent. */
  tally: Tally
  /** Lines that the filter does not let through. */
  filtered: number
  /** Lines of the file that are no records. */
  unreadable: number
  /** How many records there are of each sink that is not known. */
  strangers: Map<string, number>
}

/** Looks through a dead-letter file, and what an earlier run has left of it, and changes nothing. */
export async function surveyDeadLetters (path: string, findTarget: TargetFinder, { format, filter }: ReplayContext): Promise<DeadLetterSurvey> {
  const survey: DeadLetterSurvey = { tally: new Tally(format.levels), filtered: 0, unreadable: 0, strangers: new Map() }
  for (const part of await partsOf(path)) {
    for await (const { letter } of part.records()) {
      if (letter === undefined) {
        survey.unreadable++
        continue
      }
      const facts = factsOf(letter.line, format)
      const target = findTarget(letter.sink)
      if (!filter(facts)) survey.filtered++
      else if (target === undefined) survey.strangers.set(letter.sink, (survey.strangers.get(letter.sink) ?? 0) + 1)
      else survey.tally.add(target.name, facts)
    }
  }
  return survey
}
