import type { Format } from './format.js'

/** The lines as they are. */
export function createNdjsonFormat (): Format<Buffer> {
  return {
    contentType: 'application/x-ndjson',
    defaultPath: '/',
    encode: ({ bytes }) => bytes
  }
}
