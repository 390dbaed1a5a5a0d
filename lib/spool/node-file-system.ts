import { mkdir, open, readdir, rename, stat, unlink, type FileHandle } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { FileSystem, OpenFile } from './file-system.js'

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
/** What a system says that cannot open or sync a folder: Windows, and some network file systems. */
const NO_FOLDER_SYNC = new Set(['EACCES', 'EBADF', 'EINVAL', 'EISDIR', 'ENOSYS', 'ENOTSUP', 'EPERM'])

/** The disk of this machine, by `node:fs`. */
export const nodeFileSystem: FileSystem = {
  async makeFolder (path) {
    const lowest = resolve(path)
    const highest = await mkdir(lowest, { recursive: true, mode: FOLDER_MODE })
    if (highest === undefined) return
    for (let folder = lowest; folder.length >= highest.length; folder = dirname(folder)) await syncFolder(dirname(folder))
  },
  list: path => readdir(path),
  create: async path => new NodeFile(await open(path, 'wx+', FILE_MODE)),
  size: async path => (await stat(path)).size,
  open: async (path, access) => new NodeFile(await open(path, access === 'read' ? 'r' : 'r+')),
  rename,
  remove: unlink,
  syncFolder
}

async function syncFolder (path: string): Promise<void> {
  let handle: FileHandle | undefined
  try {
    handle = await open(path, 'r')
    await handle.sync()
  } catch (error) {
    if (!NO_FOLDER_SYNC.has(String((error as NodeJS.ErrnoException).code))) throw error
  } finally {
    await handle?.close()
  }
}

class NodeFile implements OpenFile {
  readonly #handle: FileHandle

  constructor (handle: FileHandle) {
    this.#handle = handle
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
    await this.#handle.sync()
  }

  async close (): Promise<void> {
    await this.#handle.close()
  }
}
