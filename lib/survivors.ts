import { numberOf, type Lines } from './batch.js'

/** Lines that wait in a queue. */
export interface Waiting {
  lines: Lines
}

/**
 * Collects protected lines, while those between them are dropped. They are copied, so that they do not keep the memory of the
 * dropped ones alive. New lines of several blocks are collected together; lines that were sent before only with others that
 * were sent with them, since each batch keeps its id.
 */
export class Survivors<Item extends Waiting> {
  readonly #maxBytes: number
  #item: Item | undefined
  #source: Item | undefined
  #memory = Buffer.alloc(0)
  #numbers: number[] = []

  /** @param maxBytes - Limit for the bytes of new lines that are collected together */
  constructor (maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Appends lines of an item to the collected ones, if these are in the item before it; returns whether they are. */
  extend (before: Item | undefined, source: Item, lines: Lines): boolean {
    if (before === undefined || before !== this.#item || !this.#belong(before, source, lines)) return false
    const { bytes } = before.lines
    const length = bytes.length + lines.bytes.length
    if (length > this.#memory.length) {
      // It grows by a share of its size: otherwise each line would copy all that were collected before it.
      this.#memory = Buffer.allocUnsafeSlow(Math.max(Math.ceil(1.25 * length), Math.min(2 * length, this.#maxBytes)))
      bytes.copy(this.#memory)
    }
    lines.bytes.copy(this.#memory, bytes.length)
    this.#source = source
    before.lines = this.#with(before.lines, lines, length)
    return true
  }

  /** Begins to collect with lines of an item, and puts a copy of them into `item`. */
  begin (item: Item, source: Item, lines: Lines): void {
    this.#item = item
    this.#source = source
    this.#memory = Buffer.allocUnsafeSlow(lines.bytes.length)
    lines.bytes.copy(this.#memory)
    this.#numbers = []
    item.lines = this.#with({ ...lines, count: 0 }, lines, lines.bytes.length)
  }

  /** Releases their memory: they have left the queue. */
  forget (): void {
    this.#item = this.#source = undefined
    this.#memory = Buffer.alloc(0)
    this.#numbers = []
  }

  #with (former: Lines, { count, ...lines }: Lines, length: number): Lines {
    for (let place = 0; place < count; place++) this.#numbers.push(numberOf({ count, ...lines }, place))
    return { ...former, bytes: this.#memory.subarray(0, length), count: former.count + count, numbers: this.#numbers }
  }

  #belong (before: Item, source: Item, lines: Lines): boolean {
    const { attempts, doubts } = before.lines
    if (attempts !== lines.attempts || doubts !== lines.doubts) return false
    const isNew = attempts === 0 && doubts === 0
    return isNew ? before.lines.bytes.length + lines.bytes.length <= this.#maxBytes : this.#source === source
  }
}
