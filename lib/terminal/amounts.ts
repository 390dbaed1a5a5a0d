const NUMBERS = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']

/** `1 line`, `1,234 lines`. */
export function linesText (lines: number): string {
  return `${numberText(lines)} line${lines === 1 ? '' : 's'}`
}

/** `1,234`. */
export function numberText (value: number): string {
  return NUMBERS.format(value)
}

/** A size in the largest unit of which there is at least one: `16 MiB`, `1.5 GiB`. */
export function bytesText (bytes: number): string {
  if (bytes === 1) return '1 byte'
  const unit = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)))
  return `${Math.round(bytes / 1024 ** unit * 10) / 10} ${UNITS[unit]}`
}

/** A duration in its two largest units: `250 ms`, `12 s`, `3 min 5 s`, `2 h`, `4 d 6 h`. */
export function durationText (ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 10000) return `${Math.round(ms / 100) / 10} s`
  const seconds = Math.round(ms / 1000)
  const parts = [[Math.floor(seconds / 86400), 'd'], [Math.floor(seconds / 3600) % 24, 'h'], [Math.floor(seconds / 60) % 60, 'min'], [seconds % 60, 's']] as const
  const first = parts.findIndex(([value]) => value > 0)
  return parts.slice(first, first + 2).filter(([value]) => value > 0).map(([value, unit]) => `${value} ${unit}`).join(' ')
}
