import { join } from 'node:path'
import type { FileSystem } from './file-system.js'

const PATTERN = /^id\.([0-9a-f]{12})$/

/** The spool's identity in the name of an identity file; `undefined` for any other file. */
export function identityOf (name: string): string | undefined {
  return PATTERN.exec(name)?.[1]
}

/**
 * The identity of a spool, which distinguishes it from all others as long as its folder exists. It is needed because
 * positions in two spools can be equal. The first call creates it. It is stored as the name of an empty file: a full disk
 * has room for that, and it is never half written.
 *
 * @param random - Returns a number from 0 (inclusive) to 1 (exclusive).
 * @returns twelve hexadecimal digits. If the disk cannot store them, the next run gets other digits.
 */
export async function identify (fs: FileSystem, folder: string, random: () => number): Promise<string> {
  const [known] = (await fs.list(folder)).flatMap(name => identityOf(name) ?? []).sort()
  if (known !== undefined) return known
  const identity = Math.floor(random() * 2 ** 48).toString(16).padStart(12, '0')
  try {
    await (await fs.create(join(folder, `id.${identity}`))).close()
    await fs.syncFolder(folder)
  } catch {
    // No line is lost by this: a backend just cannot recognize lines that are sent again after a restart.
  }
  return identity
}

/**
 * Removes the identity of a spool, so that it gets a new one when it is next opened. Needed before positions are used for
 * other lines than before. Settles once the removal would survive a power cut.
 */
export async function loseIdentity (fs: FileSystem, folder: string): Promise<void> {
  for (const name of (await fs.list(folder)).filter(name => identityOf(name) !== undefined)) await fs.remove(join(folder, name))
  await fs.syncFolder(folder)
}
