import { targetDefaults } from '../defaults.js'
import { MAX_TIMER_MS, count, milliseconds, object, oneOf, text } from '../fields.js'

/** The option `spool`. */
export const spoolSchema = object({
  dir: text({
    description: 'Folder of the spools. Each target has a folder of its own in it, named after the target. Transports with the same options may share `dir`: each has folders of its own, `<name>`, `<name>.2`, and so on. A relative path starts from the working directory.',
    'x-default': 'none; required with `whenOpen: \'spool\'`',
    'x-env': false
  }),
  maxBytes: count({
    description: 'Limit for the disk space of one target. Beyond it the oldest segments are deleted, and their lines are counted as `spool-full`.',
    default: targetDefaults.spool.maxBytes
  }),
  segmentBytes: count({
    description: 'Size at which a new segment is begun. More than half of `maxBytes` counts as half of it.',
    default: targetDefaults.spool.segmentBytes
  }),
  syncMs: milliseconds(1, MAX_TIMER_MS, {
    description: 'Written lines are synced to the disk after this time at the latest. A power cut loses no more than that.',
    default: targetDefaults.spool.syncMs,
    'x-plausible-from': 5
  }),
  mode: oneOf(['open', 'always'], {
    description: '`\'open\'`: lines go to disk while the breaker is not closed, and until all lines on the disk have been replayed. `\'always\'`: every line goes through the disk, so a crash of the app loses only lines that pino had not yet handed over, and those that are just being written (`spoolPendingLines`).',
    default: targetDefaults.spool.mode
  })
}, {
  title: 'Spool',
  description: 'The queue on disk, for `whenOpen: \'spool\'`.',
  'x-default': 'none',
  'x-type': 'SpoolOptions'
})

/** The option `deadLetter`. */
export const deadLetterSchema = object({
  path: text({
    description: 'The file. Lines are appended, and the file is never removed. Several targets may share it: each line names its target. A relative path starts from the working directory.',
    'x-default': 'none; required with `deadLetter`',
    'x-env': false
  }),
  maxBytes: count({
    description: 'Limit for the size of the file. Lines beyond it are dropped, and counted as `poison`.',
    default: targetDefaults.deadLetter.maxBytes
  })
}, {
  title: 'DeadLetter',
  description: 'NDJSON file for lines that the backend refuses for good while it accepts others.',
  'x-default': 'none: these lines are dropped, and counted as `poison`',
  'x-type': 'DeadLetterOptions'
})
