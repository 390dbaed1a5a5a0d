import { summarize } from './statistics.js'

/** The names and units of the measures. */
export const MEASURES = {
  wallMs: { name: 'wall time', unit: 'ms' },
  cpuMs: { name: 'CPU time', unit: 'ms' },
  usedMs: { name: 'time', unit: 'ms' },
  usedCpuMs: { name: 'CPU time', unit: 'ms' },
  peakRssMb: { name: 'peak memory', unit: 'MB' },
  linesPerSecond: { name: 'lines a second', unit: '' },
  cpuNsPerLine: { name: 'CPU time for a line', unit: 'ns' },
  cpuNsPerKb: { name: 'CPU time for 1 KB', unit: 'ns' },
  nsPerLineAndSink: { name: 'time for a line and sink', unit: 'ns' },
  firstLineMs: { name: 'first line after', unit: 'ms' },
  corePercent: { name: 'CPU', unit: '% of a core' },
  idleCpuMsPerSecond: { name: 'CPU time a second', unit: 'ms' },
  wakeUps: { name: 'wake-ups', unit: '' },
  logP50Us: { name: '`log.info()`, p50', unit: 'µs' },
  logP99Us: { name: '`log.info()`, p99', unit: 'µs' },
  logP999Us: { name: '`log.info()`, p99.9', unit: 'µs' },
  cpuUsPerLine: { name: 'CPU time for a line', unit: 'µs' },
  requests: { name: 'requests', unit: '' },
  bytesPerLine: { name: 'bytes for a line', unit: '' },
  readyMs: { name: 'ready after', unit: 'ms' },
  arrivalP50Ms: { name: 'in the file after, p50', unit: 'ms' },
  arrivalP99Ms: { name: 'in the file after, p99', unit: 'ms' },
  megabytesPerSecond: { name: 'replayed', unit: 'MB/s' },
  loopP99Ms: { name: 'event loop delay, p99', unit: 'ms' },
  openDelayMs: { name: 'from the failure that trips to open', unit: 'ms' },
  recoveryDelayMs: { name: 'from recovery being due to the first line delivered', unit: 'ms' }
}

/** Formats a number with three significant digits, or with all digits before the point. */
export function formatNumber (value) {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}

/** Formats one measure of a side: median and quartiles. */
export function formatMeasure (side, measure) {
  const values = side.runs.map(run => run[measure]).filter(value => value !== undefined)
  if (values.length === 0) return '—'
  const { median, low, high } = summarize(values)
  const { unit } = MEASURES[measure] ?? { unit: '' }
  return `${formatNumber(median)}${unit === '' ? '' : ` ${unit}`} (${formatNumber(low)}–${formatNumber(high)})`
}

/** Formats each side as a line, for a terminal. */
export function formatSides ({ sides, show }) {
  const all = Object.values(sides)
  const width = Math.max(...all.map(({ label }) => label.length))
  return all.map(side => `${side.label.padEnd(width)}  ${show.map(measure => `${nameOf(measure)} ${formatMeasure(side, measure)}`).join(', ')}`)
}

/** Describes a goal in words. */
export function describeGoal ({ measure, of, against, atMost, atLeast, timesLess, timesMore, atMostMore }, sides) {
  const subject = `${nameOf(measure)} of ${sides[of].label}`
  const { unit } = MEASURES[measure] ?? { unit: '' }
  if (against === undefined) return `${subject}: ${atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`} ${unit}`.trim()
  const other = sides[against].label
  if (atMostMore !== undefined) return `${subject}: at most ${atMostMore} ${unit} more than that of ${other}`
  if (atMost !== undefined) return `${subject}: at most ${atMost} times that of ${other}`
  return `${subject}: at least ${timesLess ?? timesMore} times ${timesLess === undefined ? 'more' : 'less'} than ${other}`
}

/** Formats the result of a goal, for a terminal. */
export function formatGoal (goal, sides) {
  return `${goal.isReached ? 'reached' : 'MISSED '}  ${formatNumber(goal.median)} (${formatNumber(goal.low)}–${formatNumber(goal.high)})  ${describeGoal(goal, sides)}`
}

/** The name of a measure in words. */
export function nameOf (measure) {
  return MEASURES[measure]?.name ?? measure
}
