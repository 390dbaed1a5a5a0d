import { constants, fstatSync, openSync, writeSync } from 'node:fs'

const TRIES = 20
const PAUSE_MS = 5

let descriptor: number | undefined
/** True after a text that was not written completely. The next text gets one try only. */
let isStalled = false

/**
 * The last resort: writes to stderr, past all streams, since a worker's `console` is lost in an emergency. Never throws. Blocks
 * this thread for a tenth of a second at most, since a reader that stands still must not stop the log.
 */
export function writeToStderr (data: string | Uint8Array): void {
  descriptor ??= openWithoutBlocking()
  let rest = typeof data === 'string' ? Buffer.from(data) : data
  for (let tries = isStalled ? TRIES - 1 : 0; rest.length > 0 && tries < TRIES; tries++) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest))
      tries = 0
    } catch (error) {
      // A full pipe throws EAGAIN. Nobody could be told of any other error.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      if (tries < TRIES - 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
    }
  }
  isStalled = rest.length > 0
}

/**
 * The app's stderr is usually a pipe that blocks. The same pipe does not block if it is opened again by its name, and the app's
 * stays as it is. A file is used as it is, since the app shares its offset; so is a socket, which has no name.
 */
function openWithoutBlocking (): number {
  try {
    const stats = fstatSync(2)
    if (!stats.isFIFO() && !stats.isCharacterDevice()) return 2
    return openSync('/proc/self/fd/2', constants.O_WRONLY | constants.O_NONBLOCK)
  } catch {
    return 2
  }
}
