import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const NEWLINE = 10
/** Windows has none, and no FIFOs in its file system. */
const { O_NONBLOCK = 0 } = constants as Partial<typeof constants>
/** How often a file is looked at before its last line counts as torn. Another process may be writing that line. */
const LOOKS = 3
/** Time between two looks. */
const LOOK_MS = 5

/** The part of a `FileHandle` that is needed to look at the end of a file. */
export type ReadableFile = Pick<FileHandle, 'stat' | 'read'>

/**
 * True if a file of lines ends within a line, as it does after a process was killed, or a disk was full, in the middle of a
 * write. A file that is still growing has no torn line.
 *
 * @param size - Its size, if it is known
 */
export async function hasTornLine (file: ReadableFile, size?: number): Promise<boolean> {
  let last: number | undefined
  for (let look = 0; look < LOOKS; look++) {
    const now = look === 0 && size !== undefined ? size : (await file.stat()).size
    if (now === 0 || (last !== undefined && now !== last)) return false
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, now - 1)
    // Somebody may have emptied it meanwhile.
    if (bytesRead === 0 || buffer[0] === NEWLINE) return false
    last = now
    if (look < LOOKS - 1) await sleep(LOOK_MS)
  }
  return true
}

/**
 * Ends a torn last line of a file by a newline, so that it does not spoil the line that is appended next. Does nothing for
 * what is no regular file, or cannot be read.
 *
 * @throws the system's error if the newline cannot be written, as on a full disk
 */
export async function endTornLine (path: string): Promise<void> {
  const isTorn = await withFile(path, constants.O_RDONLY | O_NONBLOCK, async file => (await file.stat()).isFile() && await hasTornLine(file)).catch(() => false)
  if (isTorn) await withFile(path, constants.O_WRONLY | constants.O_APPEND, async file => await file.write('\n'))
}

async function withFile<T> (path: string, flags: number, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags)
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}
