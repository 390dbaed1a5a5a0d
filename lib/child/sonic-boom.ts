import type { Calls } from './calls.js'

type Destroy = () => void

/** The parts of a SonicBoom, mostly undocumented, by which it can be discarded safely. */
interface SonicBoom extends NodeJS.EventEmitter {
  readonly fd: number
  readonly minLength: number
  destroyed: boolean
  destroy: Destroy
  release: (error: unknown, bytes: number) => void
  retryEAGAIN: () => boolean
  _opening: boolean
  _writing: boolean
  _ending: boolean
  _bufs: unknown[]
  _lens: number[]
  _len: number
  readonly _writingBuf: string | Buffer
}

/** How a SonicBoom takes lines. */
export interface SonicBoomTraits {
  contentMode: 'text' | 'bytes'
  /** It keeps lines back on purpose until it has so many bytes. */
  minLength: number
}

/** `undefined` for any other stream. */
export function asSonicBoom (stream: unknown): SonicBoom | undefined {
  const { fd, flushSync, reopen } = stream as Record<string, unknown>
  return typeof fd === 'number' && typeof flushSync === 'function' && typeof reopen === 'function' ? stream as SonicBoom : undefined
}

/** What to give to a SonicBoom, and when. */
export function traitsOf ({ minLength, _writingBuf }: SonicBoom): SonicBoomTraits {
  return { contentMode: Buffer.isBuffer(_writingBuf) ? 'bytes' : 'text', minLength: typeof minLength === 'number' ? minLength : 0 }
}

/**
 * Makes a SonicBoom safe to discard at any time. Destroyed with a write pending, it throws out of that write's completion,
 * and closes the file descriptor that the system may still be about to use, which may be another file's by then. From now on
 * `destroy()` drops what it has buffered, and waits for the pending call before it closes the file.
 *
 * @param calls - Counts the pending open, write or close of a destroyed one until it has come back.
 * @param onFault - Told of what the completion of a write throws.
 */
export function makeDiscardable (sonic: SonicBoom, calls: Calls, onFault: (error: unknown) => void): void {
  const { release } = sonic
  const destroy = sonic.destroy.bind(sonic) as Destroy
  let isDiscarded = false
  let isClosed = false
  sonic.once('close', () => { isClosed = true })
  if (typeof release === 'function') {
    sonic.release = (error, bytes) => {
      try {
        release.call(sonic, error, bytes)
      } catch (thrown) {
        onFault(thrown)
      }
    }
  }
  sonic.destroy = () => {
    if (isDiscarded || isClosed) return
    isDiscarded = true
    dropBuffers(sonic)
    const end = calls.begin()
    sonic.once('close', end)
    const close = (): void => {
      sonic.off('drain', close).off('error', close).off('ready', close)
      // It may be closing its file already, by `end()`.
      if (!sonic.destroyed) destroy()
      // A file that was never opened is not closed either.
      if (sonic.fd === -1) end()
      else sonic.once('error', end)
    }
    if (sonic._writing || sonic._opening) sonic.on('drain', close).on('error', close).on('ready', close)
    else close()
  }
}

/** Leaves only what the pending write has. */
function dropBuffers (sonic: SonicBoom): void {
  // Without these fields it is another version, whose completion may throw: that is contained.
  if (!Array.isArray(sonic._bufs)) return
  sonic._bufs.length = 0
  if (Array.isArray(sonic._lens)) sonic._lens.length = 0
  sonic._len = Buffer.byteLength(sonic._writingBuf)
  sonic.retryEAGAIN = () => false
}
