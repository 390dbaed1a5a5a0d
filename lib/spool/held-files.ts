import type { FileSystem } from './file-system.js'

/** How long is waited before each further attempt: 635 ms together. */
const WAITS_MS = [5, 10, 20, 40, 80, 160, 320]
/** Windows refuses with these while another process, such as a virus scanner, has the file open. It closes it soon. */
const HELD = new Set(['EACCES', 'EBUSY', 'EPERM'])

/** The calls that a file refuses which another process has open. */
type Calls = Pick<FileSystem, 'rename' | 'remove' | 'removeFolder'>

/**
 * Tries these calls again while they are refused as by Windows.
 *
 * @param wait - Resolves after this time in ms
 */
export function retryHeldFiles ({ rename, remove, removeFolder }: Calls, wait: (ms: number) => Promise<unknown>): Calls {
  return {
    rename: async (from, to) => await retry(async () => await rename(from, to), wait),
    remove: async path => await retry(async () => await remove(path), wait),
    removeFolder: async path => await retry(async () => await removeFolder(path), wait)
  }
}

async function retry (call: () => Promise<void>, wait: (ms: number) => Promise<unknown>): Promise<void> {
  for (const ms of WAITS_MS) {
    try {
      return await call()
    } catch (error) {
      if (!HELD.has(String((error as NodeJS.ErrnoException).code))) throw error
    }
    await wait(ms)
  }
  await call()
}
