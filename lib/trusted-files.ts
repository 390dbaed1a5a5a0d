import { constants, type Stats } from 'node:fs'
import { lstat, mkdir, open, stat, type FileHandle } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { FanoutError } from './errors.js'

// Windows has neither these flags nor owners of files. There only the kind of a file can be checked.
const { O_NOFOLLOW = 0, O_NONBLOCK = 0, O_DIRECTORY = 0 } = constants as Partial<typeof constants>
const ROOT = 0
const GROUP_MAY_WRITE = 0o020
const OTHERS_MAY_WRITE = 0o002
const STICKY = 0o1000

/** Options of {@link openTrustedFile}. */
export interface TrustedFileOptions {
  /** The mode of the file if it is created. */
  mode?: number
  /** A second name (hard link) that the file may have. */
  secondName?: string
}

/**
 * Opens a file that no other user can have put there: a regular file of this user or root, with one name, that others may
 * not write to. Does not follow a symbolic link, and does not block on a FIFO.
 *
 * @param flags - Flags of `open(2)`. Not `O_TRUNC`, which would empty the file before it is checked.
 * @throws FanoutError `ERR_FANOUT_UNTRUSTED_PATH` if it is another kind of file; the system's error if it cannot be opened
 */
export async function openTrustedFile (path: string, flags: number, { mode, secondName }: TrustedFileOptions = {}): Promise<FileHandle> {
  const file = await openItself(path, flags | O_NONBLOCK, mode)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw untrusted(path, 'is not a regular file')
    if (stats.nlink > 1 && !(secondName !== undefined && stats.nlink === 2 && await isSame(secondName, stats))) {
      throw untrusted(path, `has ${stats.nlink} names (hard links), one of which others may have made`)
    }
    checkOwner(path, stats)
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

/**
 * Checks that no other user can put files into a folder: it belongs to this user or root, is not a symbolic link, and
 * others may not write to it.
 *
 * @throws FanoutError `ERR_FANOUT_UNTRUSTED_PATH` if they can; the system's error if it cannot be opened
 */
export async function checkTrustedFolder (path: string): Promise<void> {
  const folder = await openItself(path, constants.O_RDONLY | O_DIRECTORY)
  try {
    checkOwner(path, await folder.stat())
  } finally {
    await folder.close()
  }
}

/**
 * Checks that no other user can replace the files of this user in a folder. A sticky folder, such as `/tmp`, is accepted,
 * and so is a symbolic link of this user or root to an accepted folder.
 *
 * @throws FanoutError `ERR_FANOUT_UNTRUSTED_PATH` if they can
 */
export async function checkTrustedParent (path: string): Promise<void> {
  const link = await lstat(path)
  if (link.isSymbolicLink() && !isTrustedUser(link.uid)) throw untrusted(path, `is a symbolic link of user ${link.uid}`)
  checkOwner(path, await stat(path), STICKY)
}

/**
 * Creates a folder and its missing parent folders. It does not use the `recursive` option of `mkdir`, which hangs where a
 * folder can be neither created nor found, as below `/proc` (nodejs/node#31481).
 *
 * @returns the highest folder that was created, if any
 */
export async function makeFolders (path: string, mode: number): Promise<string | undefined> {
  const folder = resolve(path)
  try {
    return await makeFolder(folder, mode) ? folder : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(folder) === folder) throw error
  }
  const highest = await makeFolders(dirname(folder), mode)
  return await makeFolder(folder, mode) ? highest ?? folder : highest
}

/** @returns `false` if the folder exists already */
async function makeFolder (path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode })
    return true
  } catch (error) {
    // A read-only disk reports other errors than EEXIST for a folder that exists.
    const fault = await stat(path).then(stats => stats.isDirectory() ? undefined : error, (fault: unknown) => fault)
    if (fault === undefined) return false
    // Somebody has removed it since.
    if (codeOf(error) === 'EEXIST' && codeOf(fault) === 'ENOENT' && !await isSymbolicLink(path)) throw fault
    throw error
  }
}

function codeOf (error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}

/** Opens a file or folder without following a symbolic link. */
async function openItself (path: string, flags: number, mode?: number): Promise<FileHandle> {
  // Windows cannot be told to follow no link. There a link that is made in between is followed.
  if (O_NOFOLLOW === 0 && await isSymbolicLink(path)) throw untrusted(path, 'is a symbolic link')
  try {
    return await open(path, flags | O_NOFOLLOW, mode)
  } catch (error) {
    // Error codes for a symbolic link differ between systems.
    if (await isSymbolicLink(path) && (error as NodeJS.ErrnoException).code !== 'EEXIST') throw untrusted(path, 'is a symbolic link')
    throw error
  }
}

async function isSymbolicLink (path: string): Promise<boolean> {
  return await lstat(path).then(stats => stats.isSymbolicLink(), () => false)
}

async function isSame (path: string, { dev, ino }: Stats): Promise<boolean> {
  return await lstat(path).then(other => other.dev === dev && other.ino === ino, () => false)
}

/** @param exemption - A bit of the mode; if it is set, others may write. */
function checkOwner (path: string, { uid, gid, mode }: Stats, exemption = 0): void {
  const self = process.geteuid?.()
  if (self === undefined) return
  if (!isTrustedUser(uid)) throw untrusted(path, `belongs to user ${uid}, where this process runs as user ${self}`)
  // A group with the user's number is the user's own on most systems; elsewhere somebody has chosen it on purpose.
  const canGroupWrite = (mode & GROUP_MAY_WRITE) !== 0 && gid !== self && gid !== ROOT
  if ((canGroupWrite || (mode & OTHERS_MAY_WRITE) !== 0) && (mode & exemption) === 0) {
    throw untrusted(path, `may be written by others (mode ${(mode & 0o7777).toString(8)}, group ${gid})`)
  }
}

function isTrustedUser (uid: number): boolean {
  return uid === ROOT || uid === process.geteuid?.() || process.geteuid === undefined
}

function untrusted (path: string, fault: string): FanoutError {
  return new FanoutError('ERR_FANOUT_UNTRUSTED_PATH', `${path}: ${fault}`)
}
