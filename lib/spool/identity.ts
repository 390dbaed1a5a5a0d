import { join } from 'node:path'
import type { FileSystem } from './file-system.js'

const PATTERN = /^id\.([0-9a-f]{12})$/

/** What a file of this name says of a spool; `undefined` if it is no such file. */
export function identityOf (name: string): string | undefined {
  return PATTERN.exec(name)?.[1]
}

/**
 * Tells one spool apart from all others, for as long as its folder is there: the places in two of them are the same. It
 * stands in the name of an empty file, for which a full disk has room, and which is never half written.
 *
 * @param random a number from 0 up to, not including, 1
 * @returns twelve hexadecimal digits; others in the next life, if the disk does not keep them
 */
export async function identify (fs: FileSystem, folder: string, random: () => number): Promise<string> {
  const [known] = (await fs.list(folder)).flatMap(name => identityOf(name) ?? []).sort()
  if (known !== undefined) return known
  const identity = Math.floor(random() * 2 ** 48).toString(16).padStart(12, '0')
  try {
    await (await fs.create(join(folder, `id.${identity}`))).close()
    await fs.syncFolder(folder)
  } catch {
    // The lines are no worse for it: what is sent again after a restart is just not known as such.
  }
  return identity
}

/**
 * Makes another spool of it, in which a place that had a line before may have another one now. It has happened for good
 * when this settles.
 */
export async function loseIdentity (fs: FileSystem, folder: string): Promise<void> {
  for (const name of (await fs.list(folder)).filter(name => identityOf(name) !== undefined)) await fs.remove(join(folder, name))
  await fs.syncFolder(folder)
}
