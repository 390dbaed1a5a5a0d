/**
 * How long a `Retry-After` asks to wait, in milliseconds; `undefined` if there is none, or none that can be read. It
 * comes as seconds or as a date (RFC 9110, 10.2.3); a date that has passed means no wait.
 *
 * @param now - Wall-clock time, in milliseconds of the epoch.
 */
export function parseRetryAfter (value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  const text = value.trim()
  if (/^\d+$/.test(text)) return toSafe(Number(text) * 1000)
  // Date.parse() takes much for a date ("1.5", "-3") that HTTP does not.
  const date = /^[A-Za-z]{3}/.test(text) ? Date.parse(text) : NaN
  return Number.isNaN(date) ? undefined : toSafe(Math.max(0, date - now))
}

function toSafe (milliseconds: number): number {
  return Math.min(milliseconds, Number.MAX_SAFE_INTEGER)
}
