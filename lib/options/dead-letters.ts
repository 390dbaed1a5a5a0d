import { resolve } from 'node:path'
import { targetDefaults } from './defaults.js'
import type { Draft } from './draft.js'
import type { Faults } from './faults.js'
import type { DeadLetterOptions } from './types.js'

/** The complete option `deadLetter`; its path is absolute. */
export type DeadLetterSettings = Required<DeadLetterOptions>

/** The dead-letter settings of each target. A file without a path is a fault. */
export function settleDeadLetters (draft: Draft, cwd: string, faults: Faults): Array<DeadLetterSettings | undefined> {
  return draft.targets.map((target, index) => {
    const path = draft.pathOf('deadLetter', index)
    const given = { ...draft.topLevel.deadLetter, ...target?.deadLetter }
    if ((target?.deadLetter ?? draft.topLevel.deadLetter) === undefined || faults.concern(path)) return undefined
    if (given.path === undefined) {
      // A variable may set the size of a file that a target does not have.
      if (draft.placeOf(`${path}.maxBytes`) === `${path}.maxBytes`) faults.add(`${path}.path`, 'expected a non-empty string, got nothing')
      return undefined
    }
    return { path: resolve(cwd, given.path), maxBytes: given.maxBytes ?? targetDefaults.deadLetter.maxBytes }
  })
}
