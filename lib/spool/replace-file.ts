import type { FileSystem, OpenFile } from './file-system.js'

/** The path of a file that is to take the place of another. */
export function draftOf (path: string): string {
  return `${path}.new`
}

/**
 * Replaces a file: creates a new one beside it, syncs it, and renames it over the old one. At any moment, also that of a
 * power cut, the old file is there or the new one. It is the new one for good once its folder is synced.
 *
 * @param write - Writes what the new file is to contain
 */
export async function replaceFile (fs: FileSystem, path: string, write: (file: OpenFile) => Promise<void>): Promise<void> {
  const draft = draftOf(path)
  const file = await createAnew(fs, draft)
  try {
    await write(file)
    await file.sync()
  } finally {
    await file.close()
  }
  await fs.rename(draft, path)
}

/** Writes all bytes, however few the disk takes at a time. */
export async function writeAll (file: OpenFile, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const more = await file.write(bytes.subarray(written), position + written)
    if (more === 0) throw new Error('the disk takes nothing')
    written += more
  }
}

async function createAnew (fs: FileSystem, path: string): Promise<OpenFile> {
  try {
    return await fs.create(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    // A process that was killed did not come to rename it.
    await fs.remove(path)
    return await fs.create(path)
  }
}
