import { join } from 'node:path'
import { CursorFile } from '../spool/cursor.js'
import type { FileSystem } from '../spool/file-system.js'
import { startOf } from '../spool/recovery.js'
import { segmentNameOf, segmentNumberOf } from '../spool/segment.js'
import { linesOf } from './lines.js'

/** A segment of a spool. */
export interface SegmentPlace {
  readonly number: number
  readonly path: string
  /** Everything before this has been delivered. */
  readonly from: number
  /** Whether it is the last one: what stands behind its last newline was being written, and is no line. */
  readonly isLast: boolean
}

/** What is in the folder of a spool. */
export interface SpoolContent {
  /** Those in which something may wait, oldest first. */
  segments: SegmentPlace[]
  /** The paths of those that have been delivered, and were not removed. */
  delivered: string[]
  /** Whether there is a cursor that tells nothing. */
  isCursorDamaged: boolean
}

/** A line of a segment, and its place. */
export interface SegmentLine {
  /** Without its newline. */
  readonly bytes: Buffer
  readonly from: number
  /** Behind its newline, which the last line may lack. */
  readonly to: number
}

/** Finds out what the spool would send that is opened on this folder. */
export async function contentOf (fs: FileSystem, folder: string): Promise<SpoolContent> {
  const numbers = (await fs.list(folder)).flatMap(name => segmentNumberOf(name) ?? []).sort((a, b) => a - b)
  const reading = await new CursorFile(fs, folder).read()
  const start = reading.kind === 'found' ? await startOf(fs, folder, reading.position, numbers) : undefined
  const pathOf = (number: number): string => join(folder, segmentNameOf(number))
  return {
    segments: numbers.filter(number => start === undefined || number >= start.segment).map(number => ({
      number,
      path: pathOf(number),
      from: number === start?.segment ? start.offset : 0,
      isLast: number === numbers.at(-1)
    })),
    delivered: numbers.filter(number => start !== undefined && number < start.segment).map(pathOf),
    isCursorDamaged: start === undefined && reading.kind !== 'missing'
  }
}

/** The lines of a segment that were not delivered, in order, as the bytes that they are. */
export async function * linesIn (fs: FileSystem, { path, from, isLast }: SegmentPlace): AsyncGenerator<SegmentLine> {
  const file = await fs.open(path, 'read')
  try {
    const size = await file.size()
    let at = from
    for await (const bytes of linesOf(file, from)) {
      const to = at + bytes.length + 1
      if (to > size && isLast) return
      yield { bytes, from: at, to }
      at = to
    }
  } finally {
    await file.close()
  }
}
