import type { Calls } from './calls.js'

type Destroy = () => void

/** The parts of a SonicBoom that are needed to discard it safely. Most are undocumented. */
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

/** The way in which a SonicBoom takes lines. */
export interface SonicBoomTraits {
  contentMode: 'text' | 'bytes'
  /** The SonicBoom keeps lines back on purpose until it has this many bytes. */
  minLength: number
}

/** The stream as a SonicBoom; `undefined` for any other stream. */
export function asSonicBoom (stream: unknown): SonicBoom | undefined {
  const { fd, flushSync, reopen } = stream as Record<string, unknown>
  return typeof fd === 'number' && typeof flushSync === 'function' && typeof reopen === 'function' ? stream as SonicBoom : undefined
}

/** Reads the traits of a SonicBoom. */
export function traitsOf ({ minLength, _writingBuf }: SonicBoom): SonicBoomTraits {
  return { contentMode: Buffer.isBuffer(_writingBuf) ? 'bytes' : 'text', minLength: typeof minLength === 'number' ? minLength : 0 }
}

/**
 * Makes a SonicBoom safe to discard at any time. If a SonicBoom is destroyed with a write pending, it throws out of that write's
 * completion. It also closes the file descriptor at once: the system may then give the descriptor to another file, which the pending
 * write would hit. From now on `destroy()` drops the buffered lines, and waits for the pending call before it closes the file.
 *
 * @param calls - Counts the pending open, write or close of a destroyed SonicBoom until it has returned
 * @param onFault - Called with each error that the completion of a write throws
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
      // A file that was never opened emits no `close`.
      if (sonic.fd === -1) end()
      else sonic.once('error', end)
    }
    if (sonic._writing || sonic._opening) sonic.on('drain', close).on('error', close).on('ready', close)
    else close()
  }
}

/** Drops all lines but those of the pending write. */
function dropBuffers (sonic: SonicBoom): void {
  // Another version may lack these fields. Then the completion of its write may throw, which is contained.
  if (!Array.isArray(sonic._bufs)) return
  sonic._bufs.length = 0
  if (Array.isArray(sonic._lens)) sonic._lens.length = 0
  sonic._len = Buffer.byteLength(sonic._writingBuf)
  sonic.retryEAGAIN = () => false
}
