import type { Clock } from './clock.js'
import type { SpoolSettings } from './options.js'
import { nodeFileSystem } from './spool/node-file-system.js'
import { systemOwners } from './spool/owner.js'
import { SlottedSpool } from './spool/slotted-spool.js'
import type { SlotEvents } from './spool/spool-events.js'

export { DeadLetterFile } from './dead-letters/dead-letter-file.js'

/** Opens the spool of a target on the disk of this machine. */
export function openSpool (settings: SpoolSettings, clock: Clock, events: SlotEvents): SlottedSpool {
  return new SlottedSpool(settings, { fs: nodeFileSystem, owners: systemOwners, clock, random: Math.random }, events)
}
