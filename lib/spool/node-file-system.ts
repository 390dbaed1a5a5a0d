import { constants } from 'node:fs'
import { lstat, open, readdir, rename, rmdir, unlink, type FileHandle } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { checkTrustedFolder, checkTrustedParent, makeFolders, openTrustedFile } from '../trusted-files.js'
import type { FileSystem, OpenFile } from './file-system.js'
import { retryHeldFiles } from './held-files.js'

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
/** The code with which Node's permission model refuses something. From Node.js 26 on it refuses every sync, whatever is permitted. */
const DENIED = 'ERR_ACCESS_DENIED'
/** Error codes where folders cannot be opened or synced: on Windows, on some network file systems, and under the permission model. */
const NO_FOLDER_SYNC = new Set([DENIED, 'EACCES', 'EBADF', 'EINVAL', 'EISDIR', 'ENOSYS', 'ENOTSUP', 'EPERM'])

/** A flag with which the system syncs each write. Windows has none. */
const { O_DSYNC } = constants as Partial<typeof constants>

const moves = {
  // The CommonJS build loads node:fs/promises with the first call, and not with this module.
  rename: (from: string, to: string) => rename(from, to),
  remove: (path: string) => unlink(path),
  removeFolder: (path: string) => rmdir(path)
}

/**
 * The disk of this machine, through `node:fs`. It refuses files and folders that other users may have created or may
 * write to. It follows symbolic links only above the folder of a spool.
 */
export const nodeFileSystem: FileSystem = {
  async makeFolder (path) {
    const lowest = resolve(path)
    const parent = dirname(lowest)
    const made = await makeFolders(parent, FOLDER_MODE)
    await checkTrustedParent(parent)
    const highest = await makeFolders(lowest, FOLDER_MODE).then(lower => made ?? lower)
    await checkTrustedFolder(lowest)
    if (highest === undefined) return
    for (let folder = lowest; folder.length >= highest.length; folder = dirname(folder)) await syncFolder(dirname(folder))
  },
  list: path => readdir(path),
  async create (path) {
    const handle = await openTrustedFile(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, { mode: FILE_MODE })
    if (O_DSYNC === undefined || await maySync(handle)) return new NodeFile(handle)
    await handle.close()
    return new NodeFile(await openTrustedFile(path, constants.O_RDWR | O_DSYNC), { syncsWrites: true })
  },
  size: async path => (await lstat(path)).size,
  ageMs: async path => Math.abs(Date.now() - (await lstat(path)).mtimeMs),
  async touch (path) {
    const file = await openTrustedFile(path, constants.O_RDWR)
    const now = new Date()
    await file.utimes(now, now).finally(() => file.close())
  },
  async identityOf (path) {
    const { dev, ino } = await lstat(path, { bigint: true })
    return `${dev}:${ino}`
  },
  open: async (path, access) => new NodeFile(await openTrustedFile(path, access === 'read' ? constants.O_RDONLY : constants.O_RDWR)),
  ...process.platform === 'win32' ? retryHeldFiles(moves, ms => new Promise(resolve => setTimeout(resolve, ms))) : moves,
  syncFolder
}

/** The answer of {@link maySync}. It is the same for every file. */
let isSyncPermitted: boolean | undefined

/** True if this process may sync files at all. Only the permission model can forbid it; then a first sync is tried. */
async function maySync (handle: FileHandle): Promise<boolean> {
  if ((process as Partial<NodeJS.Process>).permission === undefined) return true
  isSyncPermitted ??= await handle.sync().then(() => true, error => (error as NodeJS.ErrnoException).code !== DENIED)
  return isSyncPermitted
}

async function syncFolder (path: string): Promise<void> {
  let handle: FileHandle | undefined
  try {
    // O_DIRECTORY: opening a FIFO in place of the folder would block.
    handle = await open(path, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0))
    await handle.sync()
  } catch (error) {
    if (!NO_FOLDER_SYNC.has(String((error as NodeJS.ErrnoException).code))) throw error
  } finally {
    await handle?.close()
  }
}

/** An open file of this machine. */
export class NodeFile implements OpenFile {
  readonly #handle: FileHandle
  readonly #syncsWrites: boolean

  /** @param options - `syncsWrites`: the file is open with `O_DSYNC`, and empty at first, so that what is written is synced already */
  constructor (handle: FileHandle, { syncsWrites = false } = {}) {
    this.#handle = handle
    this.#syncsWrites = syncsWrites
  }

  async size (): Promise<number> {
    return (await this.#handle.stat()).size
  }

  async read (into: Buffer, position: number): Promise<number> {
    return (await this.#handle.read(into, 0, into.length, position)).bytesRead
  }

  async write (bytes: Buffer, position: number): Promise<number> {
    return (await this.#handle.write(bytes, 0, bytes.length, position)).bytesWritten
  }

  async truncate (length: number): Promise<void> {
    await this.#handle.truncate(length)
  }

  async sync (): Promise<void> {
    if (!this.#syncsWrites) await this.#handle.sync()
  }

  async close (): Promise<void> {
    await this.#handle.close()
  }
}
