import { realpathSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { folderNameOf } from '../options/folder-names.js'
import { firstSlotOf } from '../spool/slots.js'
import { didYouMean } from '../options/nearest.js'
import type { TargetSettings } from '../options.js'
import { UsageError } from './usage-error.js'

/** Finds the target of a dead letter by the name of its sink; `undefined` if it is not known which. */
export type TargetFinder = (sink: string) => TargetSettings | undefined

/**
 * For dead letters: the target that the user has named, or else the one that they were for, or the only one there is.
 *
 * @throws UsageError if there is no target of this name
 */
export function targetFinder (targets: readonly TargetSettings[], name: string | undefined): TargetFinder {
  const named = name === undefined ? undefined : targetNamed(targets, name)
  const only = targets.length === 1 ? targets[0] : undefined
  return sink => named ?? targets.find(target => target.name === sink) ?? only
}

/**
 * For a spool folder: the target that the user has named, or else the one whose spool it is, or would be if it stood
 * elsewhere, or the only one there is.
 *
 * @throws UsageError if there is no such target, or more than one
 */
export function targetOfSpool (targets: readonly TargetSettings[], folder: string, name: string | undefined): TargetSettings {
  if (name !== undefined) return targetNamed(targets, name)
  const [only] = targets.length === 1 ? targets : []
  const found = targets.find(({ spool }) => spool !== undefined && isSpoolOf(spool.folder, folder)) ??
    targets.find(target => folderNameOf(target.name) === basename(firstSlotOf(folder))) ?? only
  if (found === undefined) throw new UsageError(`${folder}: is the spool of no target of the config; choose one with --target: ${namesOf(targets)}`)
  return found
}

/** The names of targets, as they stand in a message. */
export function namesOf (targets: readonly TargetSettings[]): string {
  return targets.map(({ name }) => name).join(', ')
}

function targetNamed (targets: readonly TargetSettings[], name: string): TargetSettings {
  const target = targets.find(target => target.name === name)
  if (target === undefined) throw new UsageError(`--target ${name}: there is no such target, expected one of ${namesOf(targets)}${didYouMean(name, targets.map(({ name }) => name))}`)
  return target
}

/** Whether a folder is the spool of a target, or one of its slots. */
function isSpoolOf (first: string, folder: string): boolean {
  return realPathOf(first) === realPathOf(folder) || (realPathOf(dirname(first)) === realPathOf(dirname(folder)) && basename(first) === basename(firstSlotOf(folder)))
}

function realPathOf (path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
