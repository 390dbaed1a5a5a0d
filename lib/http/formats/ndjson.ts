import type { Format } from './format.js'

/** The lines, unchanged. */
export function createNdjsonFormat (): Format<Buffer> {
  return {
    contentType: 'application/x-ndjson',
    defaultPath: '/',
    encode: ({ bytes }) => bytes
  }
}
