import { dirname, extname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { transportUrl } from '../transport-url.js'

/**
 * The absolute path of this module, or of the file that a bundler has put it into. Some bundlers leave no `import.meta.url`. Then it
 * is the file that thread-stream has loaded as the transport or, outside a worker, the script of the process.
 */
export const ownPath = fileURLToPath(import.meta.url ?? transportUrl() ?? pathToFileURL(process.argv[1] ?? process.execPath).href)

/** The absolute path of the thread host's script. */
export const hostPath = pathBeside('thread-host')

/** The absolute path of the process host's script. */
export const processHostPath = pathBeside('process-host')

/** Both scripts are beside this module, as compiled and in the published files, but not in a bundle. */
function pathBeside (script: string): string {
  return join(dirname(ownPath), script + extname(ownPath))
}
