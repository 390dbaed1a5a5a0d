import type { Format } from './format.js'

/** The lines, unchanged. */
export function createNdjsonFormat (): Format {
  return {
    contentType: 'application/x-ndjson',
    defaultPath: '/',
    isPlain: true,
    encode: ({ bytes }, body) => body.copy(bytes)
  }
}
