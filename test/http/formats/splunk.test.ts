import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { createSplunkFormat } from '#lib/http/formats/splunk'
import { bareLine, pinoLine } from '../../support/arbitrary-lines.js'
import { bodyOf, partOf, settingsOf } from '../../support/http-sinks.js'

interface Event { time: number, event: unknown, index?: string, fields?: Record<string, string> }

function events (lines: readonly string[], options: Record<string, unknown> = {}): Event[] {
  const body = bodyOf(createSplunkFormat(settingsOf({ format: 'splunk', ...options }), () => 1600000000000), partOf(lines)).toString()
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

t.test('requests have a channel: that of the options, or one of the sink', async t => {
  const channelOf = (splunk: Record<string, unknown> = {}): string | undefined => createSplunkFormat(settingsOf({ format: 'splunk', splunk }), () => 0).headers?.['x-splunk-request-channel']
  const channel = '27F9423B-1297-4CAB-8C5E-0F0F1D5C0F6A'
  t.equal(channelOf({ channel }), channel)
  t.match(channelOf(), /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)
  t.not(channelOf(), channelOf())
  t.same(events(['{"a":1}'], { splunk: { channel } }), [{ time: 1600000000, event: { a: 1 } }], 'and no event has it')
})

t.test('an answer about token, channel or index is about all events, and one about an event is not', async t => {
  const { isAboutAll } = createSplunkFormat(settingsOf({ format: 'splunk' }), () => 0)
  for (const body of ['{"text":"Incorrect index","code":7,"invalid-event-number":0}', '{"text":"Data channel is missing","code":10}', '{"text":"Invalid data channel","code":11}', '{"text":"ACK is disabled","code":14}', '{"text":"Query string authorization is not enabled","code":16}']) t.equal(isAboutAll?.(body), true, body)
  for (const body of ['{"text":"Invalid data format","code":6,"invalid-event-number":2}', '{"text":"Event field is required","code":12,"invalid-event-number":0}', '', '<html>', 'null', '[7]', '{"code":"7"}']) t.equal(isAboutAll?.(body), false, body)
})

t.test('an event has the metadata of the options', async t => {
  t.same(events(['{"a":1}']), [{ time: 1600000000, event: { a: 1 } }])
  t.same(events(['{"a":1}'], { splunk: { index: 'main', sourcetype: '_json' }, labels: { app: 'shop' } }), [
    { time: 1600000000, index: 'main', sourcetype: '_json', fields: { app: 'shop' }, event: { a: 1 } }
  ])
})
