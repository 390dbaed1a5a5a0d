import { readFile } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { redactCredentials, serializeError } from '../errors.js'
import { parseOptions, type FanoutSettings } from '../options.js'
import { UsageError } from './command.js'

const extensions = ['.json', '.js', '.mjs', '.cjs']

/**
 * Reads the options of a transport, or one target, from a file, and completes them as the transport does. The names of
 * targets are resolved from the file first, unless it has `resolveFrom`.
 *
 * @throws UsageError that names the file and all faults of the options
 */
export async function loadConfig (file: string): Promise<FanoutSettings> {
  const path = resolve(file)
  if (!extensions.includes(extname(path))) throw new UsageError(`--config ${file}: expected a file that ends in one of ${extensions.join(', ')}`)
  const loaded = await load(path).catch((error: unknown) => {
    throw new UsageError(`--config ${file}: cannot be loaded: ${serializeError(error).message}`, { cause: error })
  })
  if (typeof loaded !== 'object' || loaded === null || Array.isArray(loaded)) {
    const type = Array.isArray(loaded) ? 'an array' : loaded === null ? 'null' : typeof loaded
    throw new UsageError(`--config ${file}: expected an object, { targets: [...] } or { target, options }, got ${type}`)
  }
  const options = 'targets' in loaded || !('target' in loaded || 'pipeline' in loaded) ? loaded : { targets: [loaded] }
  try {
    return parseOptions({ resolveFrom: path, ...options })
  } catch (error) {
    throw new UsageError(`--config ${file}: ${error instanceof Error ? redactCredentials(error.message) : String(error)}`, { cause: error })
  }
}

async function load (path: string): Promise<unknown> {
  if (extname(path) === '.json') return parseJson(await readFile(path, 'utf8'))
  const { default: exported } = await import(pathToFileURL(path).href) as { default?: unknown }
  // A CommonJS module that was compiled from an ES module has its default export one step further down.
  const isWrapped = typeof exported === 'object' && exported !== null && '__esModule' in exported && 'default' in exported
  return isWrapped ? exported.default : exported
}

/** Parses JSON. The message of an error does not quote the text, in which secrets may be. */
function parseJson (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new SyntaxError((error as Error).message.replace(/, (?:\.\.\.)?".*"(?:\.\.\.)? is not valid JSON$/s, ' is not valid JSON'))
  }
}
