// What is told of an option beside its meaning: unit, range and default.

const UNITS = [['Ms', 'milliseconds'], ['Bytes', 'bytes'], ['Lines', 'lines'], ['Mb', 'megabytes']]
const SIZES = [['GiB', 1024 ** 3], ['MiB', 1024 ** 2], ['KiB', 1024]]
const DURATIONS = [['min', 60000], ['s', 1000]]

/** Unit and range of a number: `milliseconds, 1 to 9000`. `undefined` for any other option. */
export function rangeOf (key, { type, minimum, exclusiveMinimum, maximum }) {
  if (type !== 'integer' && type !== 'number') return undefined
  const [, unit = type] = UNITS.find(([suffix]) => key.endsWith(suffix)) ?? []
  if (exclusiveMinimum !== undefined) return `${unit}, more than ${exclusiveMinimum}${maximum === undefined ? '' : `, up to ${maximum}`}`
  return maximum === undefined ? `${unit}, ${minimum} or more` : `${unit}, ${minimum} to ${maximum}`
}

/** The default, in Markdown: a literal, with a large one told in larger units too. Empty where there is none. */
export function defaultOf (key, node) {
  if (node['x-default'] !== undefined) return node['x-default']
  if (node.default === undefined) return ''
  const literal = `\`${JSON.stringify(node.default).replaceAll('"', "'")}\``
  const larger = key.endsWith('Bytes') ? SIZES : key.endsWith('Ms') ? DURATIONS : []
  const [unit, factor] = larger.find(([, factor]) => node.default >= factor && node.default % factor === 0) ?? []
  return unit === undefined ? literal : `${literal} (${node.default / factor} ${unit})`
}
