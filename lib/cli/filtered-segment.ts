import { dirname } from 'node:path'
import type { FileSystem, OpenFile } from '../spool/file-system.js'
import type { SegmentLine, SegmentPlace } from './spool-content.js'

interface Range {
  readonly from: number
  readonly to: number
}

const CHUNK_BYTES = 256 * 1024
const NEWLINE = Buffer.from('\n')

/** The name under which a segment is written anew, before it takes the place of the old one. */
export function draftNameOf (segmentName: string): string {
  return `${segmentName}.new`
}

/** A segment of a spool out of which lines are taken. Until it is written anew it stands as it was. */
export class FilteredSegment {
  readonly place: SegmentPlace
  /** Whether all its lines have been read. */
  isRead = false
  readonly #fs: FileSystem
  #taken: Range[] = []
  #takenLines = 0
  #linesOnTheirWay = 0

  constructor (fs: FileSystem, place: SegmentPlace) {
    this.#fs = fs
    this.place = place
  }

  /** Lines that were taken out, and are in the file still. */
  get takenLines (): number {
    return this.#takenLines
  }

  /** Whether it is known of each of its lines whether it goes or stays. */
  get isDecided (): boolean {
    return this.isRead && this.#linesOnTheirWay === 0
  }

  /** A line is on its way, and either {@link take} or {@link leave} will follow, or neither. */
  send (): void {
    this.#linesOnTheirWay++
  }

  /** A line that was sent has arrived: it goes. */
  take ({ from, to }: SegmentLine): void {
    this.#linesOnTheirWay--
    this.#takenLines++
    const last = this.#taken.at(-1)
    if (last?.to === from) this.#taken[this.#taken.length - 1] = { from: last.from, to }
    else this.#taken.push({ from, to })
  }

  /** A line that was sent was refused: it stays. */
  leave (): void {
    this.#linesOnTheirWay--
  }

  /**
   * Gives its last line the newline that it may lack, so that it is a line whatever stands behind it: only in the last
   * segment it may be torn.
   */
  async terminate (): Promise<void> {
    if (this.place.isLast) return
    const old = await this.#fs.open(this.place.path, 'read')
    try {
      const size = await old.size()
      const last = Buffer.alloc(1)
      if (size === 0 || await old.read(last, size - 1) === 0 || last.equals(NEWLINE)) return
      // Not in its place: a power cut could leave anything there.
      await this.#replace(old, [{ from: 0, to: size }], NEWLINE)
    } finally {
      await old.close().catch(() => {})
    }
  }

  /**
   * Takes the lines out of the file. What a cursor has passed stays: so it means the same before and after. At any moment,
   * also that of a power cut, the old file is there or the new one. Rejects if the old one has to stay.
   */
  async rewrite (): Promise<void> {
    const old = await this.#fs.open(this.place.path, 'read')
    try {
      const kept = this.#kept(await old.size())
      if (kept.some(({ to }) => to > this.place.from)) await this.#replace(old, kept)
      else await this.#fs.remove(this.place.path)
    } finally {
      await old.close().catch(() => {})
    }
    this.#taken = []
    this.#takenLines = 0
    // The old one, should it come back by a power cut, costs duplicates at most.
    await this.#fs.syncFolder(dirname(this.place.path)).catch(() => {})
  }

  #kept (size: number): Range[] {
    const kept: Range[] = []
    let from = 0
    for (const taken of [...this.#taken, { from: size, to: size }]) {
      if (taken.from > from) kept.push({ from, to: taken.from })
      from = taken.to
    }
    return kept
  }

  /** Puts a file that has these parts of the old one, and something behind them, into its place. */
  async #replace (old: OpenFile, ranges: readonly Range[], added = Buffer.alloc(0)): Promise<void> {
    const draft = draftNameOf(this.place.path)
    try {
      const file = await this.#fs.create(draft)
      try {
        await writeAll(file, added, await copy(old, ranges, file))
        await file.sync()
      } finally {
        await file.close()
      }
      await this.#fs.rename(draft, this.place.path)
    } catch (error) {
      await this.#fs.remove(draft).catch(() => {})
      throw error
    }
  }
}

/** @returns how many bytes these are */
async function copy (old: OpenFile, ranges: readonly Range[], file: OpenFile): Promise<number> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  let end = 0
  for (const { from, to } of ranges) {
    for (let at = from; at < to;) {
      const read = await old.read(chunk.subarray(0, to - at), at)
      if (read === 0) throw new Error('it is shorter than it was')
      await writeAll(file, chunk.subarray(0, read), end)
      at += read
      end += read
    }
  }
  return end
}

async function writeAll (file: OpenFile, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const more = await file.write(bytes.subarray(written), position + written)
    if (more === 0) throw new Error('the disk takes nothing')
    written += more
  }
}
