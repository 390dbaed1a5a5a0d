import { cutLines, type Lines, type NewLines } from './batch.js'
import type { QueueSettings } from './options.js'
import type { Amount, LineQueue } from './queue.js'

const NEWLINE = 10

/** What a full queue has lost. */
export interface Shed {
  /** New lines that are left; `undefined` if there are none. */
  readonly kept: Lines | undefined
  readonly dropped: number
  /** How many of the dropped lines were protected; `undefined` if no line is. */
  readonly droppedProtected: number | undefined
}

/** Dependencies of a {@link Shedding}. */
export interface SheddingDeps {
  queue: LineQueue
  settings: QueueSettings
  /** Lines outside of the queue that count against its limits. */
  held: Amount
  /** Tells whether new lines find room. */
  fits: (lines: Lines) => boolean
}

/**
 * Drops lines of a full queue until new ones find room, by the policy `overflow`. Lines that are not protected go first: those in
 * the queue before new ones, but with `drop-newest` after them. Only if this is not enough, protected lines follow: the oldest in
 * the queue, or with `drop-newest` the new ones.
 */
export class Shedding implements Shed {
  kept: Lines | undefined
  dropped = 0
  droppedProtected: number | undefined
  readonly #deps: SheddingDeps

  constructor (lines: Lines, deps: SheddingDeps) {
    this.kept = lines
    this.#deps = deps
    this.droppedProtected = deps.queue.protection && 0
    const { overflow, maxBytes, maxLines } = deps.settings
    const isNewest = overflow === 'drop-newest'
    // New lines that not even an empty queue could keep must not cost lines that are in this one.
    const most = { bytes: maxBytes - deps.held.bytes, lines: maxLines - deps.held.lines }
    this.#dropOversized(lines, most.bytes)
    if (this.kept !== undefined) this.#dropExposed(this.kept, most)
    if (isNewest) {
      this.#cutTo(most)
      this.#makeRoom(lines => this.#dropExposed(lines, this.#room))
      this.#makeRoom(lines => this.#shedQueue(lines))
      this.#makeRoom(() => this.#cutTo(this.#room))
    } else {
      this.#dropBeyond(most)
      this.#makeRoom(lines => this.#shedQueue(lines))
      this.#makeRoom(lines => this.#dropExposed(lines, this.#room))
      this.#makeRoom(lines => this.#dropOldest(lines))
    }
  }

  get #room (): Amount {
    return this.#deps.queue.room(this.#deps.held)
  }

  /** Does a step as long as new lines lack room, and it drops any. */
  #makeRoom (step: (lines: Lines) => void): void {
    for (let before = -1; before !== this.dropped && this.kept !== undefined && !this.#deps.fits(this.kept);) {
      before = this.dropped
      step(this.kept)
    }
  }

  /** Drops new lines of which each by itself is too large, so that they take no others with them. */
  #dropOversized (lines: Lines, maxBytes: number): void {
    if (lines.bytes.length <= maxBytes) return
    const fitting: Buffer[] = []
    for (let at = 0; at < lines.bytes.length;) {
      const end = lines.bytes.indexOf(NEWLINE, at) + 1
      const bytes = lines.bytes.subarray(at, end)
      if (bytes.length > maxBytes) this.#count({ bytes, count: 1 })
      else fitting.push(bytes)
      at = end
    }
    if (fitting.length === lines.count) return
    this.kept = fitting.length === 0 ? undefined : { ...lines, bytes: Buffer.concat(fitting), count: fitting.length, text: undefined }
  }

  #shedQueue (lines: Lines): void {
    this.dropped += this.#deps.queue.shed(...excess(lines, this.#room))
  }

  #dropOldest (lines: Lines): void {
    this.#count(this.#deps.queue.drop(...excess(lines, this.#room)))
  }

  /** Drops new lines that are not protected, as far as they exceed the room. */
  #dropExposed (lines: Lines, room: Amount): void {
    const { queue: { protection }, settings: { overflow } } = this.#deps
    if (protection === undefined) return
    this.kept = protection.reduce(lines, room.bytes, room.lines, overflow === 'drop-newest' ? 'newest' : 'oldest')
    this.dropped += lines.count - (this.kept?.count ?? 0)
  }

  /** Drops the oldest of the new lines that exceed an amount. */
  #dropBeyond (most: Amount): void {
    while (this.kept !== undefined && exceeds(this.kept, most)) {
      const [head, rest]: [Lines, Lines | undefined] = cutLines(this.kept, ...excess(this.kept, most))
      this.#count(head)
      this.kept = rest
    }
  }

  /** Drops the newest of the new lines that exceed an amount. */
  #cutTo (most: Amount): void {
    if (this.kept === undefined || !exceeds(this.kept, most)) return
    const [head, rest] = cutLines(this.kept, most.bytes, most.lines)
    const isFitting = !exceeds(head, most)
    this.#count(isFitting ? rest : this.kept)
    this.kept = isFitting ? head : undefined
  }

  #count (lost: Pick<Lines, 'bytes' | 'count'> | undefined): void {
    this.dropped += lost?.count ?? 0
    if (lost !== undefined && this.droppedProtected !== undefined) this.droppedProtected += this.#deps.queue.protection?.countIn(lost.bytes) ?? 0
  }
}

function exceeds ({ bytes, count }: NewLines, room: Amount): boolean {
  return bytes.length > room.bytes || count > room.lines
}

/** Bytes and lines beyond the room; no limit where there is enough. */
function excess ({ bytes, count }: NewLines, room: Amount): [bytes: number, lines: number] {
  const over = (amount: number): number => amount > 0 ? amount : Infinity
  return [over(bytes.length - room.bytes), over(count - room.lines)]
}
