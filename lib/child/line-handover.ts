import type { Clock } from '../clock.js'
import type { LineRing, RingPlace } from './line-ring.js'

/** Dependencies of a {@link LineHandover}. */
export interface LineHandoverDeps {
  clock: Clock
  /** The longest time that a few lines wait for others, in ms. 0: none wait. */
  fewWaitMs: number
  /** Tells the other thread of lines: of their place in the ring, or the lines themselves, which are then the other thread's. */
  tell: (lines: RingPlace | Uint8Array<ArrayBuffer>) => void
}

/** The longest time that many lines wait. */
const HANDOVER_MS = 32
/** Fewer bytes than this are a few lines, which wait longer. */
const FEW_BYTES = 2048
/** In this last part of the time lines are told with those that come: this thread is awake, and a timer would wake it again. */
const LEEWAY = 1 / 4
/** The other thread is told at once of this many bytes. */
const GATHER_BYTES = 16 * 1024

/**
 * Hands lines to another thread, and tells that thread of those of a few milliseconds together: each message wakes it up. Lines
 * that come after a pause are told at once.
 */
export class LineHandover {
  readonly #ring: LineRing
  readonly #deps: LineHandoverDeps
  /** Lines that the other thread has not been told of, in one piece. */
  #untold: RingPlace | undefined
  #toldAt = -Infinity
  #timer: NodeJS.Timeout | undefined
  /** When the timer is due. */
  #dueAt = Infinity

  constructor (ring: LineRing, deps: LineHandoverDeps) {
    this.#ring = ring
    this.#deps = deps
  }

  /** Takes lines. Their memory is free once this has returned. */
  put (lines: Uint8Array): void {
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
    const { clock, fewWaitMs } = this.#deps
    const waitMs = length < FEW_BYTES ? fewWaitMs : Math.min(HANDOVER_MS, fewWaitMs)
    const dueAt = this.#toldAt + waitMs
    const leftMs = dueAt - clock.now()
    if (leftMs <= waitMs * LEEWAY || length >= GATHER_BYTES) return this.tellNow()
    if (dueAt >= this.#dueAt) return
    clearTimeout(this.#timer)
    this.#dueAt = dueAt
    this.#timer = setTimeout(() => this.tellNow(), leftMs)
  }

  /** Tells of everything now: somebody waits for it, or something else follows. */
  tellNow (): void {
    const untold = this.#untold
    if (untold === undefined) return
    this.stop()
    this.#toldAt = this.#deps.clock.now()
    this.#deps.tell(untold)
  }

  /** Nothing is told any more of what has been taken. */
  stop (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#dueAt = Infinity
    this.#untold = undefined
  }
}
