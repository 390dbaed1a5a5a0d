import { linesOf } from '../batch-part.js'
import { createHeadReader, msToNs } from '../../line-head.js'
import type { HttpSettings } from '../options.js'
import type { Format } from './format.js'
import { toJson } from './json-text.js'

/**
 * The event endpoint of Splunk's HTTP Event Collector. Each line becomes the event of an envelope, which has its time. If a
 * request has a bad event, Splunk names it. But what becomes of the other events differs between versions and other
 * implementations of the protocol, so this counts as a refusal of the whole request.
 */
export function createSplunkFormat ({ labels, splunk, levelKey, timeKey }: HttpSettings, now: () => number): Format<string> {
  const { read } = createHeadReader(levelKey, timeKey)
  const metadata = JSON.stringify({ ...splunk, ...Object.keys(labels).length > 0 && { fields: labels } }).slice(1, -1)
  const envelope = metadata === '' ? '' : `${metadata},`
  return {
    contentType: 'application/json',
    defaultPath: '/services/collector/event',
    encode: part => linesOf(part).map(line => {
      const { timeNs = msToNs(now()) } = read(line)
      return `{"time":${toSeconds(timeNs)},${envelope}"event":${toJson(line)}}\n`
    }).join('')
  }
}

function toSeconds (ns: string): string {
  const digits = ns.padStart(10, '0')
  return `${digits.slice(0, -9)}.${digits.slice(-9, -6)}`
}
