const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const tenths = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 })
const significant = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 })
const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 })

/** From here on a count is shortened: `1.23M`. */
const SHORTENED_FROM = 1_000_000

/** A count of lines: `12,345`, `1.23M`. */
export function formatCount (count: number): string {
  return count >= SHORTENED_FROM ? short.format(count) : whole.format(count)
}

/** Lines a second: `0`, `0.4`, `7.2`, `1,240`. */
export function formatRate (perSecond: number): string {
  if (perSecond <= 0) return '0'
  if (perSecond < 0.1) return '<0.1'
  return perSecond < 10 ? tenths.format(perSecond) : formatCount(perSecond)
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** A size with three digits: `512 B`, `3.25 MiB`. */
export function formatBytes (bytes: number): string {
  let unit = 0
  let size = bytes
  while (size >= 1000 && unit < BYTE_UNITS.length - 1) {
    size /= 1024
    unit++
  }
  return `${significant.format(size)} ${BYTE_UNITS[unit] as string}`
}

/** A share from 0 to 1, as a percentage that is 0% or 100% only if it is exactly so. */
export function formatShare (share: number): string {
  if (share > 0 && share < 0.01) return '<1%'
  if (share < 1 && share > 0.99) return '99%'
  return `${Math.round(Math.min(1, Math.max(0, share)) * 100)}%`
}

/** A length of time by its two largest units: `42 s`, `3 min 05 s`, `2 h 04 min`, `3 d 4 h`. */
export function formatDuration (ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${pad(seconds % 60)} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ${pad(minutes % 60)} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** The same for what does not tick: `1 min` in place of `1 min 00 s`. */
export function formatSpan (ms: number): string {
  return formatDuration(ms).replace(/ 0+ (s|min|h)$/, '')
}

/** The same for what is counted down: it is over at 0 s, and not for a second before. */
export function formatCountdown (ms: number): string {
  return formatDuration(Math.ceil(ms / 1000) * 1000)
}

/** The time of day, in the reader's time zone: `14:03:22`. */
export function formatTime (time: number): string {
  const date = new Date(time)
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(pad).join(':')
}

/** For `datetime` of a `<time>`. */
export function formatDateTime (time: number): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? '' : date.toISOString()
}

function pad (number: number): string {
  return String(number).padStart(2, '0')
}

const LEVELS: ReadonlyMap<number, string> = new Map([[10, 'trace'], [20, 'debug'], [30, 'info'], [40, 'warn'], [50, 'error'], [60, 'fatal']])

/** The lowest level of a sink: `info` for 30, and a custom one as its number. */
export function formatLevel (level: number | string): string {
  return typeof level === 'number' ? LEVELS.get(level) ?? String(level) : level
}

/** Longer texts are cut here, so that no text can make the page slow. */
const MAX_TEXT = 8192

/**
 * A text from outside as it may be shown: what a browser would hide, or would use to reorder the text, is shown as a sign of its
 * own (`␛[31m`, `‹202E›`), and a long text is cut.
 */
export function readable (text: unknown, maxLength = MAX_TEXT): string {
  const all = String(text)
  const cut = all.length > maxLength ? `${all.slice(0, maxLength)}…` : all
  return cut.replace(HIDDEN, sign)
}

// Control characters except tab and newline; marks that reorder, join or hide text; tags; halves of characters that lack the other half.
const HIDDEN = /(?![\t\n])\p{Cc}|[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Surrogate}/gu

function sign (character: string): string {
  const code = character.codePointAt(0) as number
  if (code < 0x20) return String.fromCodePoint(0x2400 + code)
  if (code === 0x7f) return '␡'
  return `‹${code.toString(16).toUpperCase().padStart(4, '0')}›`
}

/** The same on one line. */
export function readableLine (text: unknown, maxLength = 200): string {
  return readable(text, maxLength).replace(/\s+/g, ' ').trim()
}
