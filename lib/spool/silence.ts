import type { Clock } from '../clock.js'
import { FanoutError } from '../errors.js'

/** A disk that has not answered for this long, in ms of waited time, is reported to hang. */
const SILENCE_MS = 5000

/**
 * Calls back if a disk has not answered for some seconds. It may still answer later.
 *
 * @returns A function that cancels the call.
 */
export function onSilence (clock: Clock, folder: string, callback: (error: FanoutError) => void): () => void {
  return clock.whenWaited(clock.waited() + SILENCE_MS, () => {
    callback(new FanoutError('ERR_FANOUT_DISK_HANGS', `${folder}: the disk has not answered for ${SILENCE_MS / 1000} s`))
  })
}
