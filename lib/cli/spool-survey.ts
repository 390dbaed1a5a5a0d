import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ownerOf } from '../spool/lock.js'
import { nodeFileSystem } from '../spool/node-file-system.js'
import { systemOwners } from '../spool/owner.js'
import { segmentNameOf, segmentNumberOf } from '../spool/segment.js'
import { firstSlotOf, Slots } from '../spool/slots.js'
import { checkTrustedFolder, checkTrustedParent } from '../trusted-files.js'
import type { FilteredSpool } from './filtered-spool.js'
import { factsOf } from './line-facts.js'
import type { ReplayContext } from './replay-context.js'
import { Tally } from './tally.js'
import { UsageError } from './usage-error.js'

/** What waits in a spool. */
export interface SpoolSurvey {
  tally: Tally
  /** Lines that the filter does not let through. */
  filtered: number
}

/**
 * The folders of a spool: all its slots, if this is the first one, else that slot alone.
 *
 * @throws UsageError if it is no spool, naming those that are in it, or if others may have put something into it
 */
export async function spoolFoldersOf (folder: string): Promise<string[]> {
  const slots = new Slots(nodeFileSystem, folder, systemOwners)
  const found: string[] = []
  for (const path of (await slots.list()).map(slot => slots.folderOf(slot))) {
    await checkTrust(path)
    if ((await readdir(path)).some(isOfSpool)) found.push(path)
  }
  if (found.length > 0) return found
  const entries = await readdir(folder, { withFileTypes: true })
  const inner: string[] = []
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && (await readdir(path)).some(isOfSpool)) inner.push(firstSlotOf(path))
  }
  throw new UsageError(inner.length > 0
    ? `${folder}: has the spools of several targets, expected one of ${[...new Set(inner)].sort().join(', ')}`
    : `${folder}: is no spool folder, expected one that has segments (${segmentNameOf(1)}, ...)`)
}

/** Counts what waits in the folders of a spool. */
export async function surveySpool (spools: readonly FilteredSpool[], target: string, { format, filter }: ReplayContext): Promise<SpoolSurvey> {
  const survey: SpoolSurvey = { tally: new Tally(format.levels), filtered: 0 }
  for (const spool of spools) {
    for await (const { text } of spool.lines()) {
      const facts = factsOf(text, format)
      if (filter(facts)) survey.tally.add(target, facts)
      else survey.filtered++
    }
    spool.rewind()
  }
  return survey
}

async function checkTrust (folder: string): Promise<void> {
  try {
    await checkTrustedParent(dirname(folder))
    await checkTrustedFolder(folder)
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function isOfSpool (name: string): boolean {
  return segmentNumberOf(name) !== undefined || name === 'cursor.json' || ownerOf(name) !== undefined
}
