import type { PinoConfig } from '../../pino-config.js'
import { linesOf } from '../batch-part.js'
import type { HttpSettings } from '../options.js'
import type { Format, LineOutcomes } from './format.js'
import { readOtlpAnswer } from './otlp-answer.js'
import { RecordEncoder, type OtlpRecord } from './otlp-record.js'
import { ValueEncoder } from './otlp-value.js'

/** A backend that warns in each answer is reported this often. */
const WARNING_MS = 60 * 60 * 1000
/** How much longer the records of usual lines are than the lines. */
const USUAL_GROWTH = 3
const GROUP_END = ']}]}'
const SCOPE = '{"name":"pino-breaker-fanout"}'
// JSON.stringify() writes a surrogate without its partner as an escape. In UTF-8, the text of the protocol, it cannot be.
const LONE_SURROGATE = /\\\\|\\ud[89a-f][\da-f]{2}/g

/**
 * The JSON of OTLP, the protocol of OpenTelemetry: https://opentelemetry.io/docs/specs/otlp/#otlphttp. Each line becomes a
 * log record. Records of the same process that follow one another share a resource. A line without a time gets only the time of
 * sending, as the time at which it was observed.
 */
export function createOtlpFormat (settings: HttpSettings, now: () => number): Format {
  let records = new RecordEncoder(settings, {}, now)
  const values = new ValueEncoder()
  // The semantic conventions require a name of the service.
  const resource = Object.entries({ 'service.name': 'unknown_service:node', ...settings.otlp.resource }).map(([key, value]) => values.entry(key, value)).join(',')
  const warned = { text: '', at: -Infinity }

  function resourceOf ({ pid, hostname }: OtlpRecord): string {
    const process = pid === undefined ? '' : `,${values.entry('process.pid', pid)}`
    const host = hostname === undefined ? '' : `,${values.entry('host.name', hostname)}`
    return `{"attributes":[${resource}${process}${host}]}`
  }

  function isRepeatedWarning ({ remark }: LineOutcomes): boolean {
    if (remark === undefined || remark.rejectedLines > 0) return false
    if (remark.text === warned.text && now() - warned.at < WARNING_MS) return true
    warned.text = remark.text
    warned.at = now()
    return false
  }

  return {
    contentType: 'application/json',
    defaultPath: '/v1/logs',
    configure (config: PinoConfig) {
      records = new RecordEncoder(settings, config, now)
    },
    encode (part, body) {
      body.reserve(part.bytes.length * USUAL_GROWTH)
      let last: OtlpRecord | undefined
      for (const line of linesOf(part)) {
        const record = records.encode(line)
        if (last !== undefined && record.pid === last.pid && record.hostname === last.hostname) body.text(`,${inUtf8(record.text)}`)
        else body.text(`${last === undefined ? '{"resourceLogs":[' : `${GROUP_END},`}{"resource":${inUtf8(resourceOf(record))},"scopeLogs":[{"scope":${SCOPE},"logRecords":[${inUtf8(record.text)}`)
        last = record
      }
      body.text(`${GROUP_END}]}`)
    },
    readOutcomes (part, body) {
      const outcomes = readOtlpAnswer(part, body)
      return isRepeatedWarning(outcomes) ? { refused: [], retry: [] } : outcomes
    }
  }
}

function inUtf8 (json: string): string {
  return json.includes('\\ud') ? json.replace(LONE_SURROGATE, escape => escape === '\\\\' ? escape : '\\ufffd') : json
}
