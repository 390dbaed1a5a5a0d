import type { Lines } from '../batch.js'
import type { Position, SpooledLines } from './position.js'
import type { Recovered } from './recovery.js'

/**
 * Why a spool could not be opened yet: a live process has it, or the disk refuses. With `slots`, so many live transports
 * have one each, and there are no more.
 */
export type Hindrance = { kind: 'locked', pid: number, slots?: number } | { kind: 'failed', error: unknown }

/**
 * What went wrong, with no line lost by that alone:
 *
 * - `sync`: lines are on the disk, but a power cut may cost them
 * - `cursor`: how far it has been delivered could not be written; a restart now would deliver some lines again
 * - `read`: it is tried again after a second; the third time, or at a start, the segment is put aside, which `onDropped`
 *   or `onOpened` tells
 * - `remove`: a segment that was delivered is still there; it is tried again
 * - `quarantine`: damaged lines could not be kept for somebody to look at
 * - `folder`: the folder was removed or replaced while it was in use, and is created again. Its lines are lost;
 *   `onDropped` counts them
 * - `adopt`: a slot that no transport has cannot be opened; it is tried again
 */
export interface SpoolFault {
  during: 'sync' | 'cursor' | 'read' | 'remove' | 'quarantine' | 'folder' | 'adopt'
  error: unknown
  /** The number of the slot, if it is an adopted one. */
  slot?: number
}

/** Why lines of a spool were lost: the oldest had to make room, or they are not what was written, or are gone. */
export type SpoolLoss = 'spool-full' | 'damaged'

/** What a spool tells. Each call is made in the moment in which its counts change, and none once it is closed. */
export interface SpoolEvents {
  /** It takes lines; what an earlier life has left is still to be counted, and comes before them. Not told if it opens at once. */
  onEntered (): void
  /**
   * So many more lines of an earlier life are counted, and may be read; told for each segment, before `onOpened`.
   *
   * @param left - How many segments are still to be counted
   */
  onFound (lines: number, left: number): void
  /** It is open, and the lines of earlier runs are counted. Called again after a lost folder was created again. */
  onOpened (recovered: Recovered): void
  /** It cannot be opened now, and is tried again each second. Told again only if the reason changes. */
  onHindered (hindrance: Hindrance): void
  /** So many of the lines that were appended are on the disk: they are the spool's now. */
  onWritten (lines: number): void
  /**
   * So many of the lines that are to be kept, though somebody has them, are on the disk, from this place on, as if they had
   * been given out; or nowhere, since one is longer than the whole spool.
   */
  onKept (lines: number, place: Position | undefined): void
  /**
   * Lines that were appended, oldest first, are their giver's again: the disk did not take them, or it was closed, and
   * there is no error. Those that were to be kept, and of which it was not told, are not on the disk either.
   */
  onReturned (lines: Lines[], error: unknown): void
  /** `append` takes lines again. */
  onWritable (): void
  /** The lines that were asked for. */
  onLines (lines: SpooledLines): void
  /** Lines are lost that nobody had been given. */
  onDropped (lines: number, reason: SpoolLoss): void
  onFault (fault: SpoolFault): void
}

/** What a spool that has slots tells beside that, and what it asks. */
export interface SlotEvents extends SpoolEvents {
  /** It has adopted a slot; so many lines of it are to be sent, after its own. */
  onAdopted (recovered: Recovered, slot: number): void
  /** Whether the sink takes lines, and hardly any wait: then lines of a slot that no transport has may come. */
  mayAdopt (): boolean
}
