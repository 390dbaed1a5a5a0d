import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ownPath = fileURLToPath(import.meta.url)

/** The absolute path of the thread host's script. */
export const hostPath = pathBeside('thread-host')

/** The absolute path of the process host's script. */
export const processHostPath = pathBeside('process-host')

/** Both scripts are beside this module, as compiled and in the published bundles. */
function pathBeside (script: string): string {
  return join(dirname(ownPath), script + extname(ownPath))
}
