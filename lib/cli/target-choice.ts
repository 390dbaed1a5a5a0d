import { realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { folderNameOf } from '../options/folder-names.js'
import { didYouMean } from '../options/nearest.js'
import type { TargetSettings } from '../options.js'
import { firstSlotOf } from '../spool/slots.js'
import { UsageError } from './command.js'

/** Finds the target of a line by the name of its sink; `undefined` if it is not known. */
export type TargetFinder = (sink: string) => TargetSettings | undefined

/** For dead letters: the target that the user has named, else the one that they were for, else the only one. @throws UsageError */
export function targetFinder (targets: readonly TargetSettings[], name: string | undefined): TargetFinder {
  const named = name === undefined ? undefined : targetNamed(targets, name)
  const only = targets.length === 1 ? targets[0] : undefined
  return sink => named ?? targets.find(target => target.name === sink) ?? only
}

/**
 * For a spool: the target that the user has named, else the one whose spool it is, or would be in another place, else the
 * only one. @throws UsageError if there is none
 */
export function targetOfSpool (targets: readonly TargetSettings[], folder: string, name: string | undefined): TargetSettings {
  if (name !== undefined) return targetNamed(targets, name)
  const found = targets.find(({ spool }) => spool !== undefined && placeOf(spool.folder) === placeOf(folder)) ??
    targets.find(target => folderNameOf(target.name) === basename(firstSlotOf(folder))) ?? (targets.length === 1 ? targets[0] : undefined)
  if (found === undefined) throw new UsageError(`${folder}: is the spool of no target of the config; choose one with --target: ${namesOf(targets)}`)
  return found
}

/** The names of targets, for a message. */
export function namesOf (targets: readonly TargetSettings[]): string {
  return targets.map(({ name }) => name).join(', ')
}

function targetNamed (targets: readonly TargetSettings[], name: string): TargetSettings {
  const target = targets.find(target => target.name === name)
  if (target === undefined) throw new UsageError(`--target ${name}: there is no such target, expected one of ${namesOf(targets)}${didYouMean(name, targets.map(({ name }) => name))}`)
  return target
}

/** The real path of the first slot of a spool, without symbolic links. */
function placeOf (folder: string): string {
  try {
    return join(realpathSync(dirname(folder)), basename(firstSlotOf(folder)))
  } catch {
    return firstSlotOf(folder)
  }
}
