import type { Lines } from '../batch.js'
import type { Position, SpooledLines } from './position.js'
import type { Recovered } from './recovery.js'

/**
 * Why a spool could not be opened yet. `locked`: a live process has it, or, with `slots`, live transports have all these
 * slots. `failed`: the disk refuses.
 */
export type Hindrance = { kind: 'locked', pid: number, slots?: number } | { kind: 'failed', error: unknown }

/**
 * An operation that failed. Lost lines, if any, are reported separately:
 *
 * - `sync`: lines are on the disk, but a power cut may lose them
 * - `cursor`: the delivery position could not be saved; a restart now would deliver some lines again
 * - `read`: a segment could not be read, and is read again after a second. The third time, or at a start, it is set aside,
 *   which `onDropped` or `onOpened` reports
 * - `remove`: a delivered segment could not be removed; it is tried again
 * - `quarantine`: damaged lines could not be kept for a person to look at
 * - `folder`: the folder was removed or replaced while it was in use, and is created again. Its lines are lost;
 *   `onDropped` counts them
 * - `adopt`: a slot without a transport could not be opened; it is tried again
 */
export interface SpoolFault {
  during: 'sync' | 'cursor' | 'read' | 'remove' | 'quarantine' | 'folder' | 'adopt'
  error: unknown
  /** The number of the slot if it is adopted; `undefined` for the transport's own. */
  slot?: number
}

/**
 * Why lines of a spool were lost. `spool-full`: the oldest lines had to make room. `damaged`: lines were changed on the
 * disk or removed from it.
 */
export type SpoolLoss = 'spool-full' | 'damaged'

/** Callbacks of a spool. Each is called at the moment when the spool's counts change, and never after it is closed. */
export interface SpoolEvents {
  /**
   * The spool takes lines, and still has to count the lines of earlier runs, which come before them. Not called if there
   * is so little to count that it opens at once.
   */
  onEntered (): void
  /**
   * More lines of earlier runs are counted and can be read. Called for each segment, before `onOpened`.
   *
   * @param left - How many segments are still to be counted.
   */
  onFound (lines: number, left: number): void
  /** The spool is open, and all lines of earlier runs are counted. Called again after a lost folder was created again. */
  onOpened (recovered: Recovered): void
  /** The spool cannot be opened now. It keeps trying, and calls this again only if the reason changes. */
  onHindered (hindrance: Hindrance): void
  /** The next of the appended lines are on the disk: the spool is responsible for them now. */
  onWritten (lines: number): void
  /**
   * The next of the lines that were passed to `keep` are on the disk, and count as handed out.
   *
   * @param position - The position of the first; `undefined` if a line was not written since it is longer than the whole spool.
   */
  onKept (lines: number, position: Position | undefined): void
  /**
   * Appended lines come back, oldest first, because the disk did not take them, or, with an `error` of `undefined`, because
   * the spool was closed. Lines that were passed to `keep` do not come back: those without a call of `onKept` are not on
   * the disk.
   */
  onReturned (lines: Lines[], error: unknown): void
  /** `append` and `keep` take lines again. */
  onWritable (): void
  /** Brings the lines that `read` has requested. */
  onLines (lines: SpooledLines): void
  /** Lines are lost that had not been handed out. */
  onDropped (lines: number, reason: SpoolLoss): void
  onFault (fault: SpoolFault): void
}

/** Callbacks of a spool with slots. */
export interface SlotEvents extends SpoolEvents {
  /** The spool has adopted a slot. Its lines are sent after those of the own slot. */
  onAdopted (recovered: Recovered, slot: number): void
  /** Asks whether a slot may be adopted now: the sink takes lines, and hardly any lines wait. */
  mayAdopt (): boolean
}
