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
  return isText(parts) ? encodeTexts(parts) : joinBytes(parts)
}

function isText (parts: readonly Content[]): parts is readonly string[] {
  return parts.every(part => typeof part === 'string')
}

function encodeTexts (texts: readonly string[]): Buffer {
  let length = 0
  for (const text of texts) length += text.length
  const takesDetour = !expectsAscii && length >= DETOUR_LENGTH && length * 2 <= SCRATCH_BYTES
  const bytes = (takesDetour ? encodeByUtf16(texts) : undefined) ?? encodeByScratch(texts, length * 3)
  expectsAscii = bytes.length === length
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
function encodeByScratch (texts: readonly string[], mostBytes: number): Buffer {
  const memory = mostBytes > SCRATCH_BYTES ? Buffer.allocUnsafeSlow(mostBytes) : scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  let length = 0
  for (const text of texts) length += memory.write(text, length)
  const own = Buffer.allocUnsafeSlow(length)
  memory.copy(own, 0, 0, length)
  return own
}

/** What is text beside bytes is no more than the line that was cut: its length costs little, and all is copied once. */
function joinBytes (parts: readonly Content[]): Buffer {
  let length = 0
  for (const part of parts) length += typeof part === 'string' ? Buffer.byteLength(part) : part.length
  const own = Buffer.allocUnsafeSlow(length)
  let at = 0
  for (const part of parts) at += typeof part === 'string' ? own.write(part, at) : part.copy(own, at)
  return own
}
