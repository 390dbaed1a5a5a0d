import { createHeadReader, msToNs } from '#lib/line-head'
import { linesOf, placeOf, type BatchPart } from '#lib/http/batch-part'
import type { HttpSettings } from '#lib/http/options'
import { createDatedIndex } from '#lib/http/formats/dated-index'
import { standardLevels } from '#lib/levels'

/**
 * The bodies of requests as a plain implementation of each format makes them: line by line, from texts, with JSON.parse() and
 * JSON.stringify(). The model for the formats, which compose bytes.
 */
export const plainBodies: Readonly<Record<'json' | 'loki' | 'splunk' | 'elasticsearch', (settings: HttpSettings, now: number, part: BatchPart) => string>> = {
  json: (_, __, part) => `[${linesOf(part).map(toJson).join(',')}]`,

  loki ({ labels, levelLabel, levelKey, timeKey }, now, part) {
    const { read } = createHeadReader(levelKey, timeKey)
    const streams = new Map<number | string | undefined, Array<[string, string]>>()
    for (const line of linesOf(part)) {
      const { level, timeNs = msToNs(now) } = read(line)
      const key = levelLabel === undefined ? undefined : level
      streams.set(key, [...streams.get(key) ?? [], [timeNs, line]])
    }
    const labelsOf = (level: number | string | undefined): Record<string, string> => {
      const name = Object.entries(standardLevels).find(([, value]) => value === level)?.[0] ?? String(level)
      if (levelLabel !== undefined && level !== undefined) return { ...labels, [levelLabel]: name }
      return Object.keys(labels).length === 0 ? { job: 'pino' } : labels
    }
    return JSON.stringify({ streams: [...streams].map(([level, values]) => ({ stream: labelsOf(level), values })) })
  },

  splunk ({ labels, splunk: { channel: _, ...fields }, levelKey, timeKey }, now, part) {
    const { read } = createHeadReader(levelKey, timeKey)
    const metadata = Object.entries({ ...fields, ...Object.keys(labels).length > 0 && { fields: labels } }).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)},`).join('')
    return linesOf(part).map(line => {
      const digits = (read(line).timeNs ?? msToNs(now)).padStart(10, '0')
      return `{"time":${digits.slice(0, -9)}.${digits.slice(-9, -6)},${metadata}"event":${toJson(line)}}\n`
    }).join('')
  },

  elasticsearch ({ elasticsearch: { index, opType, ids }, levelKey, timeKey }, now, part) {
    const { read } = createHeadReader(levelKey, timeKey)
    return linesOf(part).map((line, place) => {
      const timeNs = read(line).timeNs ?? msToNs(now)
      const action = {
        ...index !== undefined && { _index: createDatedIndex(index)(timeNs) },
        ...ids && { _id: part.batch.lineIds[placeOf(part, place)] }
      }
      return `${JSON.stringify({ [opType]: action })}\n${documentOf(line, timeNs)}\n`
    }).join('')
  }
}

function documentOf (line: string, timeNs: string): string {
  const timestamp = `{"@timestamp":${timeNs.slice(0, -6) || '0'}`
  if (!isObject(line)) return `${timestamp},"message":${JSON.stringify(line)}}`
  if (hasTimestamp(line)) return line
  return /^\{\s*\}$/.test(line) ? `${timestamp}}` : `${timestamp},${line.slice(1)}`
}

function hasTimestamp (line: string): boolean {
  try {
    return Object.hasOwn(JSON.parse(line) as object, '@timestamp')
  } catch {
    return line.includes('"@timestamp":')
  }
}

function isObject (line: string): boolean {
  return line.startsWith('{') && line.endsWith('}')
}

function toJson (line: string): string {
  return isObject(line) ? line : JSON.stringify(line)
}
