import { createHash } from 'node:crypto'
import type { SinkBatch } from '../child/delivery.js'

/** Lines of a batch that go into one request. */
export interface Part {
  /** The id of their batch. */
  readonly batchId: string
  /** The index of the first of them in their batch. */
  readonly first: number
  /** How many they are. */
  readonly count: number
  /** They as NDJSON, each with its newline. */
  readonly text: string
}

/** A whole batch as a part. */
export function wholeOf ({ id, count, text }: SinkBatch): Part {
  return { batchId: id, first: 0, count, text }
}

/**
 * Names the lines of a part, and no others. The id of the batch does not: what is left of a batch, to be sent again, may
 * have the same.
 */
export function keyOf ({ batchId, first, text }: Part): string {
  return `${batchId}/${first}/${fingerprintOf(text)}`
}

/** Stands for a text: 96 bits of its SHA-256. */
export function fingerprintOf (text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 16)
}

/** The lines of a part, without their newlines. */
export function linesOf ({ text }: Part): string[] {
  return text.slice(0, -1).split('\n')
}

/** The indexes of the lines of a part in their batch. */
export function indexesOf ({ first, count }: Part): number[] {
  return Array.from({ length: count }, (_, index) => first + index)
}

/** Cuts a part into parts of at most so many characters, though never of less than one line. */
export function cutPart (part: Part, maxLength: number): Part[] {
  if (part.count === 1 || part.text.length <= maxLength) return [part]
  const parts: Part[] = []
  for (let start = 0, first = part.first; start < part.text.length;) {
    let end = start + maxLength >= part.text.length ? part.text.length : part.text.lastIndexOf('\n', start + maxLength - 1) + 1
    if (end <= start) end = part.text.indexOf('\n', start) + 1
    const piece = pieceOf(part, first, part.text.slice(start, end))
    parts.push(piece)
    first += piece.count
    start = end
  }
  return parts
}

/** Divides a part into so many parts of about the same length, or less if it has not so many lines. */
export function divide (part: Part, count: number): Part[] {
  const parts: Part[] = []
  for (let start = 0, first = part.first, n = 1; start < part.text.length; n++) {
    const goal = Math.max(start, Math.round(part.text.length * n / count) - 1)
    const end = n >= count ? part.text.length : part.text.indexOf('\n', goal) + 1
    const piece = start === 0 && end === part.text.length ? part : pieceOf(part, first, part.text.slice(start, end))
    parts.push(piece)
    first += piece.count
    start = end
  }
  return parts
}

/** Cuts a part of more than one line in two, as near to its middle as its lines allow. */
export function halve (part: Part): [Part, Part] {
  const { text, first } = part
  const middle = (text.length - 1) / 2
  const before = text.lastIndexOf('\n', middle) + 1
  const after = text.indexOf('\n', middle) + 1
  const end = before > 0 && (after === text.length || middle - before <= after - middle) ? before : after
  const head = pieceOf(part, first, text.slice(0, end))
  return [head, pieceOf(part, first + head.count, text.slice(end))]
}

function pieceOf ({ batchId }: Part, first: number, text: string): Part {
  let count = 0
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++
  return { batchId, first, count, text }
}
