import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { createSplunkFormat } from '#lib/http/formats/splunk'
import { bareLine, pinoLine } from '../../support/arbitrary-lines.js'
import { partOf, settingsOf } from '../../support/http-sinks.js'

interface Event { time: number, event: unknown, index?: string, fields?: Record<string, string> }

function events (lines: readonly string[], options: Record<string, unknown> = {}): Event[] {
  const body = createSplunkFormat(settingsOf({ format: 'splunk', ...options }), () => 1600000000000).encode(partOf(lines))
  return body.trimEnd().split('\n').map(text => JSON.parse(text) as Event)
}

t.test('each line is an event, in order: an object unchanged, anything else as a string', async () => {
  const text = bareLine.filter(text => !/^\{.*\}$/s.test(text))
  fc.assert(fc.property(fc.array(pinoLine, { minLength: 1 }), fc.array(text, { minLength: 1 }), (objects, texts) => {
    assert.deepEqual(events([...objects, ...texts]).map(({ event }) => event), [...objects.map(line => JSON.parse(line) as unknown), ...texts])
  }))
})

t.test('the time of an event is that of its line, in seconds, or the time of sending', async t => {
  t.same(events(['{"level":30,"time":1700000000123}', '{"level":30}', '{"level":30,"time":0}', '{"level":30,"at":5}']).map(({ time }) => time), [1700000000.123, 1600000000, 0, 1600000000])
  t.same(events(['{"level":30,"at":1700000000}'], { timeKey: 'at' }).map(({ time }) => time), [1700000000])
})

t.test('an event has the metadata of the options', async t => {
  t.same(events(['{"a":1}']), [{ time: 1600000000, event: { a: 1 } }])
  t.same(events(['{"a":1}'], { splunk: { index: 'main', sourcetype: '_json' }, labels: { app: 'shop' } }), [
    { time: 1600000000, index: 'main', sourcetype: '_json', fields: { app: 'shop' }, event: { a: 1 } }
  ])
})
