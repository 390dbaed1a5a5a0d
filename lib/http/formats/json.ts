import { linesOf } from '../batch-part.js'
import type { Format } from './format.js'
import { toJson } from './json-text.js'

/** A JSON array of the lines. */
export function createJsonFormat (): Format<string> {
  return {
    contentType: 'application/json',
    defaultPath: '/',
    encode: part => `[${linesOf(part).map(toJson).join(',')}]`
  }
}
