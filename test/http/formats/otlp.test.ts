import fc from 'fast-check'
import assert from 'node:assert/strict'
import pino from 'pino'
import t from 'tap'
import type { PinoConfig } from '#lib/pino-config'
import { createOtlpFormat } from '#lib/http/formats/otlp'
import { bareLine } from '../../support/arbitrary-lines.js'
import { bodyOf, partOf, settingsOf } from '../../support/http-sinks.js'
import { decodeRequest, recordsOf, type DecodedGroup, type DecodedRecord } from '../../support/otlp.js'

const NOW = 1600000000000

function groupsOf (lines: readonly string[], options: Record<string, unknown> = {}, config?: PinoConfig): DecodedGroup[] {
  const format = createOtlpFormat(settingsOf({ format: 'otlp', ...options }), () => NOW)
  if (config !== undefined) format.configure?.(config)
  return decodeRequest(bodyOf(format, partOf(lines)))
}

function recordOf (line: string | object, options: Record<string, unknown> = {}, config?: PinoConfig): DecodedRecord {
  const [group] = groupsOf([typeof line === 'string' ? line : JSON.stringify(line)], options, config)
  return (group as DecodedGroup).records[0] as DecodedRecord
}

t.test('a line of pino is a record with time, severity, body and attributes, and a resource', async t => {
  const lines: string[] = []
  const log = pino({ base: { pid: 4242, hostname: 'web-1' }, timestamp: () => ',"time":1700000000123' }, { write (line: string) { lines.push(line.trimEnd()) } })
  log.warn({ req: { id: 7, url: '/é' }, tags: ['a', 1, null, { b: true }], ms: 1.5 }, 'hello')
  t.strictSame(groupsOf(lines), [{
    resource: { 'service.name': 'unknown_service:node', 'process.pid': 4242, 'host.name': 'web-1' },
    records: [{
      timeUnixNano: '1700000000123000000',
      observedTimeUnixNano: '0',
      severityNumber: 13,
      severityText: 'warn',
      body: 'hello',
      attributes: { req: { id: 7, url: '/é' }, tags: ['a', 1, null, { b: true }], ms: 1.5 },
      droppedAttributesCount: 0,
      flags: 0,
      traceId: '',
      spanId: '',
      eventName: ''
    }]
  }])
})

t.test('each level of pino has the lowest severity of its range, and those between the ones between', async t => {
  const severities = [[1, 1], [10, 1], [20, 5], [25, 7], [30, 9], [31, 9], [33, 10], [35, 11], [39, 12], [40, 13], [50, 17], [60, 21], [65, 23], [70, 24], [1000, 24], [0, 1], [-5, 1]] as const
  for (const [level, severity] of severities) t.equal(recordOf({ level }).severityNumber, severity, `level ${level}`)
  t.same(Object.values(pino.levels.values).map(level => recordOf({ level }).severityText), ['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
  t.equal(recordOf({ level: 35 }).severityText, '35', 'a level without a name')
})

t.test('a level may be a label, and have a name of the app', async t => {
  const config = { levels: { labels: { 35: 'notice', 60: 'panic' }, values: { notice: 35, panic: 60 } } }
  t.match(recordOf({ level: 'error' }), { severityNumber: 17, severityText: 'error' })
  t.match(recordOf({ level: 'WARN' }), { severityNumber: 13, severityText: 'WARN' })
  t.match(recordOf({ level: 'audit' }), { severityNumber: 0, severityText: 'audit', attributes: {} })
  t.match(recordOf({ level: 35 }, {}, config), { severityNumber: 11, severityText: 'notice' })
  t.match(recordOf({ level: 'notice' }, {}, config), { severityNumber: 11, severityText: 'notice' })
  t.match(recordOf({ level: 60 }, {}, config), { severityNumber: 21, severityText: 'panic' })
  t.match(recordOf({ severity: 50, level: 30 }, { levelKey: 'severity' }), { severityNumber: 17, attributes: { level: 30 } })
  t.match(recordOf({ level: [30] }), { severityNumber: 0, severityText: '', attributes: { level: [30] } }, 'anything else stays an attribute')
  t.match(recordOf({}), { severityNumber: 0, severityText: '' })
})

t.test('a time is a number in any unit, or ISO 8601', async t => {
  for (const [time, ns] of [
    ['1700000000', '1700000000000000000'],
    ['1700000000.25', '1700000000250000000'],
    ['1700000000123', '1700000000123000000'],
    ['1700000000123456', '1700000000123456000'],
    ['1700000000123456789', '1700000000123456789'],
    ['"2023-11-14T22:13:20.123456789Z"', '1700000000123456789']
  ] as const) {
    t.match(recordOf(`{"time":${time}}`), { timeUnixNano: ns, observedTimeUnixNano: '0', attributes: {} }, time)
  }
  t.match(recordOf({ at: 1700000000, time: 1 }, { timeKey: 'at' }), { timeUnixNano: '1700000000000000000', attributes: { time: 1 } })
})

t.test('a line without a time has only the time of sending', async t => {
  t.match(recordOf({ msg: 'a' }), { timeUnixNano: '0', observedTimeUnixNano: `${NOW}000000` })
  t.match(recordOf({ time: 'yesterday' }), { timeUnixNano: '0', observedTimeUnixNano: `${NOW}000000`, attributes: { time: 'yesterday' } })
  t.match(recordOf('{"time":99999999999999999999}'), { timeUnixNano: '0', observedTimeUnixNano: `${NOW}000000`, attributes: { time: 1e20 } })
})

t.test('the body is the message, whatever it is', async t => {
  for (const message of ['hello', '', 0, false, { a: 1 }, ['x'], null]) t.strictSame(recordOf({ msg: message }).body, message)
  t.equal(recordOf({ a: 1 }).body, undefined)
  t.match(recordOf({ msg: 'a', message: 'b' }, {}, { messageKey: 'message' }), { body: 'b', attributes: { msg: 'a' } })
  t.match(recordOf({ msg: 'a', text: 'b' }, { otlp: { messageKey: 'text' } }, { messageKey: 'msg' }), { body: 'b', attributes: { msg: 'a' } }, 'options win')
})

t.test('a line that is no object is a body', async t => {
  for (const line of ['plain text', '', '[1]', '"x"', '{"broken":', '{broken}', 'null', 'ünïcode 𝄞']) {
    t.match(recordOf(line), { body: line, attributes: {}, observedTimeUnixNano: `${NOW}000000` }, line)
  }
})

t.test('an error is an exception', async t => {
  const lines: string[] = []
  const log = pino({}, { write (line: string) { lines.push(line.trimEnd()) } })
  const error = Object.assign(new RangeError('too far'), { code: 'E_FAR', info: { by: 3 } })
  log.error(error)
  const { attributes, body } = recordOf(lines[0] as string)
  t.equal(body, 'too far')
  t.strictSame(attributes, { 'exception.type': 'RangeError', 'exception.message': 'too far', 'exception.stacktrace': error.stack, err: { code: 'E_FAR', info: { by: 3 } } })
  t.strictSame(recordOf({ err: { type: 'E', message: 'm', stack: 's' } }).attributes, { 'exception.type': 'E', 'exception.message': 'm', 'exception.stacktrace': 's' })
  t.strictSame(recordOf({ err: 'text', error: { message: 'm' } }, {}, { errorKey: 'error' }).attributes, { err: 'text', 'exception.message': 'm' })
  t.strictSame(recordOf({ failure: { message: 'm' } }, { otlp: { errorKey: 'failure' } }, { errorKey: 'error' }).attributes, { 'exception.message': 'm' }, 'options win')
})

t.test('what is no error of pino stays under the error key', async t => {
  for (const err of ['text', 1, null, ['a'], {}, { code: 1 }, { message: 1 }]) t.strictSame(recordOf({ err }).attributes, { err })
  t.strictSame(recordOf({ 'exception.type': 'x', err: { type: 'E', message: 'm' } }).attributes, { 'exception.type': 'x', err: { type: 'E', message: 'm' } }, 'no key is there twice')
})

t.test('a trace context is that of the record', async t => {
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const spanId = 'b7ad6b7169203331'
  t.match(recordOf({ trace_id: traceId, span_id: spanId, trace_flags: '01' }), { traceId, spanId, flags: 1, attributes: {} })
  t.match(recordOf({ trace_id: traceId.toUpperCase(), span_id: spanId, trace_flags: 255 }), { traceId, spanId, flags: 255, attributes: {} })
  t.match(recordOf({ trace_id: traceId }), { traceId, spanId: '', flags: 0 })
  const traceKeys = { traceId: 'traceId', spanId: 'spanId' }
  t.match(recordOf({ traceId, spanId, trace_flags: '00' }, { otlp: { traceKeys } }), { traceId, spanId, flags: 0, attributes: {} })
})

t.test('what is no trace context stays an attribute', async t => {
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const spanId = 'b7ad6b7169203331'
  for (const fields of [
    { trace_id: traceId.slice(1), span_id: spanId, trace_flags: '01' },
    { trace_id: '0'.repeat(32), span_id: spanId },
    { trace_id: `${traceId}0` },
    { trace_id: 'g'.repeat(32) },
    { trace_id: 1 },
    { span_id: spanId }
  ]) t.match(recordOf(fields), { traceId: '', spanId: '', flags: 0, attributes: fields })
  for (const fields of [{ span_id: spanId.slice(1) }, { span_id: '0'.repeat(16) }, { trace_flags: 'xx' }, { trace_flags: 256 }, { trace_flags: 1.5 }, { trace_flags: -1 }]) {
    t.strictSame(recordOf({ trace_id: traceId, ...fields }).attributes, fields)
  }
})

t.test('an integer keeps all its digits', async t => {
  for (const digits of ['9007199254740993', '-9007199254740993', '9223372036854775807', '-9223372036854775808']) {
    t.strictSame(recordOf(`{"id":${digits},"deep":[{"id":${digits}}]}`).attributes, { id: BigInt(digits), deep: [{ id: BigInt(digits) }] })
  }
  t.strictSame(recordOf('{"id":9007199254740993,"text":"9007199254740993 \\" 9007199254740993","f":1.5,"e":1e3}').attributes, { id: 9007199254740993n, text: '9007199254740993 " 9007199254740993', f: 1.5, e: 1000 })
  t.strictSame(recordOf('{"a":9223372036854775808,"b":1e20,"c":-1e-9}').attributes, { a: 9223372036854775808, b: 1e20, c: -1e-9 }, 'beyond 64 bits it is a floating-point number')
  t.strictSame(recordOf('{"id":9007199254740993,"\\u0000int64:":"\\u0000int64:5"}').attributes, { id: 9007199254740992, '\0int64:': '\0int64:5' }, 'no text becomes a number')
})

t.test('a number that is not finite has the text of the protocol', async t => {
  t.strictSame(recordOf('{"a":1e400,"b":-1e400,"c":-0}').attributes, { a: Infinity, b: -Infinity, c: 0 })
})

t.test('a value that is nested deeper than twenty levels is JSON text', async t => {
  const nested = (depth: number): unknown => depth === 0 ? 'x' : { a: nested(depth - 1) }
  t.strictSame(recordOf({ v: nested(20) }).attributes, { v: nested(20) })
  let value = recordOf({ v: nested(23) }).attributes['v']
  for (let depth = 0; depth < 20; depth++) value = (value as { a: unknown }).a
  t.equal(value, '{"a":{"a":{"a":"x"}}}')
  t.match(recordOf(`{"id":9007199254740993,"v":${'[1234567890123456789,'.repeat(25)}1${']'.repeat(25)}}`), { attributes: { id: 9007199254740993n } })
})

t.test('a line that is nested too deep for JSON.stringify() is a body', async t => {
  const line = `{"a":${'['.repeat(100000)}${']'.repeat(100000)}}`
  t.match(recordOf(line), { body: line, attributes: {} })
})

t.test('half a surrogate pair becomes a replacement character, as in UTF-8', async t => {
  t.strictSame(recordOf('{"\\ud800":"a\\udfff","b":"\\\\ud800 \\\\\\\\ud83d\\ud83d\\ude00"}').attributes, { '\ufffd': 'a\ufffd', b: '\\ud800 \\\\ud83d😀' })
  t.equal(recordOf({ msg: 'x\ud83d' }).body, 'x\ufffd')
  t.equal(groupsOf(['{"msg":"x"}', '{"msg":"y\\ud83d"}'])[0]?.records[1]?.body, 'y\ufffd', 'also behind another record of the process')
  t.equal(recordOf('plain \\ud800').body, 'plain \\ud800')
  t.match(groupsOf([JSON.stringify({ hostname: 'web-\ud83d' })], { otlp: { resource: { zone: '\udfff' } } })[0], { resource: { 'host.name': 'web-\ufffd', zone: '\ufffd' } })
})

t.test('lines of several processes have resources of their own, in the order of the lines', async t => {
  const line = (msg: string, process: object): string => JSON.stringify({ msg, ...process })
  const groups = groupsOf([
    line('a', { pid: 1, hostname: 'h' }), line('b', { pid: 1, hostname: 'h' }), line('c', { pid: 2, hostname: 'h' }), line('d', {}), 'e', line('f', { pid: 1, hostname: 'h' }), line('g', { pid: 1, hostname: 'i' })
  ], { otlp: { resource: { 'service.name': 'shop', 'deployment.environment.name': 'test' } } })
  const own = { 'service.name': 'shop', 'deployment.environment.name': 'test' }
  t.strictSame(groups.map(({ resource, records }) => [resource, records.map(({ body }) => body)]), [
    [{ ...own, 'process.pid': 1, 'host.name': 'h' }, ['a', 'b']],
    [{ ...own, 'process.pid': 2, 'host.name': 'h' }, ['c']],
    [own, ['d', 'e']],
    [{ ...own, 'process.pid': 1, 'host.name': 'h' }, ['f']],
    [{ ...own, 'process.pid': 1, 'host.name': 'i' }, ['g']]
  ])
})

t.test('an attribute of the resource that the options give is not taken from a line, which keeps its own', async t => {
  const [group] = groupsOf(['{"pid":1,"hostname":"h"}'], { otlp: { resource: { 'host.name': 'given', 'process.pid': '7' } } })
  t.strictSame(group?.resource, { 'service.name': 'unknown_service:node', 'host.name': 'given', 'process.pid': '7' })
  t.strictSame(group?.records[0]?.attributes, { pid: 1, hostname: 'h' })
  t.strictSame(recordOf({ pid: 'x', hostname: 1 }).attributes, { pid: 'x', hostname: 1 })
})

/** What a receiver should see of a JSON value: an independent, plain conversion. */
function seen (value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd')
  if (Array.isArray(value)) return value.map(seen)
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, item]) => [seen(key), seen(item)]))
  return Object.is(value, -0) ? 0 : value
}

t.test('whatever a line has is decoded again from its record', async () => {
  const level = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constantFrom('info', 'audit', true, null))
  const time = fc.oneof(fc.integer({ min: 1600000000000, max: 1900000000000 }), fc.constantFrom('x', null))
  const rest = fc.dictionary(fc.string({ unit: 'binary', maxLength: 6 }).filter(key => !['msg', 'err', 'pid', 'hostname', '__proto__'].includes(key)), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 })
  fc.assert(fc.property(fc.array(fc.record({ level, time, msg: fc.jsonValue({ maxDepth: 2 }), pid: fc.integer({ min: 1, max: 3 }), rest }, { requiredKeys: ['rest'] }), { minLength: 1, maxLength: 4 }), entries => {
    const lines = entries.map(({ rest, ...known }) => ({ ...known, ...rest }))
    const format = createOtlpFormat(settingsOf({ format: 'otlp' }), () => NOW)
    const groups = decodeRequest(bodyOf(format, partOf(lines.map(line => JSON.stringify(line)))))
    const records = groups.flatMap(({ resource, records }) => records.map(record => ({ ...record, pid: resource['process.pid'] })))
    assert.equal(records.length, lines.length)
    for (const [at, line] of lines.entries()) {
      // A key may have been a number in another place, so objects are compared without order.
      const { level, time, msg, pid, ...others } = JSON.parse(JSON.stringify(line)) as Record<string, unknown>
      const record = records[at] as DecodedRecord & { pid: unknown }
      const isLevel = typeof level === 'number' || typeof level === 'string'
      assert.deepEqual(record.attributes, seen({ ...others, ...!isLevel && level !== undefined && { level }, ...typeof time !== 'number' && time !== undefined && { time } }))
      assert.deepEqual(record.body, seen(msg))
      assert.equal(record.pid, pid)
      assert.equal(record.timeUnixNano, typeof time === 'number' ? `${time}000000` : '0')
      assert.equal(record.severityText, isLevel ? typeof level === 'number' ? pino.levels.labels[level] ?? String(level) : level : '')
    }
  }), { numRuns: 50 })
})

t.test('any lines make a request that is decoded, with a record for each', async () => {
  fc.assert(fc.property(fc.array(bareLine, { minLength: 1 }), lines => {
    const records = recordsOf(bodyOf(createOtlpFormat(settingsOf({ format: 'otlp' }), () => NOW), partOf(lines)))
    assert.equal(records.length, lines.length)
  }))
})
