import { basename } from 'node:path'
import type { DeadLetterStore } from '../lane/dead-letters.js'
import { DeadLetterFile } from '../dead-letter-file.js'
import { targetDefaults } from '../options/defaults.js'
import { folderNameOf } from '../options/folder-names.js'
import type { TargetSettings } from '../options.js'
import { nodeFileSystem } from '../spool/node-file-system.js'
import { systemOwners } from '../spool/owner.js'
import { firstSlotOf } from '../spool/slots.js'
import { Spool } from '../spool/spool.js'
import type { Hindrance, SpoolEvents } from '../spool/spool-events.js'
import { FilteredSpool } from './filtered-spool.js'
import { replayFilteredSpool } from './filtered-spool-replay.js'
import { Patience } from './patience.js'
import { Progress } from './progress.js'
import { countOf, whyLeft, type ReplayContext, type ReplayResult } from './replay-context.js'
import { openReplayLane } from './replay-lane.js'
import { spoolFoldersOf, surveySpool } from './spool-survey.js'
import { targetOfSpool } from './target-choice.js'
import { InUseError, UsageError } from './usage-error.js'

/** Nothing more may be done to a spool: what its lane would do at its end would lose lines. */
export class SpoolAbandoned extends Error {
  override readonly name = 'SpoolAbandoned'
}

/**
 * Sends what waits in a spool to its target, in order, as the lane would whose spool it is. What is not delivered stays,
 * and what is refused goes to the dead letters of the target, or to a file beside the folder. With a filter, only
 * some of them: {@link replayFilteredSpool}. Its slots have their turns one after another; those that are in use are left
 * alone.
 *
 * @returns whether nothing is left
 * @throws UsageError if it is no spool, all of it is in use, or it is of nobody
 * @throws SpoolAbandoned if a line that was refused cannot be kept: the process must end at once
 */
export async function replaySpool (path: string, context: ReplayContext): Promise<boolean> {
  const { args, settings, stdout, stderr } = context
  const folders = await spoolFoldersOf(path)
  const target = targetOfSpool(settings.targets, path, args.target)
  if (args.isDryRun) {
    const { tally, filtered } = await surveySpool(await Promise.all(folders.map(async folder => await FilteredSpool.look(folder))), target.name, context)
    stdout.write(`${tally.lines === 0 ? '' : `${tally}\n`}would send ${countOf(tally.lines)}${filtered > 0 ? `; ${countOf(filtered)} left by the filter` : ''}\n`)
    return true
  }
  const replayFolder = args.filters.length > 0 ? replayFilteredSpool : replayWholeFolder
  let isComplete = true
  let used = 0
  for (const [index, folder] of folders.entries()) {
    if (folders.length > 1) stderr.write(`${folder}:\n`)
    try {
      const result = await replayFolder(folder, target, context)
      isComplete &&= result.isComplete
      if (result.verdict === 'holds') continue
      // What the target does not take from this one it would not take from the next.
      const rest = folders.slice(index + 1)
      if (rest.length > 0) stderr.write(`not begun: ${rest.join(', ')}\n`)
      return isComplete && used + rest.length === 0
    } catch (error) {
      if (!(error instanceof InUseError) || ++used === folders.length) throw error
      stderr.write(`${error.message}, and left alone\n`)
    }
  }
  return isComplete && used === 0
}

async function replayWholeFolder (folder: string, target: TargetSettings, context: ReplayContext): Promise<ReplayResult> {
  const { args, settings, stderr, clock, stop } = context
  const refused = refusedFileOf(target, folder)
  const spool = openSpool(target, folder, context)
  const store = createStore(refused.path, refused.maxBytes)
  let total = 0
  const progress = new Progress(stderr, clock, () => {
    const { linesDelivered, linesDeadLettered, queueLines, spoolLines } = lane.snapshot()
    return { total, sent: total - queueLines - spoolLines, delivered: linesDelivered, refused: linesDeadLettered }
  })
  const lane = openReplayLane({
    target,
    levels: settings.levels ?? {},
    clock,
    refused: store.store,
    maxRefusedBytes: refused.maxBytes,
    spool: { settings: spool.settings, create: spool.create },
    onNote: text => progress.note(text),
    onSpoolNews: news => { if (news.kind === 'failed') progress.note(`${folder}: cannot ${news.fault.during}: ${messageOf(news.fault.error)}`) }
  })
  try {
    const hindrance = await spool.opened
    if (hindrance !== undefined) {
      await lane.end(clock.now() + settings.closeTimeoutMs)
      throw hindrance.kind === 'locked' ? new InUseError(folder, hindrance.pid) : new UsageError(`${folder}: cannot be opened: ${messageOf(hindrance.error)}`)
    }
    total = lane.snapshot().linesReceived
    progress.start()
    const patience = new Patience(lane, { clock, timeoutMs: args.timeoutMs, stop })
    const verdict = await Promise.race([store.failed, patience.untilTaken(target.breaker.settleMs)])
    await Promise.race([store.failed, lane.end(clock.now() + settings.closeTimeoutMs)])
    progress.stop()
    const { linesDelivered, linesDeadLettered, linesDropped, spoolLines, lastError } = lane.snapshot()
    const damaged = linesDropped.damaged ?? 0
    // A sink that proves nothing may have told by its end that all has arrived.
    const isDone = spoolLines === 0
    if (!isDone && verdict !== 'stopped') stderr.write(`${target.name}: ${whyLeft(verdict, args.timeoutMs, lastError?.message)}\n`)
    if (linesDeadLettered > 0) stderr.write(`${countOf(linesDeadLettered)} refused: see ${refused.path}\n`)
    if (damaged > 0) stderr.write(`${countOf(damaged)} damaged: see the quarantine in ${folder}\n`)
    stderr.write(`${verdict === 'stopped' && !isDone ? 'stopped: ' : ''}delivered ${linesDelivered} of ${countOf(total)}${linesDeadLettered > 0 ? `, ${linesDeadLettered} refused` : ''}${damaged > 0 ? `, ${damaged} damaged` : ''}; ${isDone ? 'nothing is left' : `${countOf(spoolLines)} left in ${folder}`}\n`)
    return { isComplete: linesDelivered === total, verdict: verdict === 'stalled' && isDone ? 'holds' : verdict }
  } finally {
    progress.stop()
  }
}

/** Where the lines go that are refused: with no file of the target's own, they must not be lost for that. */
function refusedFileOf ({ deadLetter }: TargetSettings, folder: string): { path: string, maxBytes: number } {
  return deadLetter ?? { path: `${folder}.refused.ndjson`, maxBytes: Infinity }
}

interface OpenedSpool {
  settings: NonNullable<TargetSettings['spool']>
  create: (events: SpoolEvents) => Spool
  /** Settles when it is open, or with what hinders it. */
  opened: Promise<Hindrance | undefined>
}

function openSpool ({ name, spool }: TargetSettings, folder: string, { clock }: ReplayContext): OpenedSpool {
  const isFurtherSlot = firstSlotOf(folder) !== folder && basename(firstSlotOf(folder)) === folderNameOf(name)
  const settings: OpenedSpool['settings'] = { ...targetDefaults.spool, ...spool, mode: 'open', folder }
  let settle: (hindrance: Hindrance | undefined) => void
  const opened = new Promise<Hindrance | undefined>(resolve => { settle = resolve })
  return {
    settings,
    opened,
    create: events => new Spool({ ...settings, isDisposable: isFurtherSlot }, { fs: nodeFileSystem, owners: systemOwners, clock, random: Math.random }, {
      ...events,
      onOpened: recovered => {
        events.onOpened(recovered)
        settle(undefined)
      },
      onHindered: hindrance => {
        events.onHindered(hindrance)
        settle(hindrance)
      }
    })
  }
}

/**
 * Dead letters that must be kept. A line whose record could not be written stays on its way for ever, so that the spool
 * does not go past it.
 */
function createStore (path: string, maxBytes: number): { store: DeadLetterStore, failed: Promise<never> } {
  let fail: (error: Error) => void
  const failed = new Promise<never>((_resolve, reject) => { fail = reject })
  // Whoever waits for it has ended when it comes late.
  failed.catch(() => {})
  const file = new DeadLetterFile(path, ({ message }) => fail(new SpoolAbandoned(`${path}: a line that was refused cannot be kept: ${message}`)))
  return {
    failed,
    store: {
      append: async records => {
        const appended = await file.append(records, maxBytes)
        return appended.written === records.length ? appended : await failed
      }
    }
  }
}

function messageOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
