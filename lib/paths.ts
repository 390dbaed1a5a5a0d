import { fileURLToPath } from 'node:url'
import { ownPlatform, type Platform } from './platform.js'

const PIPE = /^[\\/]{2}[.?][\\/]pipe[\\/]/i

/**
 * True for a target that is an absolute path or a `file://` URL, and not a name. A path on another drive's working directory,
 * `C:sink.js`, is neither.
 */
export function isPath (target: string, { path }: Platform = ownPlatform): boolean {
  return path.isAbsolute(target) || target.startsWith('file://')
}

/** True for a target that is a path relative to the file that names it. */
export function isRelative (target: string): boolean {
  return /^\.\.?[/\\]/.test(target)
}

/**
 * The absolute path of a `file://` URL, or of a path relative to the working directory.
 *
 * @throws TypeError for a `file://` URL that names no path
 */
export function toPath (place: string, cwd: string, { path, isWindows }: Platform = ownPlatform): string {
  return place.startsWith('file://') ? toFilePath(place, isWindows) : path.resolve(cwd, place)
}

/** The path of a socket of this machine. A named pipe of Windows has no folder. */
export function toSocketPath (socket: string, cwd: string, { path }: Platform = ownPlatform): string {
  return isPipe(socket) ? socket : path.resolve(cwd, socket)
}

/** True for the name of a named pipe, such as `\\\\.\\pipe\\log`. */
export function isPipe (socket: string): boolean {
  return PIPE.test(socket)
}

/** The same text for all spellings of a path that usually are the same file. */
export function keyOfPath (absolutePath: string, { path, ignoresCase }: Platform = ownPlatform): string {
  const normal = path.normalize(absolutePath)
  return ignoresCase ? normal.normalize('NFC').toLowerCase() : normal
}

/** Node.js before 20.13 has no rules for another system than its own. */
function toFilePath (url: string, windows: boolean): string {
  return (fileURLToPath as (url: string, options: { windows: boolean }) => string)(url, { windows })
}
