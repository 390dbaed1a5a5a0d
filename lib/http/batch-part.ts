import { createHash } from 'node:crypto'
import { countLines, splitLines } from '../batch.js'
import type { SinkBatch } from '../child/delivery.js'

const NEWLINE = 10

/** Lines of a batch that go into one request. */
export interface Part {
  /** The id of their batch. */
  readonly batchId: string
  /** The index of the first of them in their batch. */
  readonly first: number
  /** How many they are. */
  readonly count: number
  /** The index of each of them in their batch, where they do not follow one another. */
  readonly places?: readonly number[]
  /** They as NDJSON in UTF-8, each with its newline. */
  readonly bytes: Buffer
}

/** A whole batch as a part. */
export function wholeOf ({ id, count, buffer }: SinkBatch): Part {
  return { batchId: id, first: 0, count, bytes: buffer }
}

/**
 * Names the lines of a part, and no others. The id of the batch does not: what is left of a batch, to be sent again, may
 * have the same.
 */
export function keyOf ({ batchId, first, bytes }: Part): string {
  return `${batchId}/${first}/${fingerprintOf(bytes)}`
}

/** Stands for lines: 96 bits of the SHA-256 of their UTF-8. */
export function fingerprintOf (content: string | Buffer): string {
  return createHash('sha256').update(content).digest('base64url').slice(0, 16)
}

/** The lines of a part, without their newlines. */
export function linesOf ({ bytes }: Part): string[] {
  return splitLines(bytes.toString())
}

/** The index in its batch of the line at this place within a part. */
export function placeOf ({ first, places }: Part, place: number): number {
  return places?.[place] ?? first + place
}

/** The indexes of the lines of a part in their batch. */
export function indexesOf (part: Part): number[] {
  return Array.from({ length: part.count }, (_, place) => placeOf(part, place))
}

/** Some lines of a part, by their places within it, in ascending order. */
export function pickPart (part: Part, picked: readonly number[]): Part {
  const lines = linesOf(part)
  const places = picked.map(place => placeOf(part, place))
  return { batchId: part.batchId, first: places[0] as number, places, count: picked.length, bytes: Buffer.from(picked.map(place => `${lines[place]}\n`).join('')) }
}

/** Cuts a part into parts of at most so many bytes, though never of less than one line. */
export function cutPart (part: Part, maxBytes: number): Part[] {
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

/** Divides a part into so many parts of about the same length, or less if it has not so many lines. */
export function divide (part: Part, count: number): Part[] {
  const { bytes } = part
  if (count === 1) return [part]
  const ends: number[] = []
  for (let start = 0; start < bytes.length; start = ends.at(-1) as number) {
    const goal = Math.max(start, Math.round(bytes.length * (ends.length + 1) / count) - 1)
    ends.push(ends.length + 1 >= count ? bytes.length : bytes.indexOf(NEWLINE, goal) + 1)
  }
  return piecesOf(part, ends)
}

/** Cuts a part of more than one line in two, as near to its middle as its lines allow. */
export function halve (part: Part): [Part, Part] {
  const { bytes } = part
  const middle = Math.floor((bytes.length - 1) / 2)
  const before = bytes.lastIndexOf(NEWLINE, middle) + 1
  const after = bytes.indexOf(NEWLINE, middle) + 1
  const end = before > 0 && (after === bytes.length || middle - before <= after - middle) ? before : after
  return piecesOf(part, [end, bytes.length]) as [Part, Part]
}

/** @param ends - Of lines, in order; the last one is the end of the part. */
function piecesOf (part: Part, ends: readonly number[]): Part[] {
  const { batchId, bytes, places } = part
  const pieces: Part[] = []
  let start = 0
  let place = 0
  for (const end of ends) {
    const own = bytes.subarray(start, end)
    const count = countLines(own)
    pieces.push({ batchId, first: placeOf(part, place), count, bytes: own, ...places && { places: places.slice(place, place + count) } })
    place += count
    start = end
  }
  return pieces
}
