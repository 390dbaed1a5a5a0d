import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'

const TRIES = 20
const PAUSE_MS = 5

/**
 * Writes to stdout or stderr of the process, past all streams: what a worker's streams hold is lost while the app's thread is
 * blocked, or ends. Blocks this thread for a tenth of a second at most, since a reader that stands still must not stop the log.
 */
export class DirectOutput {
  readonly #standard: 1 | 2
  #descriptor: number | undefined
  /** Makes writes to a socket return at once. */
  #unblock: () => void = () => {}
  /** True after a text that was not written completely. The next text gets one try only. */
  #isStalled = false

  constructor (standard: 1 | 2) {
    this.#standard = standard
  }

  /** Never throws. */
  write (data: string | Uint8Array): void {
    if (this.#descriptor === undefined) {
      this.#descriptor = openWithoutBlocking(this.#standard)
      if (this.#descriptor === this.#standard) this.#unblock = unblockerOf(this.#standard)
    }
    this.#unblock()
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
 * A socket has no name to open it by. It does not block once libuv has it, which never closes these descriptors. A process that is
 * started with the same descriptor makes it block again, so this is done before each write. For anything else it does nothing.
 */
function unblockerOf (standard: 1 | 2): () => void {
  try {
    if (!fstatSync(standard).isSocket()) return () => {}
    const socket = new Socket({ fd: standard, readable: false, writable: true }).unref()
    const { _handle: handle } = socket as unknown as { _handle?: { setBlocking? (isBlocking: boolean): void } }
    return () => { handle?.setBlocking?.(false) }
  } catch {
    return () => {}
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
