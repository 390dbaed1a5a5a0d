import { freshLines, type Lines } from './batch.js'

/** One block makes a batch for a delivery sink, which has at most this many bytes. */
export const BLOCK_BYTES = 512 * 1024
/** The size of a block while there are few lines. */
export const FIRST_BLOCK_BYTES = 64 * 1024
/** Blocks that are kept for new lines: as many as the largest chunk from the app's thread fills. */
const MAX_SPARE_BLOCKS = 8
const NEWLINE = 10

/** The block that new lines are copied into. */
interface OpenBlock {
  memory: Buffer
  used: number
  count: number
  firstLine: number
  /** Bytes whose lines are known to be protected. */
  protectedBytes: number
}

/** The lines of a block, and the block itself, as long as nobody else has seen any of it. */
export interface BlockOfLines {
  lines: Lines
  block: Buffer | undefined
}

/** Copies new lines into blocks of memory, one block after the other. Blocks of dropped lines are used again. */
export class LineBlocks {
  #open: OpenBlock | undefined
  #spare: Buffer[] = []

  get isOpen (): boolean {
    return this.#open !== undefined
  }

  /** The number of the first line in the open block; `undefined` if none is open. */
  get firstLine (): number | undefined {
    return this.#open?.firstLine
  }

  /** The lines in the open block that are not known to be protected; `undefined` if none is open. */
  get unknownBytes (): Buffer | undefined {
    return this.#open?.memory.subarray(this.#open.protectedBytes, this.#open.used)
  }

  /** Notes that all lines in the open block are protected, or that this is not known of any. */
  markProtected (areProtected: boolean): void {
    if (this.#open !== undefined) this.#open.protectedBytes = areProtected ? this.#open.used : 0
  }

  /** Returns where the last of these lines ends that has space in the open block; 0 if not even the first has. */
  spaceFor (bytes: Buffer): number {
    return this.#open === undefined ? 0 : wholeLines(bytes, this.#open.memory.length - this.#open.used)
  }

  /**
   * Opens a block with space for at least the first of these lines. None may be open.
   *
   * @param areFew - A small block is enough
   * @returns where the last of these lines ends that has space
   */
  open (bytes: Buffer, firstLine: number, areFew: boolean): number {
    const memory = this.#spare.pop() ?? Buffer.allocUnsafeSlow(areFew ? FIRST_BLOCK_BYTES : BLOCK_BYTES)
    const end = wholeLines(bytes, memory.length) || bytes.indexOf(NEWLINE) + 1
    this.#open = { memory: end > memory.length ? Buffer.allocUnsafeSlow(end) : memory, used: 0, count: 0, firstLine, protectedBytes: 0 }
    return end
  }

  /** Copies lines into the open block, which has space for them. */
  append (bytes: Buffer, count: number): void {
    const open = this.#open as OpenBlock
    open.used += bytes.copy(open.memory, open.used)
    open.count += count
  }

  /** Closes the open block, and returns its lines; `undefined` if none is open. */
  close (): BlockOfLines | undefined {
    if (this.#open === undefined) return undefined
    const { memory, used, count, firstLine } = this.#open
    this.#open = undefined
    const isFull = memory.length === BLOCK_BYTES && used > BLOCK_BYTES / 2
    const bytes = memory.subarray(0, used)
    const own = isFull ? bytes : withoutNeighbours(bytes)
    if (own !== bytes && memory.length === BLOCK_BYTES) this.reuse(memory)
    return { lines: freshLines(own, count, firstLine), block: isFull ? memory : undefined }
  }

  /** Takes a block back of which no line is needed any more. */
  reuse (block: Buffer | undefined): void {
    if (block !== undefined && this.#spare.length < MAX_SPARE_BLOCKS) this.#spare.push(block)
  }

  /** Releases the blocks that were taken back. */
  releaseSpare (): void {
    this.#spare = []
  }
}

/** The same bytes, copied if they are a small part of memory that they would keep alive as a whole. */
export function withoutNeighbours (bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength <= 2 * bytes.length) return bytes
  const own = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(own)
  return own
}

/** Offset after the last line that ends within this many bytes; 0 if not even the first does. */
function wholeLines (bytes: Buffer, maxBytes: number): number {
  if (bytes.length <= maxBytes) return bytes.length
  return maxBytes === 0 ? 0 : bytes.lastIndexOf(NEWLINE, maxBytes - 1) + 1
}
