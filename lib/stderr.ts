import { DirectOutput } from './direct-output.js'

const stderr = new DirectOutput(2)

/** The last resort for lines and records. Never throws, and blocks this thread for a tenth of a second at most. */
export function writeToStderr (data: string | Uint8Array): void {
  stderr.write(data)
}
