import type { Format } from './format.js'
import { isObjectBytes, lineEnd, validBytes, withoutReturn } from '../line-bytes.js'

const COMMA = 0x2c

/** A JSON array of the lines. */
export function createJsonFormat (): Format {
  return {
    contentType: 'application/json',
    defaultPath: '/',
    encode (part, body) {
      const bytes = validBytes(part)
      body.reserve(bytes.length + 2)
      body.text('[')
      for (let start = 0; start < bytes.length;) {
        const newline = lineEnd(bytes, start)
        const end = withoutReturn(bytes, start, newline)
        if (start > 0) body.byte(COMMA)
        if (isObjectBytes(bytes, start, end)) body.copy(bytes, start, end)
        else body.quoted(bytes, start, end)
        start = newline + 1
      }
      body.text(']')
    }
  }
}
