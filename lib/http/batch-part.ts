import { createHash } from 'node:crypto'
import { countLines, type Lines } from '../batch.js'
import type { SinkBatch } from '../child/delivery.js'

const NEWLINE = 10
const CARRIAGE_RETURN = 13

/** Some lines of a batch, by their indexes in it. */
export interface PartOfLines {
  /** The index in the batch of the first line. */
  readonly first: number
  readonly count: number
  /** The index in the batch of each line; missing if the lines follow one another. */
  readonly places?: readonly number[]
}

/** Lines of a batch that go into one request. */
export interface BatchPart extends PartOfLines, Pick<Lines, 'bytes'> {
  readonly batch: Pick<SinkBatch, 'id' | 'lineIds'>
}

/** A whole batch as a part. */
export function wholeOf (batch: SinkBatch): BatchPart {
  return { batch, first: 0, count: batch.count, bytes: batch.buffer }
}

/**
 * A key that only these lines have. The batch id alone is not enough: the rest of a batch that is sent again may have the
 * same id.
 */
export function keyOf ({ batch, first, bytes }: BatchPart): string {
  return `${batch.id}/${first}/${fingerprintOf(bytes)}`
}

/** 96 bits of the SHA-256. */
function fingerprintOf (bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64url').slice(0, 16)
}

/** The lines of a part, without their newlines. */
export function linesOf ({ bytes }: BatchPart): string[] {
  const lines: string[] = []
  // One text of more than 100 KB, which V8 allocates apart, would take several times as long.
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, start)
    const end = newline < 0 ? bytes.length : newline
    // As of `crlf: true`.
    lines.push(bytes.toString('utf8', start, end > start && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end))
    start = end + 1
  }
  return lines
}

/** The index in the batch of the line at a place in the part. */
export function placeOf ({ first, places }: PartOfLines, place: number): number {
  return places?.[place] ?? first + place
}

/** The indexes in the batch of all lines of a part. */
export function indexesOf (part: PartOfLines): number[] {
  return Array.from({ length: part.count }, (_, place) => placeOf(part, place))
}

/** Selects lines of a part by their places in it, in ascending order. */
export function pickPart (part: BatchPart, picked: readonly number[]): BatchPart {
  const lines = linesOf(part)
  const places = picked.map(place => placeOf(part, place))
  return { batch: part.batch, first: places[0] as number, places, count: picked.length, bytes: Buffer.from(picked.map(place => `${lines[place]}\n`).join('')) }
}

/** Cuts a part into parts of at most `maxBytes` bytes. A longer line is a part of its own. */
export function cutPart (part: BatchPart, maxBytes: number): BatchPart[] {
  const { bytes, count } = part
  if (count === 1 || bytes.length <= maxBytes) return [part]
  const ends: number[] = []
  for (let start = 0; start < bytes.length; start = ends.at(-1) as number) {
    if (bytes.length - start <= maxBytes) {
      ends.push(bytes.length)
    } else {
      const end = bytes.lastIndexOf(NEWLINE, start + maxBytes - 1) + 1
      ends.push(end > start ? end : bytes.indexOf(NEWLINE, start) + 1)
    }
  }
  return piecesOf(part, ends)
}

/** Divides a part into `count` parts of about the same length, or fewer if it has fewer lines. */
export function divide (part: BatchPart, count: number): BatchPart[] {
  const { bytes } = part
  if (count === 1) return [part]
  const ends: number[] = []
  for (let start = 0; start < bytes.length; start = ends.at(-1) as number) {
    const goal = Math.max(start, Math.round(bytes.length * (ends.length + 1) / count) - 1)
    ends.push(ends.length + 1 >= count ? bytes.length : bytes.indexOf(NEWLINE, goal) + 1)
  }
  return piecesOf(part, ends)
}

/** Cuts a part of more than one line in two, at the end of the line nearest to its middle. */
export function halve (part: BatchPart): [BatchPart, BatchPart] {
  const { bytes } = part
  const middle = Math.floor((bytes.length - 1) / 2)
  const before = bytes.lastIndexOf(NEWLINE, middle) + 1
  const after = bytes.indexOf(NEWLINE, middle) + 1
  const end = before > 0 && (after === bytes.length || middle - before <= after - middle) ? before : after
  return piecesOf(part, [end, bytes.length]) as [BatchPart, BatchPart]
}

/** @param ends - The ends of lines, in ascending order. The last is the end of the part. */
function piecesOf (part: BatchPart, ends: readonly number[]): BatchPart[] {
  const { batch, bytes, places } = part
  const pieces: BatchPart[] = []
  let start = 0
  let place = 0
  for (const end of ends) {
    const own = bytes.subarray(start, end)
    const count = countLines(own)
    pieces.push({ batch, first: placeOf(part, place), count, bytes: own, ...places && { places: places.slice(place, place + count) } })
    place += count
    start = end
  }
  return pieces
}
