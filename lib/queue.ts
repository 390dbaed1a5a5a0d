import { cutLines, freshLines, type Lines } from './batch.js'

/** How much a {@link LineQueue} holds. */
export interface QueueLimits {
  maxBytes: number
  maxLines: number
}

/** Lines that have no number yet: a batch, or what was cut out of one. */
export type NewLines = Pick<Lines, 'bytes' | 'count'>

/** Bytes and lines together, as limits count them. */
export interface Amount {
  bytes: number
  lines: number
}

const BLOCK_BYTES = 64 * 1024
const SMALL_BYTES = BLOCK_BYTES / 4

/** A block that takes small batches one behind the other. */
interface OpenBlock {
  memory: Buffer
  used: number
  count: number
  firstLine: number
}

/**
 * The bounded FIFO of one lane. It keeps bytes, never slices of the text they came in, since a slice keeps its whole
 * chunk alive; and it gathers small batches in blocks, so that what it counts is what it costs.
 */
export class LineQueue {
  readonly #limits: QueueLimits
  // What came back stands before what is new and keeps its borders; `#head` is the first that is still there.
  readonly #items: Array<Lines | undefined> = []
  #head = 0
  #open: OpenBlock | undefined
  #bytes = 0
  #lines = 0
  #nextLine = 0

  constructor (limits: QueueLimits) {
    this.#limits = limits
  }

  get bytes (): number {
    return this.#bytes
  }

  get lines (): number {
    return this.#lines
  }

  get isEmpty (): boolean {
    return this.#lines === 0
  }

  /** The number that the next line to come will bear. */
  get nextLine (): number {
    return this.#nextLine
  }

  /** The number of the oldest line here, or of the next to come. */
  get firstLine (): number {
    return this.#items[this.#head]?.firstLine ?? this.#open?.firstLine ?? this.#nextLine
  }

  /** Whether so much fits beside what is here and what the lane holds outside of its queue. */
  fits (bytes: number, lines: number, outside: Amount = NOTHING): boolean {
    return this.#bytes + outside.bytes + bytes <= this.#limits.maxBytes &&
      this.#lines + outside.lines + lines <= this.#limits.maxLines
  }

  /** How much more fits. */
  room (outside: Amount = NOTHING): Amount {
    return {
      bytes: Math.max(0, this.#limits.maxBytes - this.#bytes - outside.bytes),
      lines: Math.max(0, this.#limits.maxLines - this.#lines - outside.lines)
    }
  }

  /** Adds new lines at the end. The caller has made sure that they fit. */
  push ({ bytes, count }: NewLines): void {
    const firstLine = this.#nextLine
    this.#nextLine += count
    this.#bytes += bytes.length
    this.#lines += count
    if (bytes.length >= SMALL_BYTES) {
      this.#close()
      this.#items.push(freshLines(withoutNeighbours(bytes), count, firstLine))
      return
    }
    if (this.#open === undefined || this.#open.used + bytes.length > BLOCK_BYTES) {
      this.#close()
      this.#open = { memory: Buffer.allocUnsafeSlow(BLOCK_BYTES), used: 0, count: 0, firstLine }
    }
    this.#open.used += bytes.copy(this.#open.memory, this.#open.used)
    this.#open.count += count
  }

  /** Numbers new lines that go straight through, without a place in the queue. Only while it is empty. */
  pass ({ bytes, count }: NewLines): Lines {
    const firstLine = this.#nextLine
    this.#nextLine += count
    return freshLines(bytes, count, firstLine)
  }

  /** Puts lines back, oldest first, to the place that they had: at the head, but for lines in doubt that stayed there. */
  unshift (returned: readonly Lines[]): void {
    for (let i = returned.length - 1; i >= 0; i--) {
      const lines = returned[i] as Lines
      let at = this.#head
      while (at < this.#items.length && (this.#items[at] as Lines).firstLine < lines.firstLine) at++
      if (at > this.#head) this.#items.splice(at, 0, lines)
      else if (this.#head > 0) this.#items[--this.#head] = lines
      else this.#items.unshift(lines)
      this.#bytes += lines.bytes.length
      this.#lines += lines.count
    }
  }

  /** Takes the oldest lines: one item, or as many of its lines as `maxBytes` and `maxCount` allow, though at least one. */
  shift (maxBytes = Infinity, maxCount = Infinity): Lines | undefined {
    if (this.#head === this.#items.length) this.#close()
    return this.#takeAt(this.#head, maxBytes, maxCount)
  }

  /** As {@link shift}, of the lines that are least in doubt; or of those but the oldest, if these have failed and are not all. */
  shiftLeastDoubted (maxBytes = Infinity, which: 'least' | 'other' = 'least'): Lines | undefined {
    const at = this.#leastDoubted(which)
    if (at === this.#items.length) this.#close()
    return this.#takeAt(at, maxBytes, Infinity)
  }

  /** Whether there are lines beside the oldest item. */
  get hasOther (): boolean {
    return this.#items.length - this.#head + Number(this.#open !== undefined) > 1
  }

  /** How doubtful the lines are that are next. */
  doubts (which: 'oldest' | 'least' | 'other'): number {
    return this.#items[which === 'oldest' ? this.#head : this.#leastDoubted(which)]?.doubts ?? 0
  }

  /** What is older than this line is in doubt from now on. */
  doubt (before: number): void {
    for (let at = this.#head; at < this.#items.length; at++) {
      const lines = this.#items[at] as Lines
      if (lines.firstLine >= before) return
      if (lines.doubts === 0) this.#items[at] = { ...lines, doubts: 1 }
    }
  }

  /** Takes everything, oldest first. */
  drain (): Lines[] {
    const all: Lines[] = []
    for (let lines = this.shift(); lines !== undefined; lines = this.shift()) all.push(lines)
    return all
  }

  /** The place of the oldest lines that are least in doubt; behind all others if they are new. */
  #leastDoubted (which: 'least' | 'other'): number {
    const passesOver = which === 'other' && this.hasOther && (this.#items[this.#head]?.attempts ?? 0) > 0
    const first = passesOver ? this.#head + 1 : this.#head
    let least = first
    for (let at = first; at < this.#items.length; at++) {
      const { doubts } = this.#items[at] as Lines
      if (doubts === 0) return at
      if (doubts < (this.#items[least] as Lines).doubts) least = at
    }
    return this.#open === undefined ? least : this.#items.length
  }

  #takeAt (at: number, maxBytes: number, maxCount: number): Lines | undefined {
    const item = this.#items[at]
    if (item === undefined) return undefined

    const [head, rest] = cutLines(item, maxBytes, maxCount)
    if (rest !== undefined || at === this.#head) this.#items[at] = rest
    else this.#items.splice(at, 1)
    if (rest === undefined && at === this.#head) this.#advance()
    this.#bytes -= head.bytes.length
    this.#lines -= head.count
    return head
  }

  #close (): void {
    if (this.#open === undefined) return
    const { memory, used, count, firstLine } = this.#open
    this.#items.push(freshLines(withoutNeighbours(memory.subarray(0, used)), count, firstLine))
    this.#open = undefined
  }

  #advance (): void {
    this.#head++
    if (this.#head === this.#items.length) {
      this.#items.length = 0
      this.#head = 0
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items.splice(0, this.#head)
      this.#head = 0
    }
  }
}

/** The same bytes, though not as a small part of memory that they would keep alive as a whole. */
function withoutNeighbours (bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength <= 2 * bytes.length) return bytes
  const own = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(own)
  return own
}

const NOTHING: Amount = { bytes: 0, lines: 0 }
