import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { serializeError } from '../errors.js'
import { isCursorName } from '../spool/cursor.js'
import { ownerOf } from '../spool/lock.js'
import { nodeFileSystem } from '../spool/node-file-system.js'
import { systemOwners } from '../spool/owner.js'
import { segmentNameOf, segmentNumberOf } from '../spool/segment.js'
import { firstSlotOf, Slots } from '../spool/slots.js'
import { checkTrustedFolder, checkTrustedParent } from '../trusted-files.js'
import { UsageError } from './command.js'

/** A live process uses a spool. */
export class InUseError extends UsageError {}

/**
 * The folders of a spool: all its slots if this is the first one, else that slot alone.
 *
 * @throws UsageError if it is no spool, naming the spools in it, or if others can have put something into it
 */
export async function spoolFoldersOf (folder: string): Promise<string[]> {
  const slots = new Slots(nodeFileSystem, folder, systemOwners)
  const found: string[] = []
  for (const path of (await slots.list()).map(slot => slots.folderOf(slot))) {
    await checkTrust(path)
    if (await isSpoolFolder(path)) found.push(path)
  }
  if (found.length > 0) return found
  const folders = (await readdir(folder, { withFileTypes: true })).filter(entry => entry.isDirectory()).map(({ name }) => join(folder, name))
  const inner = new Set<string>()
  for (const path of folders) if (await isSpoolFolder(path)) inner.add(firstSlotOf(path))
  throw new UsageError(inner.size > 0
    ? `${folder}: has the spools of several targets, expected one of ${[...inner].sort().join(', ')}`
    : `${folder}: is no spool folder, expected one that has segments (${segmentNameOf(1)}, ...)`)
}

async function checkTrust (folder: string): Promise<void> {
  try {
    await checkTrustedParent(dirname(folder))
    await checkTrustedFolder(folder)
  } catch (error) {
    throw new UsageError(serializeError(error).message, { cause: error })
  }
}

async function isSpoolFolder (path: string): Promise<boolean> {
  return (await readdir(path)).some(name => segmentNumberOf(name) !== undefined || isCursorName(name) || ownerOf(name) !== undefined)
}
