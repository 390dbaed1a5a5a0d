import type { Lines } from '../batch.js'

/** A position in a spool: that of a line's first byte, or the end of the last line. */
export interface Position {
  /** The number of the segment. The first is 1. */
  readonly segment: number
  /** The byte offset in the segment. */
  readonly offset: number
  /** The identity of the spool if it is an adopted slot; `undefined` for the lane's own spool. */
  readonly spool?: string
}

/**
 * Whole lines that were read from a spool, and the position of the first. They follow one another in their segment, so
 * the position of each line is known.
 */
export interface SpooledLines extends Position, Pick<Lines, 'bytes' | 'count'> {}

/** The id of a batch that begins at a position in the spool with this identity. */
export function batchIdOf (identity: string, { segment, offset }: Position): string {
  return `${identity}:${segment}:${offset}`
}
