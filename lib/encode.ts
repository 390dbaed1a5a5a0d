// Not `import { transcode }`: Node.js without ICU has no such name, and the module would not load.
import buffer from 'node:buffer'

/** Lines as text, or in UTF-8. */
export type Content = string | Buffer

/** Usually enough for a portion of a chunk in characters of three bytes, and the line before it. */
const SCRATCH_BYTES = 512 * 1024
/** For a shorter text the detour by UTF-16 costs more than it saves. */
const DETOUR_LENGTH = 4096

let scratch: Buffer | undefined
/** True if the last text was ASCII. The next one most probably is the same. */
let expectsAscii = false

/**
 * Joins texts and UTF-8 into UTF-8, in memory of its own. V8 encodes ASCII fast, and any other text character by character. Such
 * a text takes a detour by UTF-16, which V8 copies as it is and Node.js encodes by SIMD.
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

/** `undefined` if half a character is among them, or Node.js was built without ICU. */
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

/** Writes into memory that is large enough for the worst case: to ask for the length in UTF-8 costs as much as to encode. */
function encodeByScratch (texts: readonly string[], mostBytes: number): Buffer {
  const memory = mostBytes > SCRATCH_BYTES ? Buffer.allocUnsafeSlow(mostBytes) : scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  let length = 0
  for (const text of texts) length += memory.write(text, length)
  const own = Buffer.allocUnsafeSlow(length)
  memory.copy(own, 0, 0, length)
  return own
}

/** A text between bytes is only the line that was cut, so its length costs little. Everything is copied once. */
function joinBytes (parts: readonly Content[]): Buffer {
  let length = 0
  for (const part of parts) length += typeof part === 'string' ? Buffer.byteLength(part) : part.length
  const own = Buffer.allocUnsafeSlow(length)
  let at = 0
  for (const part of parts) at += typeof part === 'string' ? own.write(part, at) : part.copy(own, at)
  return own
}
