import type { Clock } from '../clock.js'
import type { FileSystem } from './file-system.js'
import type { OwnerTable } from './owner.js'

/** Settings of one spool folder, from a target's option `spool`. */
export interface SpoolFolderSettings {
  /** The spool's own folder, `<dir>/<name>`. */
  folder: string
  /** Limit of all segments together, in bytes. Beyond it, the oldest segments are removed. */
  maxBytes: number
  /** Size at which the next segment is begun, in bytes. At most half of `maxBytes` counts. */
  segmentBytes: number
  /** Lines that were written, and the delivery position, are synced within this time, in ms. */
  syncMs: number
  /** Whether the folder is removed at the end if nothing is left in it. @default false */
  isDisposable?: boolean
}

/** Dependencies of a `Spool`. */
export interface SpoolDeps {
  fs: FileSystem
  owners: OwnerTable
  clock: Clock
  random: () => number
}
