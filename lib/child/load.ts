import { fileURLToPath, pathToFileURL } from 'node:url'
import { realImport, realRequire } from 'real-require'
import { FanoutError } from '../errors.js'

/** The export of a transport module: a factory of a sink. */
export type SinkFactory = (options: unknown) => unknown

/**
 * Loads a target as pino does: by `import()`, or by `require()` if that is not possible (Yarn's zip files, bundles, TypeScript
 * under ts-node). A `default` is unwrapped up to twice.
 *
 * @param file - An absolute path or a `file://` URL, or `pino/file` in a bundle
 * @throws {@link FanoutError} `ERR_FANOUT_SINK_INVALID` if the module exports no function; any error that the module throws
 */
export async function loadFactory (file: string): Promise<SinkFactory> {
  let loaded = await loadModule(file)
  // For a CommonJS module that was transpiled from an ES module: pinojs/pino#1243.
  for (let depth = 0; depth < 2 && typeof loaded === 'object' && loaded !== null; depth++) {
    loaded = (loaded as { default?: unknown }).default
  }
  if (typeof loaded !== 'function') {
    throw new FanoutError('ERR_FANOUT_SINK_INVALID', `${file} exports no function, got ${loaded === null ? 'null' : typeof loaded}`)
  }
  return loaded as SinkFactory
}

/** Loads a module as {@link loadFactory} does. */
export async function loadModule (file: string): Promise<unknown> {
  // Bundlers put it into the file of this module, if they leave none of its own.
  if (file === 'pino/file') return await import('pino/file')
  const path = file.startsWith('file://') ? fileURLToPath(file) : file
  if (/\.c?ts$/.test(path) && process.env['TS_NODE_DEV'] !== undefined) realRequire('ts-node-dev')
  try {
    return await realImport(pathToFileURL(path).href)
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code
    // import() does not take a zip file of Yarn for a directory (pinojs/pino#1113). A bundle of pkg has no import(), and throws an
    // error without a code (pinojs/thread-stream#143). An error of the module itself may have no code either.
    if (code !== undefined && code !== 'ENOTDIR' && code !== 'ERR_MODULE_NOT_FOUND' && code !== 'ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING' && code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error
    try {
      return realRequire(path)
    } catch {
      throw error
    }
  }
}
