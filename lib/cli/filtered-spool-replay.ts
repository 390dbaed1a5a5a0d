import type { TargetSettings } from '../options.js'
import { FilteredSpool, type StuckSegment } from './filtered-spool.js'
import { factsOf } from './line-facts.js'
import type { Verdict } from './patience.js'
import { Progress } from './progress.js'
import { countOf, whyLeft, type ReplayContext, type ReplayResult } from './replay-context.js'
import { Sender } from './sender.js'
import { surveySpool } from './spool-survey.js'

const SAVE_MS = 1000

/** What came of the lines that were to be sent. */
interface Outcome {
  delivered: number
  refused: number
  /** Why the last one was refused. */
  reason: string | undefined
}

/**
 * Sends those lines of a spool to its target that the filter lets through, in order, and takes out of it those that were
 * delivered. All others stay as they are: also what is refused, since a line can stay here that others have passed.
 *
 * @returns whether all was delivered that was to be sent, and is out of the spool, and why it ended
 * @throws InUseError if it is in use
 */
export async function replayFilteredSpool (folder: string, target: TargetSettings, context: ReplayContext): Promise<ReplayResult> {
  const { args, settings, stderr, clock, stop } = context
  const spool = await FilteredSpool.open(folder)
  const outcome: Outcome = { delivered: 0, refused: 0, reason: undefined }
  let [total, others] = [0, 0]
  let verdict: Verdict = 'holds'
  let lastError: string | undefined
  let stuck: StuckSegment[] = []
  try {
    const { tally, filtered } = await surveySpool([spool], target.name, context)
    total = tally.lines
    others = filtered
    if (total > 0) {
      const progress: Progress = new Progress(stderr, clock, () => ({ total, sent: sender.sentLines, delivered: outcome.delivered, refused: outcome.refused }))
      const sender = new Sender({
        target, levels: settings.levels ?? {}, clock, timeoutMs: args.timeoutMs, stop, closeTimeoutMs: settings.closeTimeoutMs, onNote: text => progress.note(text)
      })
      progress.start()
      const saving = setInterval(() => {
        sender.settle()
        spool.save()
      }, SAVE_MS)
      try {
        verdict = await sendMatching(spool, sender, outcome, context)
      } finally {
        await sender.end()
        clearInterval(saving)
        progress.stop()
        lastError = sender.lastError
      }
    }
  } finally {
    stuck = await spool.close()
  }
  if (total === 0) {
    stderr.write(`nothing to send; ${countOf(others)} left by the filter\n`)
    return { isComplete: true, verdict }
  }
  const { delivered, refused, reason } = outcome
  // A sink that proves nothing may have told by its end that all has arrived.
  if (verdict !== 'stopped' && delivered + refused < total) stderr.write(`${target.name}: ${whyLeft(verdict, args.timeoutMs, lastError)}\n`)
  if (refused > 0) stderr.write(`${target.name}: refused ${countOf(refused)}: ${reason}\n`)
  for (const { name, lines, error } of stuck) stderr.write(`${folder}: ${name} cannot be rewritten: ${messageOf(error)}; ${countOf(lines)} that arrived will be sent again\n`)
  const left = others + total - delivered + stuck.reduce((sum, { lines }) => sum + lines, 0)
  stderr.write(`${verdict === 'stopped' && delivered < total ? 'stopped: ' : ''}delivered ${delivered} of ${countOf(total)}; ${left === 0 ? 'nothing is left' : `${countOf(left)} left in ${folder}`}\n`)
  return { isComplete: delivered === total && stuck.length === 0, verdict: verdict === 'stalled' && delivered === total ? 'holds' : verdict }
}

async function sendMatching (spool: FilteredSpool, sender: Sender, outcome: Outcome, { filter, format }: ReplayContext): Promise<Verdict> {
  for await (const line of spool.lines()) {
    if (!filter(factsOf(line.text, format))) {
      spool.leave(line)
      continue
    }
    const verdict = await sender.offer({
      line: line.text,
      onDelivered: () => {
        spool.take(line)
        outcome.delivered++
      },
      onRefused: ({ reason }) => {
        spool.leave(line)
        outcome.refused++
        outcome.reason = reason
      }
    })
    if (verdict !== 'holds') return verdict
  }
  return await sender.finish()
}

function messageOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
