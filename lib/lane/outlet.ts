import type { Amount } from '../queue.js'
import type { Pace } from '../pace.js'

/** Takes lines out of a lane: its sink, or the disk in front of it. */
export interface Outlet {
  /** True while it takes lines at all, so that waiting for it makes sense. */
  readonly isTaking: boolean
  /** Lines that it has and that count against the limits of the queue. */
  readonly held: Amount
  /** Bytes that it was given and has not accepted, as far as its silence says something about it. */
  readonly unacceptedBytes: number
  readonly pace: Pace
  /** True if it takes new lines of this size now. */
  canTake (bytes: number): boolean
  /** True if new lines of this size may exceed the limits of the queue, because they leave memory at once. */
  mayExceed (bytes: number): boolean
}
