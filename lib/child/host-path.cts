import { join } from 'node:path'

/** The absolute path of the thread host's script, found by `__dirname` in the CommonJS build. */
export const hostPath = join(__dirname, 'thread-host.js')
