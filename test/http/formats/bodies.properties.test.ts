import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { createFormat } from '#lib/http/formats'
import { BodyWriter } from '#lib/http/body-writer'
import { wholeOf } from '#lib/http/batch-part'
import { countLines } from '#lib/batch'
import { idOfEach } from '#lib/line-ids'
import { line, pinoLine } from '../../support/arbitrary-lines.js'
import { settingsOf } from '../../support/http-sinks.js'
import { plainBodies } from '../../support/plain-bodies.js'

const NOW = 1600000000000
const RUNS = 600

const key = fc.constantFrom('"level"', '"time"', '"@timestamp"', '"\\u0040timestamp"', '"@time\\u0073tamp"', '"\\\\u0040timestamp"', '"l\\u0065vel"', '"sévérité"', '"at"', '"msg"', '"a"')
const value = fc.oneof(
  fc.constantFrom('30', '50', '35', '007', '3e1', '-1', '0', '9007199254740993', '12345678901234567890', '"info"', '"wärn"', '"wa\\u0072n"', '"30"', '""', 'null', 'true'),
  fc.constantFrom('1700000000', '1700000000123', '1700000000123456', '1700000000123456789', '17000000001234567890', '1700000000.5', '00', '1.7e12', '"2024-05-05T12:00:00.123456789Z"', '"2024-05-05T12:00:00Z"', '"1969-01-01T00:00:00Z"', '"2024\\u002d05-05"', '"no time"', '"20240505T120000,5Z"'),
  fc.constantFrom('{"@timestamp":5}', '[{"level":30}]', '"\\ud800"', '"\\ud83d\\ude00"', '"\\u001b[32m"', '"\\"@timestamp\\":"', 'no', '"'),
  fc.jsonValue({ maxDepth: 2 }).map(value => JSON.stringify(value)),
  fc.string({ unit: 'binary', maxLength: 20 }).map(text => JSON.stringify(text))
)
const space = fc.constantFrom('', '', '', '', ' ', '\t', '\u00a0', '\ufeff')
/** Objects with known keys in any order, twice, spelled with escapes and with spaces; many of them no JSON. */
const objectLine = fc.array(fc.tuple(key, space, value, space), { maxLength: 5 }).chain(fields =>
  fc.tuple(space, space).map(([before, after]) => `{${before}${fields.map(([key, s, value, e]) => `${key}${s}:${s}${value}${e}`).join(',')}${after}}`))
/** The head of pino, with all that may stand in it. */
const headLine = fc.tuple(value, value, fc.constantFrom('}', ',"msg":"a"}', ',"@timestamp" : 1}', ' }', '', ',', 'x')).map(([level, time, rest]) => `{"level":${level},"time":${time}${rest}`)
const controls = fc.string({ unit: fc.constantFrom('\0', '\u001f', '\u007f', '\u0080', '\r', '\t', '"', '\\', '{', '}', '\u2028', '\ufeff', '😀', 'é'), maxLength: 30 })
const text = fc.oneof(line, pinoLine, objectLine, headLine, controls)

const bytesOfLine = fc.oneof(
  { weight: 6, arbitrary: text.map(text => Buffer.from(text)) },
  // Any bytes, also within a line: halves of characters, surrogates, forms that are too long.
  { weight: 1, arbitrary: fc.tuple(text, fc.uint8Array({ maxLength: 6 }), text).map(([a, bytes, b]) => Buffer.concat([Buffer.from(a), bytes, Buffer.from(b)])) },
  { weight: 1, arbitrary: fc.constantFrom('eda080', 'c080', 'f4908080', 'e282', 'ff', 'f09f98', '7bc37d').map(hex => Buffer.from(hex, 'hex')) }
).map(bytes => Buffer.from(bytes.filter(byte => byte !== 10)))
const batch = fc.array(fc.tuple(bytesOfLine, fc.constantFrom('\n', '\n', '\n', '\r\n', '\r\r\n')), { minLength: 1, maxLength: 8 })
  // The same line again, as identical lines have ids of their own.
  .chain(lines => fc.boolean().map(isTwice => Buffer.concat((isTwice ? [...lines, ...lines] : lines).flatMap(([bytes, end]) => [bytes, Buffer.from(end)]))))

const keys = fc.constantFrom({}, { levelKey: 'sévérité', timeKey: 'at' }, { levelKey: 'a', timeKey: 'time' })
const timeKeys = fc.constantFrom({}, { timeKey: 'at' }, { timeKey: 'msg' })
const labels = fc.constantFrom({}, { labels: { app: 'größer' } })
const options = {
  json: fc.constant({}),
  loki: fc.tuple(keys, labels, fc.constantFrom({}, { levelLabel: false })).map(parts => Object.assign({}, ...parts) as Record<string, unknown>),
  splunk: fc.tuple(timeKeys, labels, fc.constantFrom({}, { splunk: { index: 'mäin', source: 'x'.repeat(80) } })).map(parts => Object.assign({}, ...parts) as Record<string, unknown>),
  elasticsearch: fc.tuple(timeKeys, fc.constantFrom({}, { index: 'logs' }, { index: 'lögs-{date:YYYY.MM.DD.HH}' }), fc.constantFrom({}, { ids: true }, { opType: 'index' })).map(([keys, index, others]): Record<string, unknown> => ({ ...keys, elasticsearch: { ...index, ...others } }))
}

for (const format of ['json', 'loki', 'splunk', 'elasticsearch'] as const) {
  t.test(`a body of ${format} is that of the plain implementation, to the byte, whatever the lines are`, async () => {
    const body = new BodyWriter()
    fc.assert(fc.property(batch, options[format], (buffer, options) => {
      const settings = settingsOf({ format, ...options })
      const part = wholeOf({ id: 'life:7', buffer, count: countLines(buffer), bytes: buffer.length, lines: [], lineIds: idOfEach({ id: 'life:7' }, buffer, countLines(buffer)), text: '' })
      body.clear()
      createFormat(settings, () => NOW).encode(part, body)
      assert.equal(body.bytes.toString('latin1'), Buffer.from(plainBodies[format](settings, NOW, part)).toString('latin1'))
    }), { numRuns: RUNS })
  })
}

t.test('an `@timestamp` that is spelled with an escape, or with a space behind it, gets no second one', async t => {
  const lines = ['{"@timestamp" :1}', '{"\\u0040timestamp":1}', '{"@timest\\u0061mp"\t: 1}', '{"a":"@timestamp"}', '{"\\\\u0040timestamp":1}']
  const buffer = Buffer.from(lines.map(line => `${line}\n`).join(''))
  const body = new BodyWriter()
  createFormat(settingsOf({ format: 'elasticsearch' }), () => NOW).encode(wholeOf({ id: 'life:7', buffer, count: lines.length, bytes: buffer.length, lines: [], lineIds: [], text: '' }), body)
  const documents = body.bytes.toString().split('\n').filter((_, place) => place % 2 === 1)
  t.same(documents, [...lines.slice(0, 3), `{"@timestamp":${NOW},"a":"@timestamp"}`, `{"@timestamp":${NOW},"\\\\u0040timestamp":1}`])
})
