import { writeSync } from 'node:fs'

const TRIES = 20

/** The last resort: writes to stderr past all streams, since a worker's `console` is lost in an emergency. Never throws. */
export function writeToStderr (data: string | Uint8Array): void {
  let rest = typeof data === 'string' ? Buffer.from(data) : data
  for (let tries = 0; rest.length > 0 && tries < TRIES; tries++) {
    try {
      rest = rest.subarray(writeSync(2, rest))
      tries = 0
    } catch (error) {
      // A pipe that is full for a moment says EAGAIN; whatever else it is, there is nobody left to tell.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
}
