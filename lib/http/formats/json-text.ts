/**
 * Whether a line looks like a JSON object, and is sent as one. The line is not parsed: if it is not valid JSON, the backend
 * refuses it, and in the end that line alone.
 */
export function isObjectText (line: string): boolean {
  return line.charCodeAt(0) === 0x7b && line.charCodeAt(line.length - 1) === 0x7d
}

/** A line as a JSON value: an object unchanged, anything else as a string. */
export function toJson (line: string): string {
  return isObjectText(line) ? line : JSON.stringify(line)
}
