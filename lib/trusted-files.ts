import { constants, type Stats } from 'node:fs'
import { lstat, mkdir, open, stat, type FileHandle } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { FanoutError } from './errors.js'

// Windows has none of these, and no owners either: there only what a file is can be checked.
const { O_NOFOLLOW = 0, O_NONBLOCK = 0, O_DIRECTORY = 0 } = constants as Partial<typeof constants>
const ROOT = 0
const GROUP_MAY_WRITE = 0o020
const OTHERS_MAY_WRITE = 0o002
const STICKY = 0o1000

/** What may be true of a file without it being refused. */
export interface TrustedFileOptions {
  /** The mode of a file that is made. */
  mode?: number
  /** A second name that the file may have beside its own. */
  secondName?: string
}

/**
 * Opens a file that nobody else can have put there: a regular one of this user or root, with one name, that others may
 * not write to. A symbolic link is not followed, and a FIFO does not block.
 *
 * @param flags of `open(2)`; not `O_TRUNC`, which would be too early
 * @throws FanoutError `ERR_FANOUT_UNTRUSTED_PATH` if it is any other; the system's error if it cannot be opened
 */
export async function openTrustedFile (path: string, flags: number, { mode, secondName }: TrustedFileOptions = {}): Promise<FileHandle> {
  const file = await openItself(path, flags | O_NONBLOCK, mode)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw untrusted(path, 'is no regular file')
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
 * Makes sure that others can put nothing into a folder: it is one of this user or root, no symbolic link, and others may
 * not write to it.
 *
 * @throws FanoutError `ERR_FANOUT_UNTRUSTED_PATH` if it is any other; the system's error if it cannot be opened
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
 * Makes sure that others cannot replace what is in a folder. A sticky one, as `/tmp` is, will do, and so will a symbolic
 * link of this user or root to a folder that will do.
 *
 * @throws FanoutError `ERR_FANOUT_UNTRUSTED_PATH` if they can
 */
export async function checkTrustedParent (path: string): Promise<void> {
  const link = await lstat(path)
  if (link.isSymbolicLink() && !isTrustedUser(link.uid)) throw untrusted(path, `is a symbolic link of user ${link.uid}`)
  checkOwner(path, await stat(path), STICKY)
}

/**
 * Makes a folder, and those above it, where they are missing. Not by the `recursive` of `mkdir`, which never comes back
 * where a folder can be neither made nor found, as below `/proc` (nodejs/node#31481).
 *
 * @returns the highest folder that was made, if any was
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

/** @returns whether it was not there before */
async function makeFolder (path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode })
    return true
  } catch (error) {
    // A disk that must not be written says other things than EEXIST of what is there.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || !await isFolder(path)) throw error
    return false
  }
}

async function isFolder (path: string): Promise<boolean> {
  return await stat(path).then(stats => stats.isDirectory(), () => false)
}

/** Opens what has this name, and nothing that it may link to. */
async function openItself (path: string, flags: number, mode?: number): Promise<FileHandle> {
  try {
    return await open(path, flags | O_NOFOLLOW, mode)
  } catch (error) {
    // Systems have several codes for it.
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

/** @param exemption - A bit of the mode with which others may write */
function checkOwner (path: string, { uid, gid, mode }: Stats, exemption = 0): void {
  const self = process.geteuid?.()
  if (self === undefined) return
  if (!isTrustedUser(uid)) throw untrusted(path, `belongs to user ${uid}, where this process runs as user ${self}`)
  // A group with the number of the user is the user's own, as most systems make one, or one that was given on purpose.
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
