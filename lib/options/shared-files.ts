import { realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { keyOfPath } from '../paths.js'
import type { DeadLetterSettings } from './dead-letters.js'
import type { Draft } from './draft.js'
import type { Faults } from './faults.js'
import type { TargetSource } from './settings.js'
import type { SpoolSettings } from './spools.js'

/** A file that a target `pino/file` writes to. */
interface Destination {
  index: number
  path: string
  /** The path of the file, or the number of its descriptor. */
  file: string | number
  appends: boolean
}

/** The files of the targets, each list in the order of the targets. */
export interface TargetFiles {
  sources: ReadonlyArray<TargetSource | undefined>
  deadLetters: ReadonlyArray<DeadLetterSettings | undefined>
  spools: ReadonlyArray<SpoolSettings | undefined>
}

const STDOUT = 1
const DESCRIPTOR_PATHS: Readonly<Record<string, number>> = { '/dev/stdout': 1, '/dev/stderr': 2, '/proc/self/fd/1': 1, '/proc/self/fd/2': 2 }

/**
 * Finds files that two options name. Targets that write over each other are faults, and so are dead letters in a log or
 * in a spool. Targets that write the same lines to one file are worth a warning.
 *
 * @returns the warnings, each a sentence with its path
 */
export function checkSharedFiles (draft: Draft, { sources, deadLetters, spools }: TargetFiles, cwd: string, faults: Faults): string[] {
  const destinations = sources.flatMap((source, index) => destinationsOf(source, index, cwd))
  for (const [index, letters] of deadLetters.entries()) {
    if (letters === undefined) continue
    const at = `${draft.pathOf('deadLetter', index)}.path`
    const file = realPathOf(letters.path)
    const log = destinations.find(destination => destination.file === file)
    if (log !== undefined) faults.add(at, `is the file that ${log.path} logs to; dead letters need a file of their own`)
    const spool = spools.findIndex(spool => spool !== undefined && (realPathOf(spool.folder) === file || realPathOf(dirname(spool.folder)) === file))
    if (spool !== -1) faults.add(at, `is the folder of ${draft.pathOf('spool', spool)}; dead letters need a file of their own`)
  }
  return destinations.flatMap((destination, n) => {
    const other = destinations.slice(0, n).find(({ file }) => file === destination.file)
    if (other === undefined) return []
    if (!destination.appends || !other.appends) {
      const overwriting = destination.appends ? other : destination
      faults.add(`${overwriting.path}.append`, `expected true, since targets[${overwriting === other ? destination.index : other.index}] writes to the same file, got false`)
      return []
    }
    if (!takeTheSame(draft, other.index, destination.index)) return []
    return [`${destination.path} is the same file as that of targets[${other.index}]: lines that both take come twice`]
  })
}

function destinationsOf (source: TargetSource | undefined, index: number, cwd: string): Destination[] {
  if (source === undefined) return []
  const entries = source.kind === 'target' ? [{ entry: source.entry, path: `targets[${index}].options` }] : source.entries.map((entry, step) => ({ entry, path: `targets[${index}].pipeline[${step}].options` }))
  return entries.filter(({ entry }) => entry.isPinoFile).map(({ entry, path }) => {
    const { destination, append = true } = (typeof entry.options === 'object' ? entry.options ?? {} : {}) as { destination?: unknown, append?: unknown }
    return { index, path, file: fileOf(destination, cwd), appends: Boolean(append) }
  })
}

/** Reads a destination as pino does: nothing is stdout, and a text that is a number is a descriptor. */
function fileOf (destination: unknown, cwd: string): string | number {
  const given = destination || STDOUT
  if (typeof given === 'number') return given
  const text = String(given)
  if (Number.isFinite(Number(text))) return Number(text)
  return DESCRIPTOR_PATHS[text] ?? realPathOf(resolve(cwd, text))
}

/** Tells whether two targets can get the same line. A standby gets only lines that others could not take; with `dedupe` targets of different levels share no line. */
function takeTheSame (draft: Draft, one: number, other: number): boolean {
  const [a, b] = [draft.targets[one], draft.targets[other]]
  if (a?.standby === true || b?.standby === true) return false
  const levelOf = (target: typeof a): unknown => target?.level ?? draft.topLevel.level
  return draft.topLevel.dedupe !== true || levelOf(a) === levelOf(b)
}

/** Tells the same file by all its spellings. It may not exist yet, in a folder that a link leads to. */
function realPathOf (path: string): string {
  return keyOfPath(linklessPathOf(path))
}

function linklessPathOf (path: string): string {
  try {
    return realpathSync(path)
  } catch {
    try {
      return join(realpathSync(dirname(path)), basename(path))
    } catch {
      return path
    }
  }
}
