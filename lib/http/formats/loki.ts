import { standardLevels } from '../../levels.js'
import { linesOf, placeOf } from '../batch-part.js'
import { createHeadReader, msToNs } from '../../line-head.js'
import type { HttpSettings } from '../options.js'
import type { Format } from './format.js'
import { readLokiRefusal } from './loki-refusal.js'

const BAD_REQUEST = 400

const labelOf = new Map(Object.entries(standardLevels).map(([label, value]) => [value, label]))

/**
 * Loki's push API: https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs. The lines of each level form
 * a stream, in their order. A line without a time gets the time of sending.
 */
export function createLokiFormat ({ labels, levelLabel, levelKey, timeKey }: HttpSettings, now: () => number): Format<string> {
  const { read } = createHeadReader(levelKey, timeKey)

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
    encode (part) {
      const streams = new Map<number | string | undefined, string[]>()
      for (const line of linesOf(part)) {
        const { level, timeNs = msToNs(now()) } = read(line)
        const key = levelLabel === undefined ? undefined : level
        const value = `["${timeNs}",${JSON.stringify(line)}]`
        const values = streams.get(key)
        if (values === undefined) streams.set(key, [value])
        else values.push(value)
      }
      return `{"streams":[${[...streams].map(([level, values]) => `{"stream":${streamOf(level)},"values":[${values.join(',')}]}`).join(',')}]}`
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
