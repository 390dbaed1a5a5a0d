import type { Lines, NewLines } from './batch.js'
import type { LevelReader } from './line-level.js'

const NEWLINE = 10

/** Lines beside each other that are not protected, and the lines before them, which are. */
export interface Exposed {
  /** The first byte of these lines. */
  readonly start: number
  /** How many lines are before them. */
  readonly before: number
  /** The byte after the last of them. */
  readonly end: number
  readonly count: number
}

/**
 * Tells which lines a full queue loses last: those at or above `queue.protectLevel`. So are lines without a usable level, which
 * may be anything.
 */
export class Protection {
  readonly #reader: LevelReader
  readonly #minLevel: number

  /** @param minLevel - The lowest level of a protected line */
  constructor (reader: LevelReader, minLevel: number) {
    this.#reader = reader
    this.#minLevel = minLevel
  }

  /** Counts the protected lines among these. */
  countIn (bytes: Buffer): number {
    let count = 0
    for (let at = 0; at < bytes.length;) {
      const end = bytes.indexOf(NEWLINE, at) + 1
      if (this.#protects(bytes, at, end)) count++
      at = end
    }
    return count
  }

  /**
   * Finds the first lines that are not protected: as many as are beside each other and within these limits, but at least one.
   * A line of which a part has arrived counts as protected, so that the rest of it is not lost.
   */
  find ({ bytes, arrivedBytes }: Pick<Lines, 'bytes' | 'arrivedBytes'>, maxBytes: number, maxLines: number): Exposed | undefined {
    let before = 0
    let start = 0
    let end = 0
    for (; start < bytes.length; before++) {
      end = bytes.indexOf(NEWLINE, start) + 1
      if (!(start === 0 && arrivedBytes > 0) && !this.#protects(bytes, start, end)) break
      start = end
    }
    if (start === bytes.length) return undefined
    let count = 1
    while (end < bytes.length && count < maxLines) {
      const next = bytes.indexOf(NEWLINE, end) + 1
      if (next - start > maxBytes || this.#protects(bytes, end, next)) break
      end = next
      count++
    }
    return { start, before, end, count }
  }

  /** Returns the protected lines among these; `undefined` if there are none. */
  pick (lines: NewLines): NewLines | undefined {
    return this.reduce(lines, 0, 0, 'oldest')
  }

  /**
   * Leaves out lines that are not protected, from the oldest or from the newest on, until the others are within these limits.
   * Returns what is left; `undefined` if it is nothing.
   */
  reduce<Some extends NewLines> (lines: Some, maxBytes: number, maxLines: number, from: 'oldest' | 'newest'): Some | undefined {
    const { bytes } = lines
    let { length } = bytes
    let { count } = lines
    const kept: boolean[] = []
    const parts = partsOf(bytes)
    for (const [i, part] of from === 'oldest' ? parts.entries() : [...parts.entries()].reverse()) {
      kept[i] = (length <= maxBytes && count <= maxLines) || this.#protects(part, 0, part.length)
      if (kept[i]) continue
      length -= part.length
      count--
    }
    if (count === lines.count) return lines
    if (count === 0) return undefined
    return { ...lines, bytes: Buffer.concat(parts.filter((_, i) => kept[i]), length), count, text: undefined }
  }

  #protects (bytes: Buffer, at: number, end: number): boolean {
    const level = this.#reader.levelOf(bytes, at, end)
    return Number.isNaN(level) || level >= this.#minLevel
  }
}

/** Each of these lines. */
function partsOf (bytes: Buffer): Buffer[] {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, at) + 1
    parts.push(bytes.subarray(at, end))
    at = end
  }
  return parts
}
