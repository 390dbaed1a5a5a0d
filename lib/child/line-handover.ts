import type { Clock } from '../clock.js'
import { Throttle } from '../throttle.js'
import type { LineRing, RingPlace } from './line-ring.js'

/** Dependencies of a {@link LineHandover}. */
export interface LineHandoverDeps {
  clock: Clock
  /** The longest time that lines wait, in ms. 0: none wait. */
  maxWaitMs: number
  /** Tells the other thread of lines: of their place in the ring, or the lines themselves, which are then the other thread's. */
  tell: (lines: RingPlace | Uint8Array<ArrayBuffer>) => void
}

/** The longest time that many lines wait. */
const HANDOVER_MS = 64
/** The longest time that a few lines wait, which is how often a sink's thread reports evidence. */
const FEW_HANDOVER_MS = 100
/** The same once lines have come for {@link FLOW_MS}: then nobody waits for the next one. */
const FLOW_HANDOVER_MS = 200
const FLOW_MS = 1000
/** Fewer bytes than this are a few lines, which wait longer. */
const FEW_BYTES = 4096
/** The other thread is told at once of this many bytes. */
const GATHER_BYTES = 16 * 1024

/**
 * Hands lines to another thread, and tells that thread of those of a few milliseconds together: each message wakes it up. Lines
 * that come after a pause are told at once.
 */
export class LineHandover {
  readonly #ring: LineRing
  readonly #deps: LineHandoverDeps
  readonly #throttle: Throttle
  /** Since when lines have come without a break of {@link FLOW_HANDOVER_MS}. */
  #flowsSince = -Infinity
  #lastAt = -Infinity
  /** Lines that the other thread has not been told of, in one piece. */
  #untold: RingPlace | undefined

  constructor (ring: LineRing, deps: LineHandoverDeps) {
    this.#ring = ring
    this.#deps = deps
    this.#throttle = new Throttle(deps.clock, () => this.tellNow())
  }

  /** Takes lines. Their memory is free once this has returned. */
  put (lines: Uint8Array): void {
    this.#noteFlow()
    const place = this.#ring.put(lines)
    if (place === undefined) {
      this.tellNow()
      return this.#deps.tell(new Uint8Array(lines))
    }
    if (this.#untold !== undefined && this.#untold.at + this.#untold.length === place.at) {
      this.#untold.length += place.length
    } else {
      this.tellNow()
      this.#untold = place
    }
    const { length } = this.#untold as RingPlace
    const waitMs = Math.min(length < FEW_BYTES ? this.#fewWaitMs : HANDOVER_MS, this.#deps.maxWaitMs)
    if (length >= GATHER_BYTES || this.#throttle.isDue(waitMs)) this.tellNow()
  }

  /** Tells of everything now: somebody waits for it, or something else follows. */
  tellNow (): void {
    const untold = this.#untold
    if (untold === undefined) return
    this.#untold = undefined
    this.#throttle.restart()
    this.#deps.tell(untold)
  }

  /** Nothing is told any more of what has been taken. */
  stop (): void {
    this.#throttle.stop()
    this.#untold = undefined
  }

  get #fewWaitMs (): number {
    return this.#lastAt - this.#flowsSince < FLOW_MS ? FEW_HANDOVER_MS : FLOW_HANDOVER_MS
  }

  #noteFlow (): void {
    const now = this.#deps.clock.now()
    if (now - this.#lastAt >= FLOW_HANDOVER_MS) this.#flowsSince = now
    this.#lastAt = now
  }
}
