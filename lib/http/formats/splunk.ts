import { createHeadReader, msToNs } from '../../line-head.js'
import type { HttpSettings } from '../options.js'
import { linesOf } from '../part.js'
import type { Format } from './format.js'
import { toJson } from './json-text.js'

/**
 * The event endpoint of Splunk's HTTP Event Collector: each line is the event of an envelope with its time. Of a request
 * with a bad event Splunk says which it was, but not, for all versions and all who speak the same protocol, what became
 * of the others: so it is taken as a refusal of the whole.
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
