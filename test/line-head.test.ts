import fc from 'fast-check'
import assert from 'node:assert/strict'
import pino from 'pino'
import t from 'tap'
import { createHeadReader, msToNs, timeToNs } from '#lib/line-head'

const { read } = createHeadReader('level', 'time')

t.test('the head that pino writes is read without parsing', async t => {
  const lines: string[] = []
  const write = (options: pino.LoggerOptions): string => {
    pino({ base: null, ...options }, { write (line: string) { lines.push(line) } }).warn({ a: { time: 1, level: 2 } }, 'hi')
    return (lines.at(-1) as string).trimEnd()
  }
  t.match(read(write({})), { level: 40, timeNs: /^1\d{12}000000$/ })
  t.match(read(write({ timestamp: pino.stdTimeFunctions.unixTime })), { level: 40, timeNs: /^1\d{9}000000000$/ })
  t.match(read(write({ timestamp: pino.stdTimeFunctions.isoTime })), { level: 40, timeNs: /^1\d{12}000000$/ })
  t.match(read(write({ formatters: { level: label => ({ level: label }) } })), { level: 'warn', timeNs: /^1\d{12}000000$/ })
  t.same(read(write({ timestamp: false })), { level: 40, timeNs: undefined }, 'the time in a nested object is not that of the line')
})

t.test('the size of a number tells whether it is in seconds, milliseconds, microseconds or nanoseconds', async t => {
  for (const [time, ns] of [
    ['1700000000', '1700000000000000000'],
    ['1700000000123', '1700000000123000000'],
    ['1700000000123456', '1700000000123456000'],
    ['1700000000123456789', '1700000000123456789'],
    ['0', '0']
  ] as const) t.equal(read(`{"level":30,"time":${time},"msg":"x"}`).timeNs, ns, time)
  t.equal(read('{"time":1700000000.25,"level":30}').timeNs, '1700000000250000000', 'seconds may have a fraction')
  t.equal(read('{"time":1700000000123,"level":30}').timeNs, '1700000000123000000', 'also if the head has another form')
  t.equal(msToNs(0), '0')
  t.equal(msToNs(1700000000123), '1700000000123000000')
})

t.test('a text is ISO 8601, to the nanosecond', async t => {
  t.equal(read('{"level":30,"time":"2024-05-05T12:00:00Z"}').timeNs, '1714910400000000000')
  t.equal(read('{"level":30,"time":"2024-05-05T12:00:00.123456789Z"}').timeNs, '1714910400123456789')
  t.equal(read('{"msg":"x","time":"2024-05-05T12:00:00.5+02:00"}').timeNs, '1714903200500000000')
})

t.test('an unreadable time or level counts as missing', async t => {
  for (const line of ['', 'no JSON', '[]', 'null', '7', '{}', '{"level":{},"time":[]}', '{"level":null,"time":-5}', '{"time":1e30}']) {
    t.same(read(line), { level: undefined, timeNs: undefined }, line)
  }
  for (const time of ['"yesterday"', '"1901-01-01T00:00:00Z"']) t.same(read(`{"level":30,"time":${time}}`), { level: 30, timeNs: undefined }, time)
})

t.test('level and time can have other keys, with any characters', async t => {
  const { read } = createHeadReader('log.level', '@time"stamp')
  t.same(read('{"log.level":"warn","@time\\"stamp":1700000000123}'), { level: 'warn', timeNs: '1700000000123000000' })
  t.same(read('{"logXlevel":"warn","@time\\"stamp":1700000000123}'), { level: undefined, timeNs: '1700000000123000000' })
})

t.test('reading the head gives the same result as parsing the line', async () => {
  const level = fc.oneof(fc.nat(100), fc.string({ maxLength: 5 }))
  const time = fc.oneof(fc.integer({ min: 0, max: 2 ** 53 - 1 }), fc.date({ min: new Date(0), noInvalidDate: true }).map(date => date.toISOString()))
  fc.assert(fc.property(level, time, fc.dictionary(fc.string(), fc.jsonValue()), (level, time, others) => {
    const { level: _level, time: _time, ...rest } = others
    const head = JSON.stringify({ level, time, ...rest })
    // The space is valid JSON, but makes the head differ from pino's, so that the line is parsed.
    assert.deepEqual(read(head), read(head.replace('{', '{ ')))
  }))
})

t.test('a value that was parsed may be a time, too, with all digits of a bigint', async t => {
  for (const time of [1700000000, 1700000000123, 1700000000123456, 1700000000123456789n, '2023-11-14T22:13:20Z']) t.match(timeToNs(time), /^170000000\d{10}$/, String(time))
  t.equal(timeToNs(1700000000123456789n), '1700000000123456789')
  for (const time of [undefined, null, true, {}, [1700000000], NaN, -1, -1n, 1e19, 10n ** 19n, 'yesterday']) t.equal(timeToNs(time), undefined, String(time))
})
