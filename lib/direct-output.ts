import { constants, fstatSync, openSync, writeSync } from 'node:fs'

const TRIES = 20
const PAUSE_MS = 5

/**
 * Writes to stdout or stderr of the process, past all streams: what a worker's streams hold is lost while the app's thread is
 * blocked, or ends. Blocks this thread for a tenth of a second at most, since a reader that stands still must not stop the log.
 */
export class DirectOutput {
  readonly #standard: 1 | 2
  #descriptor: number | undefined
  /** True after a text that was not written completely. The next text gets one try only. */
  #isStalled = false

  constructor (standard: 1 | 2) {
    this.#standard = standard
  }

  /** Never throws. */
  write (data: string | Uint8Array): void {
    this.#descriptor ??= openWithoutBlocking(this.#standard)
    let rest = typeof data === 'string' ? Buffer.from(data) : data
    for (let tries = this.#isStalled ? TRIES - 1 : 0; rest.length > 0 && tries < TRIES; tries++) {
      try {
        rest = rest.subarray(writeSync(this.#descriptor, rest))
        tries = 0
      } catch (error) {
        // A full pipe throws EAGAIN. Nobody could be told of any other error.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
        if (tries < TRIES - 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
      }
    }
    this.#isStalled = rest.length > 0
  }
}

/**
 * The app's stdout and stderr are usually pipes that block. The same pipe does not block if it is opened again by its name, and
 * the app's stays as it is. A file is used as it is, since the app shares its offset; so is a socket, which has no name.
 */
function openWithoutBlocking (standard: 1 | 2): number {
  try {
    const stats = fstatSync(standard)
    if (!stats.isFIFO() && !stats.isCharacterDevice()) return standard
    return openSync(`/proc/self/fd/${standard}`, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch {
    return standard
  }
}
