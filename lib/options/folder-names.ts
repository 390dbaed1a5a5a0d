import { createHash } from 'node:crypto'

const MAX_NAME_BYTES = 200
/** Names that Windows reserves for devices, whatever the extension. */
const DEVICE = /^(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³])(\.|$)/i

/**
 * The name of a target's spool folder. Letters, digits, `.`, `_`, `-` and `@` stay as they are; all else becomes `-`, and
 * so does a `.` before digits at the end, since the slots of a target are named like that. Two targets with the same
 * folder name are a fault of the options.
 */
export function folderNameOf (target: string): string {
  const safe = target.normalize('NFC')
    .replace(/[^\p{L}\p{N}._@-]/gu, '-')
    .replace(/\.(?=\d+$)/, '-')
    // The folder must not be hidden, nor be `.` or `..`, and Windows cuts dots off at the end.
    .replace(/^\.+|\.+$/g, dots => '_'.repeat(dots.length))
  if (safe === '' || DEVICE.test(safe)) return `_${safe}`
  return Buffer.byteLength(safe) <= MAX_NAME_BYTES ? safe : shorten(safe)
}

function shorten (name: string): string {
  const mark = `-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
  let end = name.length
  while (Buffer.byteLength(name.slice(0, end)) + mark.length > MAX_NAME_BYTES) end--
  // Half a pair of surrogates is not a character.
  if (/[\uD800-\uDBFF]$/.test(name.slice(0, end))) end--
  return name.slice(0, end) + mark
}
