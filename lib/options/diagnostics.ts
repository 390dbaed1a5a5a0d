import { fanoutDefaults } from './defaults.js'
import type { Draft } from './draft.js'
import type { Faults } from './faults.js'
import { didYouMean } from './nearest.js'
import type { FanoutSettings } from './settings.js'

/** The complete option `diagnostics`. A target that does not exist is a fault. */
export function settleDiagnostics (draft: Draft, names: readonly string[], faults: Faults): FanoutSettings['diagnostics'] {
  if (draft.topLevel.diagnostics === false) return false
  const diagnostics = { ...fanoutDefaults.diagnostics, ...draft.topLevel.diagnostics }
  if (typeof diagnostics.to === 'string' || faults.concern(draft.placeOf('diagnostics.to'))) return diagnostics
  for (const [index, name] of diagnostics.to.entries()) {
    if (names.includes(name)) continue
    faults.add(`${draft.placeOf('diagnostics.to')}[${index}]`, `there is no target "${name}"${didYouMean(name, names)}`)
  }
  return diagnostics
}
