import { Batch, textsOf } from '../batch.js'
import type { Clock } from '../clock.js'
import type { Lane } from '../lane.js'
import type { DeadLetter } from '../lane/dead-letters.js'
import type { TargetSettings } from '../options.js'
import { Patience, type PatienceOptions, type Verdict } from './patience.js'
import { openReplayLane } from './replay-lane.js'

/** A line on its way, and who wants to know what becomes of it. */
export interface Consignment {
  readonly line: string
  onDelivered (): void
  /** The backend refused it for good; it was sent `attempts` times. */
  onRefused (letter: DeadLetter): void
}

/** What a sender is made of. */
export interface SenderOptions extends PatienceOptions {
  target: TargetSettings
  levels: Readonly<Record<string, number>>
  closeTimeoutMs: number
  onNote: (text: string) => void
}

/** A line that its lane has, with the form in which the lane gives it back. */
interface Entry {
  readonly consignment: Consignment
  readonly text: string
  fate: 'on its way' | 'refused' | 'left'
}

const BATCH_BYTES = 64 * 1024
/** Lines that are read ahead; a sink that is given 512 KiB at a time is never short of them. */
const WINDOW_BYTES = 16 * 1024 * 1024

/** Sends lines through the lane of one target, and tells of each that was delivered or refused; of the others nothing. */
export class Sender {
  readonly #lane: Lane
  readonly #patience: Patience
  readonly #clock: Clock
  readonly #closeTimeoutMs: number
  readonly #settleMs: number
  /** In the order of their numbers in the lane. */
  #entries: Entry[] = []
  #firstNumber = 0
  /** Those on their way by their text, oldest first: the lane gives lines back as text. */
  readonly #byText = new Map<string, Entry[]>()
  /** Lines that are handed over together. */
  #batch: Buffer[] = []
  #batchBytes = 0
  /** A line was lost in the lane, and nobody can say which: from then on none counts as delivered. */
  #isInDoubt = false

  constructor ({ target, levels, clock, timeoutMs, stop, closeTimeoutMs, onNote }: SenderOptions) {
    this.#clock = clock
    this.#closeTimeoutMs = closeTimeoutMs
    this.#settleMs = target.breaker.settleMs
    this.#lane = openReplayLane({
      target,
      levels,
      clock,
      refused: {
        append: async records => {
          for (const record of records) this.#refuse(JSON.parse(record.toString()) as DeadLetter)
          return { written: records.length }
        }
      },
      maxRefusedBytes: Infinity,
      onNote
    })
    this.#lane.fallBackTo({ takeOver: lines => { for (const text of textsOf(lines)) this.#leave(text) } })
    this.#patience = new Patience(this.#lane, { clock, timeoutMs, stop })
  }

  /** Lines that the sink was given, those that came back not among them. */
  get sentLines (): number {
    const { linesReceived, queueLines } = this.#lane.snapshot()
    return linesReceived - queueLines
  }

  /** What went wrong last, in words. */
  get lastError (): string | undefined {
    return this.#lane.snapshot().lastError?.message
  }

  /** Takes a line, and goes on once there is room for more. A verdict other than that tells that it is of no use. */
  async offer (consignment: Consignment): Promise<Verdict> {
    const bytes = Buffer.from(`${consignment.line}\n`)
    // What is no Unicode has become something else on the way to bytes and back.
    const entry: Entry = { consignment, text: bytes.toString('utf8', 0, bytes.length - 1), fate: 'on its way' }
    this.#entries.push(entry)
    const same = this.#byText.get(entry.text)
    if (same === undefined) this.#byText.set(entry.text, [entry])
    else same.push(entry)
    this.#batch.push(bytes)
    this.#batchBytes += bytes.length
    return this.#batchBytes < BATCH_BYTES ? 'holds' : await this.#hand()
  }

  /** Waits until all that it was given has come to its end, or only the end of the sink can tell: {@link end}. */
  async finish (): Promise<Verdict> {
    const verdict = await this.#hand()
    if (verdict !== 'holds') return verdict
    return await this.#patience.untilTaken(this.#settleMs)
  }

  /** Hands over what has been gathered, once there is room. */
  async #hand (): Promise<Verdict> {
    const verdict = await this.#patience.until(() => this.#lane.snapshot().queueBytes < WINDOW_BYTES)
    if (verdict === 'holds' && this.#batch.length > 0) {
      this.#lane.offer(new Batch(Buffer.concat(this.#batch), this.#batch.length))
      this.#batch = []
      this.#batchBytes = 0
    }
    this.settle()
    return verdict
  }

  /** Ends the sink. What has not been told of by then was not delivered. */
  async end (): Promise<void> {
    this.settle()
    await this.#lane.end(this.#clock.now() + this.#closeTimeoutMs)
    this.settle()
  }

  /** Tells of what has come to its end. */
  settle (): void {
    const { firstHeldLine } = this.#lane
    const count = Math.min(this.#entries.length, firstHeldLine - this.#firstNumber)
    if (count <= 0) return
    this.#isInDoubt ||= Object.keys(this.#lane.snapshot().linesDropped).length > 0
    for (const entry of this.#entries.splice(0, count)) {
      if (entry.fate !== 'on its way') continue
      this.#forget(entry)
      if (!this.#isInDoubt) entry.consignment.onDelivered()
    }
    this.#firstNumber += count
  }

  #refuse (letter: DeadLetter): void {
    const entry = this.#byText.get(letter.line)?.[0]
    if (entry === undefined) return
    entry.fate = 'refused'
    this.#forget(entry)
    entry.consignment.onRefused(letter)
  }

  #leave (text: string): void {
    const entry = this.#byText.get(text)?.at(-1)
    if (entry === undefined) return
    entry.fate = 'left'
    this.#forget(entry)
  }

  #forget (entry: Entry): void {
    const same = this.#byText.get(entry.text) as Entry[]
    if (same.length === 1) this.#byText.delete(entry.text)
    else same.splice(same.indexOf(entry), 1)
  }
}
