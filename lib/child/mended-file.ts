import { endTornLine } from '../torn-line.js'

/**
 * Prepares the file of a `pino/file` for lines that are appended to it: ends the line that a killed process, or one on a full
 * disk, has left unfinished. A number, also as a text, is a descriptor, which is left alone.
 *
 * @param options - Those of `pino/file`
 * @throws the system's error if the disk takes no newline
 */
export async function mendFile (options: unknown): Promise<void> {
  const { destination, append = true } = (options ?? {}) as { destination?: unknown, append?: unknown }
  if (typeof destination === 'string' && destination !== '' && !Number.isFinite(Number(destination)) && Boolean(append)) await endTornLine(destination)
}
