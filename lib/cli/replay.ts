import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { workingFolderOf } from '../dead-letter-file.js'
import { LevelNames } from '../levels.js'
import type { ReplayArguments } from './arguments.js'
import { loadConfig } from './config.js'
import { replayDeadLetters } from './dead-letter-replay.js'
import { parseFilter } from './filter.js'
import type { Outside, ReplayContext } from './replay-context.js'
import { nodeFileSystem } from '../spool/node-file-system.js'
import { systemOwners } from '../spool/owner.js'
import { Slots } from '../spool/slots.js'
import { replaySpool } from './spool-replay.js'
import { UsageError } from './usage-error.js'

/**
 * Sends lines that were kept.
 *
 * @returns whether all that was to be sent has been delivered
 * @throws UsageError if the call cannot be carried out
 */
export async function replay (args: ReplayArguments, outside: Outside): Promise<boolean> {
  const settings = await loadConfig(args.config)
  for (const warning of settings.warnings) outside.stderr.write(`${warning}\n`)
  const levels = new LevelNames(settings.levels ?? {})
  const context: ReplayContext = { ...outside, args, settings, format: { levelKey: settings.levelKey, levels }, filter: parseFilter(args.filters, levels) }
  const path = resolve(args.path)
  return await kindOf(path, args.path) === 'spool' ? await replaySpool(path, context) : await replayDeadLetters(path, context)
}

async function kindOf (path: string, given: string): Promise<'spool' | 'dead letters'> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory() === true) {
    if (path.endsWith(workingFolderOf(''))) throw new UsageError(`${given}: has what a run has left of ${given.slice(0, -workingFolderOf('').length)}: give that path, whether there is a file or not`)
    return 'spool'
  }
  // The first slot may be gone, and others be left.
  if (found === undefined && (await new Slots(nodeFileSystem, path, systemOwners).list()).length > 0) return 'spool'
  if (found?.isFile() === true || await stat(workingFolderOf(path)).then(() => true, () => false)) return 'dead letters'
  throw new UsageError(`${given}: ${found === undefined ? 'there is no such file or folder' : 'is neither a file nor a folder'}, expected a dead-letter file or the spool folder of a target`)
}
