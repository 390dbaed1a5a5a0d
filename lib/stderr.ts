import { constants, fstatSync, openSync, writeSync } from 'node:fs'

const TRIES = 20
const PAUSE_MS = 5

let descriptor: number | undefined
/** The last text did not get through: nobody waits for the next one. */
let isStalled = false

/**
 * The last resort: writes to stderr past all streams, since a worker's `console` is lost in an emergency. Never throws,
 * and holds this thread up for a tenth of a second at most: a stderr whose reader stands still must not stop the log.
 */
export function writeToStderr (data: string | Uint8Array): void {
  descriptor ??= openWithoutBlocking()
  let rest = typeof data === 'string' ? Buffer.from(data) : data
  for (let tries = isStalled ? TRIES - 1 : 0; rest.length > 0 && tries < TRIES; tries++) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest))
      tries = 0
    } catch (error) {
      // A pipe that is full for a moment says EAGAIN; whatever else it is, there is nobody left to tell.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      if (tries < TRIES - 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
    }
  }
  isStalled = rest.length > 0
}

/**
 * The app's own stderr is a pipe that blocks, as a rule. Opened once more by its name, the same pipe does not, and the
 * app's stays as it is. A file has an offset that the app must share, and a socket has no name: they are used as they are.
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
