import { fileURLToPath } from 'node:url'

/** The absolute path of the thread host's script, found by `import.meta.url` in the build of ES modules. */
export const hostPath = fileURLToPath(new URL('./thread-host.js', import.meta.url))
