// Not by its name: without ICU there is no `transcode`, and a name that is not there keeps a module from loading.
import buffer from 'node:buffer'

/** Lines as they came: text, or UTF-8. */
export type Content = string | Buffer

/** A piece of a chunk, in characters of three bytes, and the line before it fit, as a rule. */
const SCRATCH_BYTES = 512 * 1024
/** A shorter text is encoded before the detour has begun. */
const DETOUR_LENGTH = 4096

let scratch: Buffer | undefined
/** Whether the last text was ASCII; the next will most probably be what the last was. */
let expectsAscii = false

/**
 * Texts, and what is UTF-8 already, one after the other in UTF-8, in memory of their own. V8 encodes ASCII fast and all
 * else character by character: such a text goes by UTF-16, which is copied as it is, and is encoded by SIMD from there.
 */
export function encode (parts: readonly Content[]): Buffer {
  let length = 0
  let isText = true
  for (const part of parts) {
    length += part.length
    isText &&= typeof part === 'string'
  }
  const takesDetour = isText && !expectsAscii && length >= DETOUR_LENGTH && length * 2 <= SCRATCH_BYTES
  const bytes = (takesDetour ? encodeByUtf16(parts as readonly string[]) : undefined) ?? encodeByParts(parts)
  if (isText) expectsAscii = bytes.length === length
  return bytes
}

/** `undefined` if there is half a character among them, or Node.js was built without ICU. */
function encodeByUtf16 (texts: readonly string[]): Buffer | undefined {
  const memory = scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  let length = 0
  for (const text of texts) length += memory.write(text, length, 'utf16le')
  try {
    return buffer.transcode(memory.subarray(0, length), 'utf16le', 'utf8')
  } catch {
    return undefined
  }
}

/** To ask a text for its length in UTF-8 costs as much as to encode it: it is written where the longest has room. */
function encodeByParts (parts: readonly Content[]): Buffer {
  let most = 0
  for (const part of parts) most += typeof part === 'string' ? part.length * 3 : part.length
  const memory = most > SCRATCH_BYTES ? Buffer.allocUnsafeSlow(most) : scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  let length = 0
  for (const part of parts) length += typeof part === 'string' ? memory.write(part, length) : part.copy(memory, length)
  const own = Buffer.allocUnsafeSlow(length)
  memory.copy(own, 0, 0, length)
  return own
}
