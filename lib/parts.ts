import type { TargetSettings } from './options.js'

/** What only some targets need. Each part is a file of its own, since an app waits for all that is loaded before its first line. */
interface Parts {
  /** For targets with a spool or a dead-letter file. */
  disk: typeof import('./disk.js')
  /** For targets in a thread or a process of their own. */
  apart: typeof import('./child/apart.js')
}

const loaded: Partial<Parts> = {}

/** Loads the parts that these targets need. Call it before their lanes are made. */
export async function loadParts (targets: readonly TargetSettings[]): Promise<void> {
  if (targets.some(({ spool, deadLetter }) => spool !== undefined || deadLetter !== undefined)) loaded.disk ??= await import('./disk.js')
  if (targets.some(({ isolation }) => isolation !== 'inline')) loaded.apart ??= await import('./child/apart.js')
}

/** A part that is loaded. */
export function part<Name extends keyof Parts> (name: Name): Parts[Name] {
  const found = loaded[name]
  if (found === undefined) throw new TypeError(`the part "${name}" is not loaded`)
  return found as Parts[Name]
}
