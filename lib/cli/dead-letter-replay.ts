import type { TargetSettings } from '../options.js'
import { surveyDeadLetters } from './dead-letter-survey.js'
import { factsOf } from './line-facts.js'
import type { Verdict } from './patience.js'
import { Progress, type ProgressCounts } from './progress.js'
import { countOf, whyLeft, type ReplayContext } from './replay-context.js'
import { Sender } from './sender.js'
import { namesOf, targetFinder, type TargetFinder } from './target-choice.js'
import { UsageError } from './usage-error.js'
import { WorkingCopy } from './working-copy.js'

const SAVE_MS = 1000

/** One target, and what of its lines has come to its end. */
interface Branch {
  readonly target: TargetSettings
  readonly sender: Sender
  offered: number
  delivered: number
  refused: number
}

/**
 * Sends the lines of a dead-letter file, each to its target, side by side, and puts back what was not delivered.
 *
 * @returns whether nothing is left that was to be sent
 * @throws UsageError if it cannot be told where a line is to go, or another process is at it
 */
export async function replayDeadLetters (path: string, context: ReplayContext): Promise<boolean> {
  const { args, settings, stdout, stderr } = context
  const findTarget = targetFinder(settings.targets, args.target)
  const { tally, filtered, unreadable, strangers } = await surveyDeadLetters(path, findTarget, context)
  if (strangers.size > 0) {
    const sinks = [...strangers].map(([sink, lines]) => `${countOf(lines)} of "${sink}"`).join(', ')
    throw new UsageError(`${path}: has ${sinks}, which is no target of the config; choose one with --target: ${namesOf(settings.targets)}`)
  }
  if (args.isDryRun) {
    stdout.write(`${tally.lines === 0 ? '' : `${tally}\n`}would send ${countOf(tally.lines)}${leaving(filtered, unreadable)}\n`)
    return true
  }
  if (tally.lines === 0) {
    stderr.write(`nothing to send${leaving(filtered, unreadable)}\n`)
    return unreadable === 0
  }

  const copy = await WorkingCopy.open(path)
  const progress: Progress = new Progress(stderr, context.clock, () => sum(branches, tally.lines))
  const branches: readonly Branch[] = settings.targets.filter(({ name }) => tally.byTarget.has(name)).map(target => createBranch(target, context, progress))
  progress.start()
  const saving = setInterval(() => {
    for (const { sender } of branches) sender.settle()
    copy.save()
  }, SAVE_MS)
  let verdicts: Verdict[]
  try {
    verdicts = await Promise.all(branches.map(branch => sendAll(branch, copy, findTarget, context)))
    await Promise.all(branches.map(({ sender }) => sender.end()))
  } finally {
    clearInterval(saving)
    progress.stop()
  }
  const left = await copy.putBack()
  for (const [index, { target, sender, offered, delivered, refused }] of branches.entries()) {
    const verdict = verdicts[index] as Verdict
    // A sink that proves nothing may have told by its end that all has arrived.
    if (verdict !== 'stopped' && delivered + refused < Math.max(offered, tally.byTarget.get(target.name) ?? 0)) stderr.write(`${target.name}: ${whyLeft(verdict, args.timeoutMs, sender.lastError)}\n`)
  }
  const { delivered, refused, total } = sum(branches, tally.lines)
  stderr.write(`${verdicts.includes('stopped') && delivered < total ? 'stopped: ' : ''}delivered ${delivered} of ${countOf(total)}${refused > 0 ? `, ${refused} refused again` : ''}; ` +
    `${left === 0 ? 'nothing is left' : `${countOf(left, 'record')} left in ${path}`}\n`)
  return delivered === total && unreadable === 0
}

function createBranch (target: TargetSettings, { args, settings, clock, stop }: ReplayContext, progress: Progress): Branch {
  const sender = new Sender({
    target,
    levels: settings.levels ?? {},
    clock,
    timeoutMs: args.timeoutMs,
    stop,
    closeTimeoutMs: settings.closeTimeoutMs,
    onNote: text => progress.note(text)
  })
  return { target, sender, offered: 0, delivered: 0, refused: 0 }
}

async function sendAll (branch: Branch, copy: WorkingCopy, findTarget: TargetFinder, { filter, format }: ReplayContext): Promise<Verdict> {
  const { target, sender } = branch
  for await (const { part, place, letter } of copy.records()) {
    if (letter === undefined || findTarget(letter.sink) !== target || !filter(factsOf(letter.line, format))) continue
    branch.offered++
    const verdict = await sender.offer({
      line: letter.line,
      onDelivered: () => {
        part.deliver(place)
        branch.delivered++
      },
      onRefused: refusal => {
        part.refuse(place, refusal)
        branch.refused++
      }
    })
    if (verdict !== 'holds') return verdict
  }
  return await sender.finish()
}

/** @param expected - How many lines there were before it began; the app may have appended some as it did */
function sum (branches: readonly Branch[], expected: number): ProgressCounts {
  const sumOf = (count: (branch: Branch) => number): number => branches.reduce((sum, branch) => sum + count(branch), 0)
  return {
    total: Math.max(expected, sumOf(({ offered }) => offered)),
    sent: sumOf(({ sender }) => sender.sentLines),
    delivered: sumOf(({ delivered }) => delivered),
    refused: sumOf(({ refused }) => refused)
  }
}

function leaving (filtered: number, unreadable: number): string {
  return `${filtered > 0 ? `; ${countOf(filtered)} left by the filter` : ''}${unreadable > 0 ? `; ${countOf(unreadable)} left that ${unreadable === 1 ? 'is no record' : 'are no records'}` : ''}`
}
