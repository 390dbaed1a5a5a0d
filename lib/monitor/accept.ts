const TEXT = 'text/plain'
const OPEN_METRICS = 'application/openmetrics-text'

/** One range of media types of an `Accept` header. */
interface MediaRange {
  type: string
  version: string | undefined
  quality: number
}

/**
 * True if a client wants OpenMetrics 1.0.0 rather than Prometheus' text: it names OpenMetrics, and does not give text a higher
 * quality (RFC 9110, 12.5.1), or name text before it with the same quality.
 *
 * @param accept - The header `Accept` of a request
 */
export function prefersOpenMetrics (accept: string | undefined): boolean {
  const ranges = (accept ?? '').split(',').map(toRange)
  const openMetrics = find(ranges, OPEN_METRICS, '1.0.0')
  const text = find(ranges, TEXT, '0.0.4') ?? find(ranges, 'text/*') ?? find(ranges, '*/*')
  if (openMetrics === undefined || openMetrics.quality === 0) return false
  if (text === undefined || text.quality !== openMetrics.quality) return openMetrics.quality > (text?.quality ?? 0)
  return text.type !== TEXT || ranges.indexOf(openMetrics) < ranges.indexOf(text)
}

function find (ranges: readonly MediaRange[], type: string, version?: string): MediaRange | undefined {
  return ranges.find(range => range.type === type && (range.version === undefined || range.version === version))
}

function toRange (text: string): MediaRange {
  const [type = '', ...parameters] = text.split(';').map(part => part.trim().toLowerCase())
  const parameter = (name: string): string | undefined => parameters.find(one => one.startsWith(`${name}=`))?.slice(name.length + 1).replace(/^"(.*)"$/, '$1')
  return { type, version: parameter('version'), quality: Number(parameter('q') ?? 1) }
}
