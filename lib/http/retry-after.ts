/**
 * The wait that a `Retry-After` header asks for, in milliseconds; `undefined` if there is no header or it cannot be read.
 * Its value is in seconds, or a date (RFC 9110, 10.2.3). A past date means no wait.
 *
 * @param now - The wall-clock time in milliseconds since the epoch.
 */
export function parseRetryAfter (value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  const text = value.trim()
  if (/^\d+$/.test(text)) return toSafe(Number(text) * 1000)
  // Date.parse() accepts texts ("1.5", "-3") that are not dates in HTTP.
  const date = /^[A-Za-z]{3}/.test(text) ? Date.parse(text) : NaN
  return Number.isNaN(date) ? undefined : toSafe(Math.max(0, date - now))
}

function toSafe (milliseconds: number): number {
  return Math.min(milliseconds, Number.MAX_SAFE_INTEGER)
}
