import { fileURLToPath, pathToFileURL } from 'node:url'
import { realImport, realRequire } from 'real-require'
import { FanoutError } from '../errors.js'

/** What a transport module exports: a factory of a sink. */
export type SinkFactory = (options: unknown) => unknown

/**
 * Loads a target as pino does: by `import()`, and by `require()` where that cannot be (Yarn's zip files, bundles,
 * TypeScript under ts-node), with a `default` unwrapped twice.
 *
 * @param file - An absolute path or a `file://` URL.
 * @throws {@link FanoutError} `ERR_FANOUT_SINK_INVALID` if it exports no function; whatever the module throws.
 */
export async function loadFactory (file: string): Promise<SinkFactory> {
  let loaded = await loadModule(file)
  // A CommonJS module transpiled from an ES module, imported: pinojs/pino#1243.
  for (let depth = 0; depth < 2 && typeof loaded === 'object' && loaded !== null; depth++) {
    loaded = (loaded as { default?: unknown }).default
  }
  if (typeof loaded !== 'function') {
    throw new FanoutError('ERR_FANOUT_SINK_INVALID', `${file} exports no function, got ${loaded === null ? 'null' : typeof loaded}`)
  }
  return loaded as SinkFactory
}

async function loadModule (file: string): Promise<unknown> {
  const path = file.startsWith('file://') ? fileURLToPath(file) : file
  if (/\.c?ts$/.test(path) && process.env['TS_NODE_DEV'] !== undefined) realRequire('ts-node-dev')
  try {
    return await realImport(pathToFileURL(path).href)
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code
    // Yarn's zip files are no directories to import() (pinojs/pino#1113); a bundle made by pkg has no import()
    // (pinojs/thread-stream#143), which shows as an error without a code, as a fault of the module itself does.
    if (code !== undefined && code !== 'ENOTDIR' && code !== 'ERR_MODULE_NOT_FOUND' && code !== 'ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING' && code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error
    try {
      return realRequire(path)
    } catch {
      throw error
    }
  }
}
