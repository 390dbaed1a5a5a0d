import { countLines, cutAt, cutLines, freshLines, joinLines, numberOf, PassingLines, type Lines, type NewLines } from './batch.js'
import { BLOCK_BYTES, FIRST_BLOCK_BYTES, LineBlocks, withoutNeighbours, type BlockOfLines } from './line-blocks.js'
import type { Exposed, Protection } from './protection.js'
import { Survivors } from './survivors.js'

export type { NewLines }

/** Limits of a {@link LineQueue}. */
export interface QueueLimits {
  maxBytes: number
  maxLines: number
}

/** An amount of lines, as limits count it. */
export interface Amount {
  bytes: number
  lines: number
}

export const NOTHING: Amount = { bytes: 0, lines: 0 }

/**
 * Names the lines that are next: the `oldest` of all; the oldest of those `least` in doubt; the same without the very oldest
 * (`other`); or a single line, the `newest` of those least in doubt.
 */
export type NextLines = 'oldest' | 'least' | 'other' | 'newest'

/** The lines that are next, and how many are taken at once, though at least one. */
export interface Next {
  readonly which: NextLines
  readonly maxBytes: number
  readonly maxLines: number
  /** For lines in doubt. */
  readonly maxDoubtedLines: number
}

/** Lines that wait, and the block that holds them, as long as nobody else has seen any of it. */
interface Item extends BlockOfLines {
  /** True if all of these lines are known to be protected. */
  isProtected?: boolean
  /** True if lines among these, or the next lines after them, were dropped. */
  isCut?: boolean
}

/**
 * The bounded FIFO of one lane. It copies lines into blocks of its own: a slice of the chunk that they came in would keep
 * the whole chunk alive, and a batch that no other lane needs any more would grow old here, so that the garbage collector
 * frees it late. Dropped lines free their block for the next lines: a queue that overflows for hours takes no memory beyond
 * what it counts.
 */
export class LineQueue {
  readonly #limits: QueueLimits
  // Returned lines stand before new ones and keep their borders; `#head` is the first item that is still there.
  readonly #items: Array<Item | undefined> = []
  #head = 0
  readonly #blocks = new LineBlocks()
  #bytes = 0
  #lines = 0
  #nextLine: number
  #protection: Protection | undefined
  /** Each item before this one is protected as a whole. May be before `#head`. */
  #exposedFrom = 0
  readonly #survivors = new Survivors<Item>(BLOCK_BYTES)

  /** @param firstLine - The number of the first new line */
  constructor (limits: QueueLimits, firstLine = 0) {
    this.#limits = limits
    this.#nextLine = firstLine
  }

  /** Tells which lines are lost last; `undefined` if all are alike. */
  get protection (): Protection | undefined {
    return this.#protection
  }

  set protection (protection: Protection | undefined) {
    this.#protection = protection
    this.#exposedFrom = 0
    this.#survivors.forget()
    for (let at = this.#head; at < this.#items.length; at++) (this.#items[at] as Item).isProtected = false
    this.#blocks.markProtected(false)
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

  /** The number of the next new line. */
  get nextLine (): number {
    return this.#nextLine
  }

  /** The number of the oldest line here, or of the next new one. */
  get firstLine (): number {
    return this.#items[this.#head]?.lines.firstLine ?? this.#blocks.firstLine ?? this.#nextLine
  }

  /** True if this amount fits beside the lines here and those that the lane holds outside of its queue. */
  fits (bytes: number, lines: number, outside: Amount = NOTHING): boolean {
    return this.#bytes + outside.bytes + bytes <= this.#limits.maxBytes &&
      this.#lines + outside.lines + lines <= this.#limits.maxLines
  }

  /** The amount that still fits. */
  room (outside: Amount = NOTHING): Amount {
    return {
      bytes: Math.max(0, this.#limits.maxBytes - this.#bytes - outside.bytes),
      lines: Math.max(0, this.#limits.maxLines - this.#lines - outside.lines)
    }
  }

  /** Adds new lines at the end. The caller has made sure that they fit. */
  push ({ bytes, count }: NewLines): void {
    this.#bytes += bytes.length
    this.#lines += count
    let rest = bytes
    let restCount = count
    while (rest.length > 0) {
      const end = this.#makeSpace(rest)
      const taken = end === rest.length ? restCount : countLines(rest.subarray(0, end))
      this.#blocks.append(rest.subarray(0, end), taken)
      this.#nextLine += taken
      rest = rest.subarray(end)
      restCount -= taken
    }
  }

  /** As {@link push}, for lines whose memory nobody else uses: they are not copied, unless they are a small part of it. */
  adopt (lines: NewLines): void {
    const { bytes, count } = lines
    if (bytes.length < FIRST_BLOCK_BYTES || bytes.buffer.byteLength > 2 * bytes.length) return this.push(lines)
    this.#close()
    this.#items.push({ lines: freshLines(bytes, count, this.#nextLine), block: undefined })
    this.#nextLine += count
    this.#bytes += bytes.length
    this.#lines += count
  }

  /** Numbers new lines that go straight on, without a place in the queue. Only while it is empty. */
  pass (lines: NewLines): Lines {
    const firstLine = this.#nextLine
    this.#nextLine += lines.count
    return new PassingLines(lines, firstLine)
  }

  /** Reserves numbers for lines that are elsewhere; returns the first of them. */
  leaveOut (count: number): number {
    this.#close()
    const first = this.#nextLine
    this.#nextLine += count
    return first
  }

  /** Puts lines back, oldest first, in the order of their numbers: lines in doubt may have stayed before them. */
  unshift (returned: readonly Lines[]): void {
    for (let i = returned.length - 1; i >= 0; i--) {
      const lines = returned[i] as Lines
      const item = { lines, block: undefined }
      let at = this.#head
      while (at < this.#items.length && (this.#items[at] as Item).lines.firstLine < lines.firstLine) at++
      if (at > this.#head) this.#items.splice(at, 0, item)
      else if (this.#head > 0) this.#items[at = --this.#head] = item
      else this.#items.unshift(item)
      this.#exposedFrom = Math.min(this.#exposedFrom, at)
      this.#bytes += lines.bytes.length
      this.#lines += lines.count
    }
  }

  /**
   * Marks bytes of the oldest lines as delivered, if the queue still begins with this line. Whole lines are removed. If a
   * line is delivered in part, only the rest of it will be sent.
   *
   * @returns the number of whole lines among these bytes, and the number of the line after them
   */
  arrive (firstLine: number, bytes: number): { count: number, nextLine: number } {
    let count = 0
    let nextLine = firstLine
    for (let left = bytes; left > 0 && this.#items[this.#head]?.lines.firstLine === nextLine;) {
      const { lines, isCut = false } = this.#items[this.#head] as Item
      // Bytes of dropped lines are among these: none after them can be told apart.
      const length = isCut ? lengthBeforeGap(lines) : lines.bytes.length
      const arrived = Math.min(length, lines.arrivedBytes + left)
      left -= arrived - lines.arrivedBytes
      const whole = countLines(lines.bytes.subarray(0, arrived))
      const end = lines.bytes.lastIndexOf(NEWLINE, arrived - 1) + 1
      if (whole > 0) this.#removeAt(this.#head, end, whole)
      count += whole
      if (arrived === length) {
        if (isCut) return { count, nextLine: lines.firstLine + whole }
        nextLine = this.firstLine
        continue
      }
      const item = this.#items[this.#head] as Item
      item.lines = { ...item.lines, arrivedBytes: arrived - end }
      nextLine = item.lines.firstLine
    }
    return { count, nextLine }
  }

  /** Takes the oldest lines: one item, or as many of its lines as `maxBytes` and `maxCount` allow, but at least one. */
  shift (maxBytes = Infinity, maxCount = Infinity): Lines | undefined {
    if (this.#head === this.#items.length) this.#close()
    return this.#removeAt(this.#head, maxBytes, maxCount)?.lines
  }

  /** Takes the lines that are next, as {@link shift} does. */
  take ({ which, maxBytes, maxLines, maxDoubtedLines }: Next): Lines | undefined {
    if (which === 'newest') return this.#takeNewest()
    const at = which === 'oldest' ? this.#head : this.#leastDoubted(which)
    if (at === this.#items.length) this.#close()
    const isInDoubt = (this.#items[at]?.lines.doubts ?? 0) > 0
    return this.#removeAt(at, maxBytes, isInDoubt ? Math.min(maxLines, maxDoubtedLines) : maxLines)?.lines
  }

  /** The number of the newest line that is least in doubt. */
  get newestLine (): number | undefined {
    if (this.#blocks.isOpen) return this.#nextLine - 1
    const { lines } = this.#items[this.#newestLeastDoubted()] ?? {}
    return lines && numberOf(lines, lines.count - 1)
  }

  /** Doubts about the newest line; 0 if there is none. */
  get newestDoubts (): number {
    return this.#blocks.isOpen ? 0 : this.#items.at(-1)?.lines.doubts ?? 0
  }

  /** True if there are lines beside the oldest item. */
  get hasOther (): boolean {
    return this.#items.length - this.#head + Number(this.#blocks.isOpen) > 1
  }

  /** Doubts about the lines that are next. */
  doubts (which: NextLines): number {
    if (which === 'newest') return this.#blocks.isOpen ? 0 : this.#items[this.#newestLeastDoubted()]?.lines.doubts ?? 0
    return this.#items[which === 'oldest' ? this.#head : this.#leastDoubted(which)]?.lines.doubts ?? 0
  }

  /** Puts lines in doubt that are older than this one. */
  doubt (before: number): void {
    for (let at = this.#head; at < this.#items.length; at++) {
      const item = this.#items[at] as Item
      if (item.lines.firstLine >= before) return
      if (item.lines.doubts === 0) item.lines = { ...item.lines, doubts: 1 }
    }
  }

  /** Drops the lines that {@link shift} would take, and returns them. Their memory may be reused by the next lines. */
  drop (maxBytes: number, maxCount: number): Lines | undefined {
    if (this.#head === this.#items.length) this.#close()
    const dropped = this.#removeAt(this.#head, maxBytes, maxCount, true)
    this.#blocks.reuse(dropped?.block)
    return dropped?.lines
  }

  /**
   * Drops the oldest lines that are not protected: as many as are beside each other and within these limits, but at least one.
   * Each line is looked at once, and only when lines are dropped.
   *
   * @returns how many there were; 0 if every line is protected
   */
  shed (maxBytes: number, maxCount: number): number {
    const protection = this.#protection
    if (protection === undefined) return 0
    for (;;) {
      const at = this.#exposedFrom = Math.max(this.#exposedFrom, this.#head)
      if (at === this.#items.length && !this.#closeExposed(protection)) return 0
      const item = this.#items[at] as Item
      const exposed = item.isProtected === true ? undefined : protection.find(item.lines, maxBytes, maxCount)
      if (exposed !== undefined) {
        this.#cutOut(at, item, exposed)
        return exposed.count
      }
      this.#passOver(at, item)
    }
  }

  /** Joins all lines, so that they are taken together, unless some of them were handed over before, or are in doubt. */
  join (): void {
    this.#close()
    const [first, ...others] = this.#items.slice(this.#head).map(item => (item as Item).lines)
    if (first === undefined || others.length === 0 || [first, ...others].some(({ attempts, doubts }) => attempts > 0 || doubts > 0)) return
    this.#items.splice(this.#head, others.length + 1, { lines: joinLines([first, ...others]), block: undefined })
    this.#exposedFrom = Math.min(this.#exposedFrom, this.#head)
    this.#survivors.forget()
  }

  /** Takes everything, oldest first. */
  drain (): Lines[] {
    const all: Lines[] = []
    for (let lines = this.shift(); lines !== undefined; lines = this.shift()) all.push(lines)
    return all
  }

  /** The place of the oldest lines that are least in doubt; after all items if these are new lines. */
  #leastDoubted (which: 'least' | 'other'): number {
    const passesOver = which === 'other' && this.hasOther && (this.#items[this.#head]?.lines.attempts ?? 0) > 0
    const first = passesOver ? this.#head + 1 : this.#head
    let least = first
    for (let at = first; at < this.#items.length; at++) {
      const { doubts } = (this.#items[at] as Item).lines
      if (doubts === 0) return at
      if (doubts < (this.#items[least] as Item).lines.doubts) least = at
    }
    return this.#blocks.isOpen ? this.#items.length : least
  }

  #takeNewest (): Lines | undefined {
    this.#close()
    const at = this.#newestLeastDoubted()
    const { lines } = this.#items[at] ?? {}
    if (lines === undefined || lines.count === 1) return this.#removeAt(at, Infinity, 1)?.lines
    const [rest, newest] = cutAt(lines, lines.bytes.lastIndexOf(NEWLINE, lines.bytes.length - 2) + 1, lines.count - 1)
    this.#items[at] = { ...this.#items[at], lines: rest, block: undefined }
    this.#bytes -= newest.bytes.length
    this.#lines--
    return newest
  }

  /** The place of the newest lines that are least in doubt. */
  #newestLeastDoubted (): number {
    let least = this.#items.length - 1
    for (let at = least; at >= this.#head; at--) {
      const { doubts } = (this.#items[at] as Item).lines
      if (doubts === 0) return at
      if (doubts < (this.#items[least] as Item).lines.doubts) least = at
    }
    return least
  }

  /** Takes lines out; with their block, if they are the last in it and nobody has seen the others. */
  #removeAt (at: number, maxBytes: number, maxCount: number, isDropped = false): Item | undefined {
    const item = this.#items[at]
    if (item === undefined) return undefined

    const [head, rest] = cutLines(item.lines, maxBytes, maxCount)
    if (rest !== undefined) this.#items[at] = { ...item, lines: rest, block: isDropped ? item.block : undefined }
    else this.#removeItem(at)
    this.#bytes -= head.bytes.length
    this.#lines -= head.count
    return { lines: head, block: rest === undefined ? item.block : undefined }
  }

  /** Closes the open block if it has a line that is not protected; returns whether it has. */
  #closeExposed (protection: Protection): boolean {
    const bytes = this.#blocks.unknownBytes
    if (bytes === undefined) return false
    if (protection.find({ bytes, arrivedBytes: 0 }, 0, 1) === undefined) {
      this.#blocks.markProtected(true)
      return false
    }
    this.#close()
    return true
  }

  /** Drops lines of an item. The protected ones before them are collected in the item before. */
  #cutOut (at: number, item: Item, { start, before, end, count }: Exposed): void {
    const { lines } = item
    const [survivors] = start === 0 ? [] : cutAt(lines, start, before)
    const [, rest] = end === lines.bytes.length ? [] : cutAt(lines, end, before + count)
    let place = at
    if (survivors !== undefined && !this.#survivors.extend(this.#itemBefore(at), item, survivors)) {
      const collected: Item = { lines: survivors, block: undefined, isProtected: true }
      this.#survivors.begin(collected, item, survivors)
      this.#items.splice(at, 0, collected)
      this.#exposedFrom = ++place
    }
    const former = this.#itemBefore(place)
    if (former !== undefined) former.isCut = true
    this.#bytes -= end - start
    this.#lines -= count
    if (rest === undefined) this.#release(place, item)
    else this.#shrink(item, rest)
  }

  /** The lines of this item are all protected. Few new lines are collected with those before them. */
  #passOver (at: number, item: Item): void {
    const { lines, isProtected } = item
    item.isProtected = true
    this.#exposedFrom = at + 1
    if (isProtected === true) return
    if (this.#survivors.extend(this.#itemBefore(at), item, lines)) {
      this.#release(at, item)
    } else if (lines.attempts === 0 && lines.doubts === 0 && lines.bytes.length < BLOCK_BYTES / 2) {
      this.#survivors.begin(item, item, lines)
      this.#blocks.reuse(item.block)
      item.block = undefined
    }
  }

  /** Leaves lines to an item. They are copied once they are a small part of the memory that they would keep alive. */
  #shrink (item: Item, lines: Lines): void {
    const bytes = withoutNeighbours(lines.bytes)
    item.lines = { ...lines, bytes }
    if (bytes === lines.bytes) return
    this.#blocks.reuse(item.block)
    item.block = undefined
  }

  #release (at: number, { block }: Item): void {
    this.#blocks.reuse(block)
    this.#removeItem(at)
  }

  #itemBefore (at: number): Item | undefined {
    return at > this.#head ? this.#items[at - 1] : undefined
  }

  /** Removes an item, and moves those on the shorter side of it. */
  #removeItem (at: number): void {
    if (at - this.#head < this.#items.length - at) {
      for (let i = at; i > this.#head; i--) this.#items[i] = this.#items[i - 1]
      this.#advance()
    } else {
      this.#items.splice(at, 1)
      if (this.#exposedFrom > at) this.#exposedFrom--
    }
  }

  /** Opens a block with space for at least the first of these lines; returns where the last line ends that has space. */
  #makeSpace (bytes: Buffer): number {
    const end = this.#blocks.spaceFor(bytes)
    if (end > 0) return end
    this.#close()
    // A queue with few lines takes little memory.
    return this.#blocks.open(bytes, this.#nextLine, this.#bytes < BLOCK_BYTES)
  }

  #close (): void {
    const closed = this.#blocks.close()
    if (closed !== undefined) this.#items.push(closed)
  }

  #advance (): void {
    this.#items[this.#head++] = undefined
    if (this.#head === this.#items.length) {
      this.#items.length = 0
      this.#head = this.#exposedFrom = 0
      this.#survivors.forget()
      // The sink has caught up: there is no overflow to come soon.
      this.#blocks.releaseSpare()
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items.splice(0, this.#head)
      this.#exposedFrom = Math.max(0, this.#exposedFrom - this.#head)
      this.#head = 0
    }
  }
}

/** The bytes of the lines before the first gap between their numbers. */
function lengthBeforeGap (lines: Lines): number {
  let at = 0
  for (let place = 0; place < lines.count && numberOf(lines, place) === lines.firstLine + place; place++) at = lines.bytes.indexOf(NEWLINE, at) + 1
  return at
}

const NEWLINE = 10
