import { basename } from 'node:path'
import { DeadLetterFile } from '../dead-letters/dead-letter-file.js'
import { serializeError } from '../errors.js'
import { targetDefaults } from '../options/defaults.js'
import { folderNameOf } from '../options/folder-names.js'
import type { TargetSettings } from '../options.js'
import { nodeFileSystem } from '../spool/node-file-system.js'
import { systemOwners } from '../spool/owner.js'
import { firstSlotOf } from '../spool/slots.js'
import { Spool } from '../spool/spool.js'
import type { Hindrance, SpoolEvents } from '../spool/spool-events.js'
import { UsageError } from './command.js'
import { FilteredSpool, type Change } from './filtered-spool.js'
import { startProgress, type Progress } from './progress.js'
import type { ReplayContext } from './replay-context.js'
import { countsOf, createTaken, createWait, startReplayLane, type Verdict } from './replay-lane.js'
import { sendLines, surveyLines, type KeptLine } from './send-lines.js'
import { InUseError, spoolFoldersOf } from './spool-folders.js'
import { countOf, writeSummary, writeSurvey, type Survey, type TargetResult } from './summary.js'
import { targetOfSpool } from './target-choice.js'

type FolderResult = ReturnType<typeof writeSummary>

/**
 * Sends the lines of a spool to its target, one slot after another. Slots that are in use are skipped.
 *
 * @returns true if no line is left that was to be sent
 * @throws UsageError if the path is no spool, if the spool belongs to no target, or if all slots are in use
 */
export async function replaySpool (path: string, context: ReplayContext): Promise<boolean> {
  const { settings, targetName, isDryRun, isFiltered, stderr } = context
  const folders = await spoolFoldersOf(path)
  const target = targetOfSpool(settings.targets, path, targetName)
  if (isDryRun) {
    writeSurvey(await surveyLines(linesOf(folders), () => target, context), context)
    return true
  }
  const replayFolder = isFiltered ? replayFilteredFolder : replayWholeFolder
  let isComplete = true
  let used = 0
  for (const [index, folder] of folders.entries()) {
    if (folders.length > 1) stderr.write(`${folder}:\n`)
    try {
      const result = await replayFolder(folder, target, context)
      isComplete &&= result.isComplete
      if (!result.isOver) continue
      const rest = folders.slice(index + 1)
      if (rest.length > 0) stderr.write(`not started: ${rest.join(', ')}\n`)
      return isComplete && used + rest.length === 0
    } catch (error) {
      if (!(error instanceof InUseError) || ++used === folders.length) throw error
      stderr.write(`${error.message}, and is skipped\n`)
    }
  }
  return isComplete && used === 0
}

/** The lines of several folders, which may be in use. */
async function * linesOf (folders: readonly string[]): AsyncGenerator<KeptLine> {
  for (const folder of folders) yield * (await FilteredSpool.open(folder, { isReadOnly: true })).lines()
}

/**
 * Sends the lines that the filter selects, in order, and removes delivered lines from the spool. All other lines stay,
 * refused ones too: unlike in a replay of the whole spool, a line can stay although later ones are removed.
 */
async function replayFilteredFolder (folder: string, target: TargetSettings, context: ReplayContext): Promise<FolderResult> {
  const spool = await FilteredSpool.open(folder)
  let survey: Survey
  let results: TargetResult[]
  let stuck: Change[] = []
  try {
    survey = await surveyLines(spool.lines(), () => target, context)
    spool.rewind()
    results = await sendLines(spool, () => target, survey, context)
  } finally {
    stuck = await spool.close()
  }
  if (survey.tally.lines === 0) {
    writeSurvey(survey, context)
    return { isComplete: true, isOver: false }
  }
  const notes = stuck.map(({ name, lines, error }) => `${folder}: ${name} cannot be rewritten: ${serializeError(error).message}; ${countOf(lines)} that arrived will be sent again`)
  const undelivered = results.reduce((sum, { total, delivered }) => sum + total - delivered, survey.filtered)
  const left = stuck.reduce((sum, { lines }) => sum + lines, undelivered)
  const { isComplete, isOver } = writeSummary(results, { path: folder, left, notes }, context)
  return { isComplete: isComplete && stuck.length === 0, isOver }
}

/**
 * Sends all lines of a folder, in order, as the lane of its target would. Refused lines go to the dead letters of the target,
 * or to a file beside the folder.
 *
 * @throws Error if a refused line cannot be kept. End the process at once then: the lane would lose the line if it ended.
 */
async function replayWholeFolder (folder: string, target: TargetSettings, context: ReplayContext): Promise<FolderResult> {
  const { path, maxBytes } = target.deadLetter ?? { path: `${folder}.refused.ndjson`, maxBytes: Infinity }
  let fail: (error: Error) => void
  const failed = new Promise<never>((_resolve, reject) => { fail = reject })
  // A failure may come when nobody waits for it any more.
  failed.catch(() => {})
  const file = new DeadLetterFile(path, ({ message }) => fail(new Error(`${path}: a line that was refused cannot be kept: ${message}`)))
  const append: DeadLetterFile['append'] = async (records, maxBytes) => {
    const appended = await file.append(records, maxBytes)
    // A line without a record stays pending, so that the cursor of the spool stays before it.
    return appended.written === records.length ? appended : await new Promise(() => {})
  }
  const spool = createSpoolMaker(folder, target, context)
  let total = 0
  const progress: Progress = startProgress(context, () => countsOf(lane, total))
  const lane = startReplayLane(target, context, text => progress.note(text), { maxBytes, append }, spool.create)
  const end = async (): Promise<void> => await lane.end(context.clock.now() + context.settings.closeTimeoutMs)
  let verdict: Verdict
  try {
    const hindrance = await spool.opened
    if (hindrance !== undefined) {
      await end()
      throw hindrance.kind === 'locked' ? new InUseError(`${folder}: is in use by process ${hindrance.pid}`) : new UsageError(`${folder}: cannot be opened: ${serializeError(hindrance.error).message}`)
    }
    total = lane.snapshot().linesReceived
    verdict = await Promise.race([failed, createWait(lane, context)(createTaken(lane, target.breaker.settleMs, context))])
    await Promise.race([failed, end()])
  } finally {
    progress.stop()
  }
  const { spoolLines: left, lastError } = lane.snapshot()
  return writeSummary([{ ...countsOf(lane, total), name: target.name, verdict, refusal: `see ${path}`, lastError: lastError?.message }], { path: folder, left }, context)
}

/** Creates the spool of a folder for a lane, and tells when it is open, or what prevents that. */
function createSpoolMaker (folder: string, { name, spool }: TargetSettings, { clock }: ReplayContext) {
  const first = firstSlotOf(folder)
  const settings = { ...targetDefaults.spool, ...spool, folder, isDisposable: first !== folder && basename(first) === folderNameOf(name) }
  let settle: (hindrance: Hindrance | void) => void
  const opened = new Promise<Hindrance | void>(resolve => { settle = resolve })
  const create = (events: SpoolEvents): Spool => new Spool(settings, { fs: nodeFileSystem, owners: systemOwners, clock, random: Math.random }, {
    ...events,
    onOpened: recovered => settle(events.onOpened(recovered)),
    onHindered: hindrance => {
      events.onHindered(hindrance)
      settle(hindrance)
    }
  })
  return { create, opened }
}
