import { randomUUID } from 'node:crypto'
import { msToNs, parseRecord } from '../../line-head.js'
import { createByteHeadReader, isObjectBytes, lineEnd, validBytes, withoutReturn } from '../line-bytes.js'
import type { HttpSettings } from '../options.js'
import type { Format } from './format.js'

/**
 * Codes of answers with status 400 that are about the token, the channel or the index of all events: 7 incorrect index, 10 data
 * channel is missing, 11 invalid data channel, 14 acknowledgment is disabled, 16 authorization by the query is disabled.
 */
const CODES_ABOUT_ALL: unknown[] = [7, 10, 11, 14, 16]

/**
 * The event endpoint of Splunk's HTTP Event Collector. Each line becomes the event of an envelope, which has its time. If a
 * request has a bad event, Splunk names it. But what becomes of the other events differs between versions and other
 * implementations of the protocol, so this counts as a refusal of the whole request.
 */
export function createSplunkFormat ({ labels, splunk: { channel = randomUUID(), ...fields }, levelKey, timeKey }: HttpSettings, now: () => number): Format {
  const read = createByteHeadReader(levelKey, timeKey)
  const metadata = JSON.stringify({ ...fields, ...Object.keys(labels).length > 0 && { fields: labels } }).slice(1, -1)
  const envelope = metadata === '' ? '' : `${metadata},`
  return {
    contentType: 'application/json',
    defaultPath: '/services/collector/event',
    headers: { 'x-splunk-request-channel': channel },
    encode (part, body) {
      const bytes = validBytes(part)
      body.reserve(bytes.length)
      let last = ''
      let beginning = ''
      for (let start = 0; start < bytes.length;) {
        const newline = lineEnd(bytes, start)
        const end = withoutReturn(bytes, start, newline)
        const { timeNs = msToNs(now()) } = read(bytes, start, end)
        if (timeNs !== last) {
          last = timeNs
          beginning = `{"time":${toSeconds(timeNs)},${envelope}"event":`
        }
        body.text(beginning)
        if (isObjectBytes(bytes, start, end)) body.copy(bytes, start, end)
        else body.quoted(bytes, start, end)
        body.text('}\n')
        start = newline + 1
      }
    },
    isAboutAll: body => CODES_ABOUT_ALL.includes(parseRecord(body)?.['code'])
  }
}

function toSeconds (ns: string): string {
  const digits = ns.padStart(10, '0')
  return `${digits.slice(0, -9)}.${digits.slice(-9, -6)}`
}
