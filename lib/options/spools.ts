import { join, resolve } from 'node:path'
import { targetDefaults } from './defaults.js'
import type { Draft } from './draft.js'
import type { OpenPolicy } from './fallbacks.js'
import type { Faults } from './faults.js'
import { folderNameOf } from './folder-names.js'
import type { SpoolOptions, TargetPolicy } from './types.js'

/** The complete option `spool` of one target. */
export interface SpoolSettings extends Omit<Required<SpoolOptions>, 'dir'> {
  /** The target's own folder, as an absolute path. */
  folder: string
}

/** The spool of each target that has one. A spool without a folder, without a use, or in the folder of another is a fault. */
export function settleSpools (draft: Draft, policies: readonly OpenPolicy[], names: readonly string[], cwd: string, faults: Faults): Array<SpoolSettings | undefined> {
  const spools = policies.map(({ whenOpen }, index) => {
    const own: TargetPolicy = draft.targets[index] ?? {}
    const at = draft.pathOf('spool', index)
    if (faults.concern(at) || faults.concern(draft.pathOf('whenOpen', index))) return undefined
    if (whenOpen !== 'spool') {
      // An operator who turns it off with a variable for a while need not touch the spool.
      if (own.spool?.dir !== undefined && !draft.isFromEnvironment('whenOpen', index)) faults.add(at, `is used only with whenOpen "spool", which is "${whenOpen}" here`)
      return undefined
    }
    const { dir, ...given } = { ...targetDefaults.spool, ...draft.topLevel.spool, ...own.spool }
    if (dir === undefined) {
      faults.add(draft.pathOf('whenOpen', index), '"spool" needs spool.dir, the folder in which lines are kept')
      return undefined
    }
    return { folder: join(resolve(cwd, dir), folderNameOf(names[index] ?? '')), ...given }
  })
  checkTopLevelUse(draft, policies, faults)
  checkClashes(spools, draft, names, faults)
  return spools
}

function checkTopLevelUse (draft: Draft, policies: readonly OpenPolicy[], faults: Faults): void {
  if (draft.topLevel.spool?.dir === undefined || faults.concern('whenOpen')) return
  const used = policies.some(({ whenOpen }, index) => whenOpen === 'spool' || draft.isFromEnvironment('whenOpen', index) || faults.concern(draft.pathOf('whenOpen', index)))
  if (!used) faults.add(draft.pathOf('spool'), 'is used only with whenOpen "spool", which no target has')
}

/** Compares without upper and lower case, as some disks do. */
function checkClashes (spools: ReadonlyArray<SpoolSettings | undefined>, draft: Draft, names: readonly string[], faults: Faults): void {
  const owners = new Map<string, number>()
  for (const [index, spool] of spools.entries()) {
    if (spool === undefined) continue
    const owner = owners.get(spool.folder.toLowerCase())
    if (owner === undefined) owners.set(spool.folder.toLowerCase(), index)
    else faults.add(draft.placeOf(`targets[${index}].name`), `"${names[index]}" would have the spool of "${names[owner]}", ${spool.folder}; choose another name`)
  }
}
