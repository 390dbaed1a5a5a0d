import { fileURLToPath } from 'node:url'

/** Absolute path of the script that a thread child runs; the ES module's way to find its neighbour. */
export const hostPath = fileURLToPath(new URL('./thread-host.js', import.meta.url))
