import { type Batch, freshLines, type Lines } from '../batch.js'
import { LineQueue, type Amount, type QueueLimits } from '../queue.js'
import { partByOrigin, Replay } from './replay.js'

/** New lines that have no place in the queue yet. */
interface Newcomer {
  readonly lines: Lines
  readonly isDiagnostic: boolean
}

/**
 * Everything that waits to be sent, oldest first: lines that were read from a disk, the queue in memory, and new lines
 * without a place in it, which hold the app back. It has no policy.
 */
export class Backlog {
  readonly memory: LineQueue
  /** Lines that are on the disk too. */
  readonly replay = new Replay()
  readonly #newcomers: Newcomer[] = []
  #pressingSince = 0

  constructor (limits: QueueLimits) {
    this.memory = new LineQueue(limits)
  }

  /** True if nothing waits in memory alone. */
  get isEmpty (): boolean {
    return this.memory.isEmpty && this.#newcomers.length === 0
  }

  /** True while new lines wait for a place, which holds the app back. */
  get isPressing (): boolean {
    return this.#newcomers.length > 0
  }

  /** The waited time at which the app began to be held back. */
  get pressingSince (): number {
    return this.#pressingSince
  }

  /** Lines that wait in memory alone. */
  get inMemory (): Amount {
    return this.#newcomers.reduce(({ bytes, lines }, newcomer) => ({ bytes: bytes + newcomer.lines.bytes.length, lines: lines + newcomer.lines.count }), { bytes: this.memory.bytes, lines: this.memory.lines })
  }

  /** The number of the oldest line that waits in memory, or of the next to come. */
  get firstLine (): number {
    const { queue } = this.replay
    return queue.isEmpty ? this.memory.firstLine : Math.min(queue.firstLine, this.memory.firstLine)
  }

  /** The number of the next new line, once all newcomers have a place. */
  get nextComer (): number {
    return this.#newcomers.reduce((next, { lines }) => next + lines.count, this.memory.nextLine)
  }

  /** Adds new lines that wait for a place. */
  press ({ bytes, count, isDiagnostic }: Batch, now: number): void {
    if (this.#newcomers.length === 0) this.#pressingSince = now
    this.#newcomers.push({ lines: freshLines(bytes, count, 0), isDiagnostic })
  }

  /** The oldest new lines without a place. */
  get newcomer (): Newcomer | undefined {
    return this.#newcomers[0]
  }

  /** Gives a place to the oldest new lines, as far as they are kept; `rest` of them goes on waiting. */
  admit (kept: Lines | undefined, rest?: Lines): void {
    if (kept !== undefined) this.memory.push(kept)
    const { isDiagnostic } = this.#newcomers.shift() as Newcomer
    if (rest !== undefined) this.#newcomers.unshift({ lines: rest, isDiagnostic })
  }

  /** Gives a place to all new lines, whatever the limits. */
  admitAll (): void {
    for (const { lines } of this.#newcomers.splice(0)) this.memory.push(lines)
  }

  /** Puts back lines that were sent and did not arrive, oldest first. */
  putBack (returned: readonly Lines[]): void {
    const parts = returned.map(partByOrigin)
    this.replay.queue.unshift(parts.flatMap(({ spooled = [] }) => spooled))
    this.memory.unshift(parts.flatMap(({ direct = [] }) => direct))
  }

  /** Puts lines in doubt that are older than this one. */
  doubt (before: number): void {
    this.replay.queue.doubt(before)
    this.memory.doubt(before)
  }

  /** Takes out everything that waits in memory alone, oldest first. */
  drain (): Lines[] {
    this.admitAll()
    return this.memory.drain()
  }
}
