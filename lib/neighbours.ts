import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ownPath } from './child/host-path.js'
import { isBundled } from './child/host-script.js'
import { transportUrl } from './transport-url.js'

const EXTENSIONS = ['.js', '.cjs', '.mjs']

/**
 * The file into which a bundler has put a package: `pino-pretty.js` and `@logtail/pino.js`, in the folder of this bundle or in the one above it,
 * in which `pino-breaker-fanout/http.js` finds the others. Bundlers for pino, such as esbuild-plugin-pino and pino-webpack-plugin, emit such files.
 *
 * @returns `undefined` if there is none, and always outside a bundle
 */
export function findNeighbour (name: string): string | undefined {
  return isBundled ? findFile(name, folders()) : undefined
}

/**
 * The first of these folders' files that is named for a package.
 *
 * @param folders - Absolute paths
 */
export function findFile (name: string, folders: readonly string[]): string | undefined {
  // A name that leads out of the folder is no package.
  if (!/^[\w@]/.test(name) || name.includes('..')) return undefined
  // The plugins name the file of pino/file so.
  const base = name === 'pino/file' ? 'pino-file' : name
  return folders.flatMap(folder => EXTENSIONS.map(extension => join(folder, base + extension))).find(file => existsSync(file))
}

function folders (): string[] {
  const url = transportUrl()
  const own = [...url === undefined ? [] : [fileURLToPath(url)], ownPath].map(file => dirname(file))
  return [...new Set([...own, ...own.map(folder => dirname(folder))])]
}
