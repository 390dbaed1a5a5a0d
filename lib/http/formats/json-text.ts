/**
 * Whether a line is to be sent as the JSON object that it looks like. Not parsed: what looks like one and is none makes
 * the backend refuse it, and then that line alone.
 */
export function isObjectText (line: string): boolean {
  return line.charCodeAt(0) === 0x7b && line.charCodeAt(line.length - 1) === 0x7d
}

/** A line as a JSON value: an object as it is, anything else as a string. */
export function toJson (line: string): string {
  return isObjectText(line) ? line : JSON.stringify(line)
}
