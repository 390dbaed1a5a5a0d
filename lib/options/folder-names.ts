import { createHash } from 'node:crypto'

const MAX_NAME_BYTES = 200
/** What Windows takes for a device, whatever the extension. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i

/**
 * The name of the folder that the spool of a target has: letters, digits, `.`, `_`, `-` and `@` as they are, anything
 * else as `-`, and also a `.` before digits at the end, since the slots of a target are named so. Two targets may come to
 * the same one, which is a fault of the options.
 */
export function folderNameOf (target: string): string {
  const safe = target.normalize('NFC')
    .replace(/[^\p{L}\p{N}._@-]/gu, '-')
    .replace(/\.(?=\d+$)/, '-')
    // Not hidden, not the folder itself or the one above, and nothing that Windows would cut off.
    .replace(/^\.+|\.+$/g, dots => '_'.repeat(dots.length))
  if (safe === '' || DEVICE.test(safe)) return `_${safe}`
  return Buffer.byteLength(safe) <= MAX_NAME_BYTES ? safe : shorten(safe)
}

function shorten (name: string): string {
  const mark = `-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
  let end = name.length
  while (Buffer.byteLength(name.slice(0, end)) + mark.length > MAX_NAME_BYTES) end--
  // A pair of surrogates is one character, and half of it none.
  if (/[\uD800-\uDBFF]$/.test(name.slice(0, end))) end--
  return name.slice(0, end) + mark
}
