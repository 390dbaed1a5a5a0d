import { pauseMs } from './heap-watch.js'

const MB = 1024 * 1024

/**
 * Looks at the resident memory of this process again and again, more often the closer it is to its limit, and calls back once it
 * is above.
 *
 * @param onExceeded - Called at most once, with a message
 * @param read - Reads the resident memory in bytes
 */
export function watchRss (limitMb: number, onExceeded: (message: string) => void, read: () => number = process.memoryUsage.rss): void {
  const bytes = read()
  const freeBytes = limitMb * MB - bytes
  if (freeBytes >= 0) setTimeout(() => watchRss(limitMb, onExceeded, read), pauseMs(freeBytes)).unref()
  else onExceeded(`its process has ${Math.round(bytes / MB)} MB resident, more than the allowed ${limitMb} MB`)
}
