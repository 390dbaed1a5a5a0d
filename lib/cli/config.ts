import { readFile } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { redactCredentials } from '../errors.js'
import { parseOptions, type FanoutSettings } from '../options.js'
import { UsageError } from './usage-error.js'

const extensions = ['.json', '.js', '.mjs', '.cjs']

/**
 * Reads the options of a transport, or one target, from a file, and makes them complete as the transport does. Names of
 * targets are looked for from the file first, unless it says `resolveFrom`.
 *
 * @throws UsageError that names the file, and tells all faults of the options
 */
export async function loadConfig (file: string): Promise<FanoutSettings> {
  const path = resolve(file)
  const loaded = await load(path, file)
  if (typeof loaded !== 'object' || loaded === null || Array.isArray(loaded)) {
    throw new UsageError(`--config ${file}: expected an object, { targets: [...] } or { target, options }, got ${Array.isArray(loaded) ? 'an array' : loaded === null ? 'null' : typeof loaded}`)
  }
  const options = 'targets' in loaded || !('target' in loaded || 'pipeline' in loaded) ? loaded : { targets: [loaded] }
  try {
    return parseOptions({ resolveFrom: path, ...options })
  } catch (error) {
    throw new UsageError(`--config ${file}: ${messageOf(error)}`, { cause: error })
  }
}

async function load (path: string, file: string): Promise<unknown> {
  const extension = extname(path)
  if (!extensions.includes(extension)) throw new UsageError(`--config ${file}: expected a file that ends in one of ${extensions.join(', ')}`)
  try {
    if (extension === '.json') return JSON.parse(await readFile(path, 'utf8'))
    const module: { default?: unknown } = await import(pathToFileURL(path).href)
    return unwrap(module.default)
  } catch (error) {
    throw new UsageError(`--config ${file}: cannot be loaded: ${messageOf(error)}`, { cause: error })
  }
}

/** What a CommonJS module that was made from an ES module exports is one step further down. */
function unwrap (exported: unknown): unknown {
  const isWrapped = typeof exported === 'object' && exported !== null && '__esModule' in exported && 'default' in exported
  return isWrapped ? exported.default : exported
}

function messageOf (error: unknown): string {
  return redactCredentials(error instanceof Error ? error.message : String(error))
}
