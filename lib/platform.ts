import { posix, win32, type PlatformPath } from 'node:path'

/** The rules of a system for files and variables. Tests run with those of other systems. */
export interface Platform {
  readonly isWindows: boolean
  /** True if names that differ only in upper and lower case are usually the same file. */
  readonly ignoresCase: boolean
  readonly path: PlatformPath
}

/** @param name - As `process.platform` */
export function platformOf (name: NodeJS.Platform): Platform {
  const isWindows = name === 'win32'
  return { isWindows, ignoresCase: isWindows || name === 'darwin', path: isWindows ? win32 : posix }
}

/** The system that this process runs on. */
export const ownPlatform = platformOf(process.platform)
