import fc from 'fast-check'
import assert from 'node:assert/strict'
import pino from 'pino'
import t from 'tap'
import { splitLines } from '#lib/batch'
import type { BatchPart } from '#lib/http/batch-part'
import { createFormat } from '#lib/http/formats'
import type { FormatName } from '#lib/http/options'
import { standardLevels } from '#lib/levels'
import { parseJson } from '#lib/parse-json'
import { bodyOf, partOf, settingsOf } from '../../support/http-sinks.js'

type Fields = Record<string, unknown>

const NOW = 1600000000000
const RUNS = 400

/** Keys of pino, of the formats and of objects, and some that have to be escaped. */
const key = fc.constantFrom('level', 'time', 'msg', 'pid', 'err', '@timestamp', 'trace_id', 'event', 'values', 'constructor', 'a', '"', '\\', '\0', '\u2028', '😀')
const number = fc.oneof(fc.constantFrom(0, 1e3, 1e21, 1e300, 5e-324, -1, 2 ** 63, 0.1, 1700000000000), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer())
const leaf = fc.oneof(number, fc.string({ unit: 'binary' }), fc.boolean(), fc.constant(null), fc.constantFrom('2024-05-05T12:00:00Z', '\ud83d', '{"level":60,"time":1}', 'x'.repeat(5000)))
const { any } = fc.letrec(tie => ({ any: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('any'), { maxLength: 3 }), fc.dictionary(key, tie('any'), { maxKeys: 4, noNullPrototype: true })) }))
const fields = fc.dictionary(key, any, { maxKeys: 5, noNullPrototype: true }) as fc.Arbitrary<Fields>

const loggers = fc.record({
  base: fc.constantFrom({}, { base: null }, { base: { pid: 7, hostname: 'h', level: 3 } }),
  timestamp: fc.constantFrom(true, false, pino.stdTimeFunctions.isoTime, () => ',"time":"1700000000000"'),
  keys: fc.constantFrom({}, { nestedKey: 'payload' }, { messageKey: 'message' }, { messageKey: 'time' }),
  level: fc.constantFrom((_: string, level: number) => ({ level }), (level: string) => ({ level }), (label: string, level: number) => ({ severity: label, level }), (severity: string) => ({ severity })),
  mixed: fields,
  bindings: fields
})
const calls = fc.array(fc.tuple(fc.constantFrom('info' as const, 'fatal' as const), fields, fc.string({ unit: 'binary' })), { minLength: 1, maxLength: 5 })

/** The lines of a real logger with these options. Some options and fields make pino write lines that are no JSON. */
const lines = fc.tuple(loggers, calls).map(([{ base, timestamp, keys, level, mixed, bindings }, calls]) => {
  let text = ''
  const log = pino({ ...base, ...keys, timestamp, mixin: () => ({ ...mixed }), formatters: { level } }, { write (line: string) { text += line } }).child(bindings)
  for (const [level, fields, message] of calls) log[level](fields, message)
  return splitLines(Buffer.from(text).toString())
}).filter(lines => lines.every(isJson))

function isJson (line: string): boolean {
  try {
    parseJson(line)
    return true
  } catch {
    return false
  }
}

function bodyText (format: FormatName, part: BatchPart): string {
  return bodyOf(createFormat(settingsOf({ format, ...format === 'elasticsearch' && { elasticsearch: { index: 'logs' } } }), () => NOW), part).toString()
}

function parseAll (lines: readonly string[]): Fields[] {
  return lines.map(line => parseJson(line) as Fields)
}

/** How each format is read. Returns the lines as parsed. */
const readers: Readonly<Record<'json' | 'splunk' | 'elasticsearch' | 'loki', (body: string, lines: readonly string[]) => unknown[]>> = {
  json: body => parseJson(body) as unknown[],
  splunk: body => parseAll(splitLines(body)).map(({ time, event }) => {
    assert.equal(typeof time, 'number')
    return event
  }),
  elasticsearch: (body, lines) => parseAll(splitLines(body).filter((_, place) => place % 2 === 1)).map((document, place) => {
    const { '@timestamp': timestamp, ...rest } = document
    assert.notEqual(timestamp, undefined)
    return Object.hasOwn(parseJson(lines[place] as string) as object, '@timestamp') ? document : rest
  }),
  loki (body, lines) {
    const { streams } = parseJson(body) as { streams: Array<{ stream: { level?: string }, values: Array<[string, string]> }> }
    const entries = streams.flatMap(({ stream, values }) => values.map(([timeNs, line]) => ({ timeNs, line, level: stream.level })))
    for (const { timeNs, line, level } of entries) {
      assert.match(timeNs, /^\d+$/)
      const { level: own } = parseJson(line) as Fields
      const name = Object.entries(standardLevels).find(([, value]) => value === own)?.[0] ?? String(own)
      // Where a line has it twice, the first counts.
      if (line.split('"level":').length === 2 && (typeof own === 'number' || typeof own === 'string')) assert.equal(level, name)
    }
    assert.deepEqual(entries.map(({ line }) => line).sort(), [...lines].sort())
    return parseAll(lines)
  }
}

for (const [format, read] of Object.entries(readers)) {
  t.test(`a body of ${format} says what the lines of a logger say, whatever it logs and however it is set`, async () => {
    fc.assert(fc.property(lines, lines => {
      assert.deepEqual(read(bodyText(format as FormatName, partOf(lines)), lines), parseAll(lines))
    }), { numRuns: RUNS })
  })
}
