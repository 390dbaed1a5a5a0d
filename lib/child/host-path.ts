import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ownPath = fileURLToPath(import.meta.url)

/** The absolute path of the thread host's script. It is beside this module, as compiled and in the published bundles. */
export const hostPath = join(dirname(ownPath), `thread-host${extname(ownPath)}`)
