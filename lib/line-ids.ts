import { numberOf, type Lines } from './batch.js'
import type { Clock } from './clock.js'

const NEWLINE = 10

/**
 * The first part of the ids of lines that are only in memory. It is random too: containers that start in the same millisecond all have
 * a process 1, and a backend that removes duplicates would take the lines of one for those of another.
 */
export function createLife (clock: Pick<Clock, 'wallTime'>, random: () => number): string {
  return `${clock.wallTime().toString(36)}-${process.pid.toString(36)}-${Math.floor(random() * 2 ** 40).toString(36)}`
}

/** Ids of lines that follow one another: `<prefix>:<at>` for the first of them. */
export interface IdRun {
  /** The life of the lane, or the spool and its segment. */
  readonly prefix: string
  /** The number of the first line, or the offset of its first byte in the segment. */
  readonly at: number
  readonly count: number
  /** `'line'`: each line has the next number. `'byte'`: each line has the offset at which it begins. */
  readonly unit: 'line' | 'byte'
}

/** The ids of the lines of a batch, in a form that crosses threads and costs nothing for each line. */
export interface LineIds {
  /** The id of the first line. The batch has the same. */
  readonly id: string
  /** `undefined` if the lines have the numbers that follow one another from that of the batch. */
  readonly runs?: readonly IdRun[] | undefined
}

/** Lines of a spool that follow one another in a segment. */
export interface OriginalLines {
  readonly firstLine: number
  readonly count: number
  /** The id of the line at this place among them, and whether it is an offset; or the number that the line had before it was written. */
  idAt (place: number): { former: number } | { id: string }
}

/**
 * The ids of lines. A line keeps its id when it is sent again, by whatever batch; a line of a spool also when another process
 * sends it.
 *
 * @param originOf - Finds the lines of the spool among which a line is; `undefined` for a line that has only its number
 */
export function lineIdsOf (lines: Lines, life: string, originOf: (line: number) => OriginalLines | undefined): LineIds {
  const runs: IdRun[] = []
  for (let place = 0; place < lines.count; place += (runs.at(-1) as IdRun).count) runs.push(runFrom(lines, place, life, originOf))
  const [{ prefix, at, unit }] = runs as [IdRun]
  return { id: `${prefix}:${at}`, ...(runs.length > 1 || unit === 'byte') && { runs } }
}

/** The longest run of ids from this place on. */
function runFrom (lines: Lines, place: number, life: string, originOf: (line: number) => OriginalLines | undefined): IdRun {
  const first = numberOf(lines, place)
  const origin = originOf(first)
  const left = Math.min(lines.count - place, origin === undefined ? Infinity : origin.firstLine + origin.count - first)
  if (origin === undefined) return { prefix: life, at: first, count: countConsecutive(left, n => numberOf(lines, place + n), lines.numbers === undefined), unit: 'line' }

  const idAt = (n: number): ReturnType<OriginalLines['idAt']> => origin.idAt(numberOf(lines, place + n) - origin.firstLine)
  const own = idAt(0)
  if ('former' in own) return { prefix: life, at: own.former, count: countConsecutive(left, n => (idAt(n) as { former: number }).former, false), unit: 'line' }
  const colon = own.id.lastIndexOf(':')
  return { prefix: own.id.slice(0, colon), at: Number(own.id.slice(colon + 1)), count: countConsecutive(left, n => numberOf(lines, place + n), lines.numbers === undefined), unit: 'byte' }
}

/** How many of the first numbers follow one another. */
function countConsecutive (count: number, numberAt: (place: number) => number, areAll: boolean): number {
  if (areAll) return count
  let n = 1
  while (n < count && numberAt(n) === numberAt(n - 1) + 1) n++
  return n
}

/** The id of each line of a batch with these bytes. */
export function idOfEach ({ id, runs }: LineIds, bytes: Buffer, count: number): string[] {
  const ids: string[] = []
  let at = 0
  for (const run of runs ?? [simpleRun(id, count)]) {
    const start = at
    for (let n = 0; n < run.count; n++) {
      ids.push(`${run.prefix}:${run.at + (run.unit === 'line' ? n : at - start)}`)
      at = bytes.indexOf(NEWLINE, at) + 1
    }
  }
  return ids
}

function simpleRun (id: string, count: number): IdRun {
  const colon = id.lastIndexOf(':')
  return { prefix: id.slice(0, colon), at: Number(id.slice(colon + 1)), count, unit: 'line' }
}
