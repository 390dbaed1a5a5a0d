import { standardLevels } from '../../levels.js'
import { linesOf, placeOf } from '../batch-part.js'
import { createHeadReader, msToNs } from '../../line-head.js'
import { createByteHeadReader, lineEnd, validBytes, withoutReturn } from '../line-bytes.js'
import type { HttpSettings } from '../options.js'
import type { Format } from './format.js'
import { readLokiRefusal } from './loki-refusal.js'

/** The lines of a stream: their times, and where they start and end. */
interface Stream {
  times: string[]
  bounds: number[]
}

const BAD_REQUEST = 400
const END_BRACKET = 0x5d
/** How much longer a request is than usual lines. */
const USUAL_GROWTH = 1.5

const labelOf = new Map(Object.entries(standardLevels).map(([label, value]) => [value, label]))

/**
 * Loki's push API: https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs. The lines of each level form
 * a stream, in their order. A line without a time gets the time of sending.
 */
export function createLokiFormat ({ labels, levelLabel, levelKey, timeKey }: HttpSettings, now: () => number): Format {
  const { read } = createHeadReader(levelKey, timeKey)
  const readBytes = createByteHeadReader(levelKey, timeKey)

  function streamOf (level: number | string | undefined): string {
    if (levelLabel !== undefined && level !== undefined) {
      return JSON.stringify({ ...labels, [levelLabel]: typeof level === 'number' ? labelOf.get(level) ?? String(level) : level })
    }
    // Loki refuses a stream without labels.
    return JSON.stringify(Object.keys(labels).length === 0 ? { job: 'pino' } : labels)
  }

  return {
    contentType: 'application/json',
    defaultPath: '/loki/api/v1/push',
    encode (part, body) {
      const bytes = validBytes(part)
      const streams = new Map<number | string | undefined, Stream>()
      for (let start = 0; start < bytes.length;) {
        const newline = lineEnd(bytes, start)
        const end = withoutReturn(bytes, start, newline)
        const { level, timeNs = msToNs(now()) } = readBytes(bytes, start, end)
        const key = levelLabel === undefined ? undefined : level
        let stream = streams.get(key)
        if (stream === undefined) streams.set(key, stream = { times: [], bounds: [] })
        stream.times.push(timeNs)
        stream.bounds.push(start, end)
        start = newline + 1
      }
      body.reserve(Math.ceil(bytes.length * USUAL_GROWTH))
      body.text('{"streams":[')
      let before = ''
      for (const [level, { times, bounds }] of streams) {
        body.text(`${before}{"stream":${streamOf(level)},"values":[`)
        for (const [place, timeNs] of times.entries()) {
          body.text(place === 0 ? '["' : ',["')
          body.text(timeNs)
          body.text('",')
          body.quoted(bytes, bounds[2 * place] as number, bounds[2 * place + 1] as number)
          body.byte(END_BRACKET)
        }
        body.text(']}')
        before = ','
      }
      body.text(']}')
    },
    readRefusal (part, status, body) {
      if (status !== BAD_REQUEST) return undefined
      const entries = linesOf(part).map(line => {
        const { level, timeNs = msToNs(now()) } = read(line)
        return { stream: streamOf(level), timeNs: BigInt(timeNs), bytes: Buffer.byteLength(line) }
      })
      const refusal = readLokiRefusal(entries, body)
      if (refusal === undefined) return undefined
      const { refused, untold, reason } = refusal
      return { refused: refused.map(place => ({ line: placeOf(part, place), reason, status })), untold }
    }
  }
}
