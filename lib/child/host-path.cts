import { join } from 'node:path'

/** Absolute path of the script that a thread child runs; the CommonJS way to find its neighbour. */
export const hostPath = join(__dirname, 'thread-host.js')
