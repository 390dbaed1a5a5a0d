/** A place in a spool: that of a line's first byte, or behind the last one. */
export interface Position {
  /** The number of the segment, from 1. */
  readonly segment: number
  /** Bytes before it in the segment. */
  readonly offset: number
  /** The identity of the spool that it is in, if that is an adopted slot; none: the lane's own. */
  readonly spool?: string
}

/** Whole lines as they were read from a spool. */
export interface SpooledLines extends Position {
  /** All of them, each with its newline. They follow one another in the segment, so a part of them has its place too. */
  readonly bytes: Buffer
  readonly count: number
}
