import { msToNs, parseRecord, timeToNs } from '../../line-head.js'
import type { PinoConfig } from '../../pino-config.js'
import { isObjectText } from './json-text.js'
import type { HttpSettings } from '../options.js'
import { SeverityEncoder } from './otlp-severity.js'
import { ValueEncoder, parseExactly } from './otlp-value.js'

/** A line as a log record of OTLP. */
export interface OtlpRecord {
  /** The record, in JSON. */
  readonly text: string
  /** The process that has written the line, if the line says so. It belongs to the resource of the record. */
  readonly pid: number | undefined
  /** The host of that process. */
  readonly hostname: string | undefined
}

const TRACE_ID = /^(?!0+$)[\da-f]{32}$/i
const SPAN_ID = /^(?!0+$)[\da-f]{16}$/i
const TRACE_FLAGS = /^[\da-f]{1,2}$/i
/** The fields of an error, as pino writes it, and their names by the semantic conventions. */
const EXCEPTION = { type: 'exception.type', message: 'exception.message', stack: 'exception.stacktrace' } as const

/** Encodes lines as log records. Whatever of a line has no field of its own is an attribute, so nothing of it is lost. */
export class RecordEncoder {
  readonly #settings: HttpSettings
  readonly #now: () => number
  readonly #values = new ValueEncoder()
  readonly #messageKey: string
  readonly #errorKey: string
  readonly #severities: SeverityEncoder
  readonly #takesPid: boolean
  readonly #takesHostname: boolean

  /** @param config - The config of the app's logger, as far as it is known. */
  constructor (settings: HttpSettings, config: PinoConfig, now: () => number) {
    const { resource, messageKey, errorKey } = settings.otlp
    this.#settings = settings
    this.#now = now
    this.#messageKey = messageKey ?? config.messageKey ?? 'msg'
    this.#errorKey = errorKey ?? config.errorKey ?? 'err'
    this.#severities = new SeverityEncoder(config.levels)
    this.#takesPid = !Object.hasOwn(resource, 'process.pid')
    this.#takesHostname = !Object.hasOwn(resource, 'host.name')
  }

  encode (line: string): OtlpRecord {
    try {
      const fields = isObjectText(line) ? parseRecord(line) : undefined
      if (fields === undefined) return this.#plain(line)
      this.#values.hasRounded = false
      const record = this.#record(fields)
      return this.#values.hasRounded ? this.#record(parseExactly(line) as Record<string, unknown>) : record
    } catch {
      // It is nested so deep that even JSON.stringify() fails.
      return this.#plain(line)
    }
  }

  #plain (line: string): OtlpRecord {
    return { text: `{"observedTimeUnixNano":"${msToNs(this.#now())}","body":${this.#values.value(line)}}`, pid: undefined, hostname: undefined }
  }

  #record (fields: Readonly<Record<string, unknown>>): OtlpRecord {
    const { levelKey, timeKey, otlp: { traceKeys } } = this.#settings
    const severity = this.#severities.fieldsOf(fields[levelKey])
    const time = fields[timeKey]
    const timeNs = timeToNs(time)
    if (typeof time === 'number' && time > Number.MAX_SAFE_INTEGER) this.#values.hasRounded = true
    const pid = this.#takesPid && Number.isSafeInteger(fields['pid']) ? fields['pid'] as number : undefined
    const hostname = this.#takesHostname && typeof fields['hostname'] === 'string' ? fields['hostname'] : undefined
    const traceId = matching(fields[traceKeys.traceId], TRACE_ID)
    const spanId = traceId === undefined ? undefined : matching(fields[traceKeys.spanId], SPAN_ID)
    const traceFlags = traceId === undefined ? undefined : flagsOf(fields[traceKeys.traceFlags])

    let body = ''
    let attributes = ''
    for (const key of Object.keys(fields)) {
      const value = fields[key]
      switch (key) {
        case levelKey:
          if (severity !== undefined) continue
          break
        case timeKey:
          if (timeNs !== undefined) continue
          break
        case this.#messageKey:
          body = `,"body":${this.#values.value(value)}`
          continue
        case 'pid':
          if (pid !== undefined) continue
          break
        case 'hostname':
          if (hostname !== undefined) continue
          break
        case traceKeys.traceId:
          if (traceId !== undefined) continue
          break
        case traceKeys.spanId:
          if (spanId !== undefined) continue
          break
        case traceKeys.traceFlags:
          if (traceFlags !== undefined) continue
          break
        case this.#errorKey:
          attributes += this.#exception(value, fields)
          continue
      }
      attributes += `,${this.#values.entry(key, value)}`
    }
    const times = timeNs === undefined ? `"observedTimeUnixNano":"${msToNs(this.#now())}"` : `"timeUnixNano":"${timeNs}"`
    let text = `{${severity ?? ''}${times}${body}`
    if (attributes !== '') text += `,"attributes":[${attributes.slice(1)}]`
    if (traceId !== undefined) text += `,"traceId":"${traceId}"`
    if (spanId !== undefined) text += `,"spanId":"${spanId}"`
    if (traceFlags !== undefined) text += `,"flags":${traceFlags}`
    return { text: `${text}}`, pid, hostname }
  }

  /** The attributes of an error, each with a comma before it. What the semantic conventions do not name stays under its key. */
  #exception (error: unknown, fields: Readonly<Record<string, unknown>>): string {
    const isTaken = Object.values(EXCEPTION).some(name => Object.hasOwn(fields, name))
    if (typeof error !== 'object' || error === null || Array.isArray(error) || isTaken) return `,${this.#values.entry(this.#errorKey, error)}`
    const rest: Record<string, unknown> = { ...error }
    let attributes = ''
    for (const [field, name] of Object.entries(EXCEPTION)) {
      if (typeof rest[field] !== 'string') continue
      attributes += `,${this.#values.entry(name, rest[field])}`
      delete rest[field]
    }
    return attributes !== '' && Object.keys(rest).length === 0 ? attributes : `${attributes},${this.#values.entry(this.#errorKey, rest)}`
  }
}

function matching (value: unknown, pattern: RegExp): string | undefined {
  return typeof value === 'string' && pattern.test(value) ? value : undefined
}

/** Trace flags are a byte: a number, or two hexadecimal digits. */
function flagsOf (value: unknown): number | undefined {
  if (typeof value === 'string') return TRACE_FLAGS.test(value) ? Number.parseInt(value, 16) : undefined
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255 ? value as number : undefined
}
