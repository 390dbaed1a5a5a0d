import { createRequire } from 'node:module'

/** A decoded log record; 64-bit numbers are texts, ids are in hexadecimal digits. */
export interface DecodedRecord {
  timeUnixNano: string
  observedTimeUnixNano: string
  severityNumber: number
  severityText: string
  body: unknown
  attributes: Record<string, unknown>
  traceId: string
  spanId: string
  flags: number
}

/** Records of a resource, with their values as JSON has them. */
export interface DecodedGroup {
  resource: Record<string, unknown>
  records: DecodedRecord[]
}

interface AnyValue {
  value?: string
  stringValue?: string
  boolValue?: boolean
  intValue?: string
  doubleValue?: number
  arrayValue?: { values: AnyValue[] }
  kvlistValue?: { values: KeyValue[] }
}
interface KeyValue { key: string, value: AnyValue }
interface LogRecord extends Omit<DecodedRecord, 'body' | 'attributes'> { body: AnyValue | null, attributes: KeyValue[] }
interface ExportRequest {
  resourceLogs: Array<{ resource: { attributes: KeyValue[] }, scopeLogs: Array<{ scope: { name: string }, logRecords: LogRecord[] }> }>
}

/** A message type that was generated from the protocol's official definitions. */
interface MessageType {
  verify (message: object): string | null
  fromObject (object: object): object
  encode (message: object): { finish (): Uint8Array }
  decode (bytes: Uint8Array): object
  toObject (message: object, options: object): unknown
}

const { opentelemetry } = createRequire(import.meta.url)('otlp-protocol/build/src/generated/root') as {
  opentelemetry: { proto: { collector: { logs: { v1: { ExportLogsServiceRequest: MessageType } } } } }
}
const { ExportLogsServiceRequest } = opentelemetry.proto.collector.logs.v1

/** The keys of messages that {@link decodeRequest} has to know, so that a misspelt one is found. */
const KNOWN_KEYS = new Set([
  'resourceLogs', 'resource', 'attributes', 'scopeLogs', 'scope', 'name', 'logRecords', 'timeUnixNano', 'observedTimeUnixNano', 'severityNumber',
  'severityText', 'body', 'traceId', 'spanId', 'flags', 'key', 'value', 'values', 'stringValue', 'boolValue', 'intValue', 'doubleValue', 'arrayValue', 'kvlistValue'
])

/**
 * Decodes a request in OTLP/JSON as a receiver does: by the types that OpenTelemetry generates from the protocol, through their
 * binary form. Before that it applies what OTLP changes in the JSON mapping of Protocol Buffers: ids in hexadecimal digits.
 */
export function decodeRequest (json: string | Buffer): DecodedGroup[] {
  const given = JSON.parse(json.toString(), (key, value: unknown) => {
    if (key !== '' && !/^\d+$/.test(key) && !KNOWN_KEYS.has(key)) throw new Error(`the protocol has no key ${key}`)
    // The encoder below would replace it without a word, and collectors refuse the request.
    if (typeof value === 'string' && /\p{Surrogate}/u.test(value)) throw new Error(`half a character under ${key}: ${JSON.stringify(value)}`)
    return (key === 'traceId' || key === 'spanId') ? Buffer.from(value as string, 'hex') : value
  }) as object
  const message = ExportLogsServiceRequest.fromObject(given)
  const fault = ExportLogsServiceRequest.verify(message)
  if (fault !== null) throw new Error(fault)
  const decoded = ExportLogsServiceRequest.decode(ExportLogsServiceRequest.encode(message).finish())
  const { resourceLogs } = ExportLogsServiceRequest.toObject(decoded, { longs: String, bytes: Array, defaults: true, arrays: true, oneofs: true }) as ExportRequest
  return resourceLogs.map(({ resource, scopeLogs }) => ({
    resource: mapOf(resource.attributes),
    records: scopeLogs.flatMap(({ logRecords }) => logRecords).map(record => ({
      ...record,
      body: record.body === null ? undefined : plain(record.body),
      attributes: mapOf(record.attributes),
      traceId: Buffer.from(record.traceId).toString('hex'),
      spanId: Buffer.from(record.spanId).toString('hex')
    }))
  }))
}

/** All records of a request. */
export function recordsOf (json: string | Buffer): DecodedRecord[] {
  return decodeRequest(json).flatMap(({ records }) => records)
}

function mapOf (entries: readonly KeyValue[]): Record<string, unknown> {
  const keys = new Set(entries.map(({ key }) => key))
  if (keys.size !== entries.length) throw new Error('a key is there twice')
  return Object.fromEntries(entries.map(({ key, value }) => [key, plain(value)]))
}

/** A value as JSON has it. An integer is a bigint if a number cannot have it exactly. */
function plain (value: AnyValue): unknown {
  switch (value.value) {
    case undefined: return null
    case 'intValue': return String(Number(value.intValue)) === value.intValue ? Number(value.intValue) : BigInt(value.intValue as string)
    case 'arrayValue': return (value.arrayValue as { values: AnyValue[] }).values.map(plain)
    case 'kvlistValue': return mapOf((value.kvlistValue as { values: KeyValue[] }).values)
    default: return (value as Record<string, unknown>)[value.value]
  }
}
